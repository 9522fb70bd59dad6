using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp;

public sealed class SegmentRingsTests
{
    private readonly SegmentRings _rings = new();

    [Theory]
    [InlineData(0, 8)]
    [InlineData(8, 16)]
    [InlineData(32, 64)]
    [InlineData(64, 128)]
    [InlineData(2_048, 4_096)]
    public void A_larger_ring_has_twice_as_many_entries_and_the_first_has_eight(int before, int expected) =>
        Assert.Equal(expected, _rings.TakeLarger(before).Length);

    [Fact]
    public void A_ring_that_was_returned_is_taken_by_the_next_that_needs_as_many_entries()
    {
        SentSegment[] ring = _rings.TakeLarger(8);
        _rings.Return(ring);
        Assert.NotSame(ring, _rings.TakeLarger(0));
        Assert.Same(ring, _rings.TakeLarger(8));
        Assert.NotSame(ring, _rings.TakeLarger(8));
    }

    [Theory]
    [InlineData(0, 64)]
    [InlineData(32, 8)]
    [InlineData(64, 0)]
    public void So_many_of_a_size_are_kept(int before, int expected)
    {
        SentSegment[][] taken = [.. Enumerable.Range(0, 100).Select(_ => _rings.TakeLarger(before))];
        Array.ForEach(taken, _rings.Return);
        Assert.Equal(expected, Enumerable.Range(0, 100).Select(_ => _rings.TakeLarger(before)).Count(taken.Contains));
    }

    [Fact]
    public void What_is_under_way_has_a_ring_and_what_is_acknowledged_has_none()
    {
        SentSegments sent = default;
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 20; i++)
            {
                sent.Add(new SentSegment { Start = new SequenceNumber((uint)(i * 10)), Length = 10, SegmentSize = 10 }, _rings);
            }

            Assert.Equal((20, 200), (sent.Count, sent.InFlight));
            SentSegment[] other = _rings.TakeLarger(16);
            for (int i = 0; i < 20; i++)
            {
                Assert.Equal(new SequenceNumber((uint)(i * 10)), sent[0].Start);
                sent.RemoveUpTo(new SequenceNumber((uint)((i + 1) * 10)), _rings);
            }

            Assert.Equal((0, 0), (sent.Count, sent.InFlight));
            SentSegment[] own = _rings.TakeLarger(16);
            Assert.NotSame(other, own);
            Assert.Equal(new SequenceNumber(190), own[19].Start);
            _rings.Return(own);
        }
    }
}
