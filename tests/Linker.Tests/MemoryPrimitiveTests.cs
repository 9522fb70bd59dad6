using CsCheck;

namespace Xenlet.Linker.Tests;

public sealed unsafe class MemoryPrimitiveTests : IDisposable
{
    private readonly HostImage _image = new();
    private readonly delegate* unmanaged<byte*, byte, nuint, void> _fill;
    private readonly delegate* unmanaged<byte*, byte*, nuint, void> _copy;

    public MemoryPrimitiveTests()
    {
        _image.Load(MemoryPrimitives.Assemble());
        _fill = (delegate* unmanaged<byte*, byte, nuint, void>)_image["xenlet_fill"];
        _copy = (delegate* unmanaged<byte*, byte*, nuint, void>)_image["xenlet_copy"];
    }

    public void Dispose() => _image.Dispose();

    [Fact]
    public void Filling_writes_exactly_the_bytes_asked_for() =>
        Gen.Select(Gen.Int[0, 300], Gen.Int[0, 300], Gen.Byte).Sample((start, length, value) =>
        {
            byte[] expected = Pattern(700);
            byte[] actual = Pattern(700);
            expected.AsSpan(start, length).Fill(value);
            fixed (byte* p = actual)
            {
                _fill(p + start, value, (nuint)length);
            }

            Assert.Equal(expected, actual);
        }, threads: 1);

    [Fact]
    public void Copying_is_right_for_any_overlap() =>
        Gen.Select(Gen.Int[0, 300], Gen.Int[0, 300], Gen.Int[0, 300]).Sample(
            (from, to, length) => CopyMatches(from, to, length), threads: 1);

    [Theory]
    [InlineData(10, 10, 50)] // onto itself
    [InlineData(10, 11, 50)] // one byte up
    [InlineData(11, 10, 50)] // one byte down
    [InlineData(0, 50, 50)] // the target begins where the source ends
    [InlineData(50, 0, 50)]
    [InlineData(5, 6, 0)]
    [InlineData(5, 6, 1)]
    public void Copying_is_right_at_the_edges(int from, int to, int length) => CopyMatches(from, to, length);

    private void CopyMatches(int from, int to, int length)
    {
        byte[] expected = Pattern(700);
        byte[] actual = Pattern(700);
        expected.AsSpan(from, length).CopyTo(expected.AsSpan(to));
        fixed (byte* p = actual)
        {
            _copy(p + to, p + from, (nuint)length);
        }

        Assert.Equal(expected, actual);
    }

    /// <summary>Bytes that differ from their neighbours near and far.</summary>
    private static byte[] Pattern(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)((i * 7) + (i >> 8)))];
}
