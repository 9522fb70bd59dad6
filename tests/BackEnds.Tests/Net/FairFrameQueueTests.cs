using System.Globalization;
using Xenlet.BackEnds.Net;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>Whose frames wait for a receiver, and in which order they go.</summary>
public sealed class FairFrameQueueTests
{
    private const int Small = 2048;
    private const int Large = 76 * 1024;

    private readonly FramePool _frames = new();

    [Fact]
    public void A_lone_sender_has_all_of_the_room_and_its_frames_keep_their_order()
    {
        FairFrameQueue queue = new(8, 1 << 20);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 1, 1], Enumerable.Range(0, 10).Select(i => Add(queue, "a", i)));
        Assert.Equal("a0 a1 a2 a3 a4 a5 a6 a7", Take(queue, 9));
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public void Senders_take_turns_and_the_longest_line_loses_its_last_frame()
    {
        FairFrameQueue queue = new(8, 1 << 20);
        Assert.All(Enumerable.Range(0, 8), i => Assert.Equal(0, Add(queue, "a", i)));
        Assert.Equal([1, 1, 1, 1, 1], Enumerable.Range(0, 5).Select(i => Add(queue, "b", i)));

        // Four of each are left: of five, the last one had no room.
        Assert.Equal(1, Add(queue, "a", 9));
        Assert.Equal("a0 a1 a2 a3 b0 b1 b2 b3", Sorted(Take(queue, 8)));
    }

    /// <summary>Turns are of as much work, whatever the sizes of frames are.</summary>
    [Theory]
    [InlineData(60, 60, 32, 32)]
    [InlineData(65_000, 60, 2, 32)]
    [InlineData(60, 65_000, 32, 2)]
    [InlineData(1514, 9000, 32, 8)]
    public void In_a_turn_go_64_KiB_or_32_frames(int first, int second, int ofFirst, int ofSecond)
    {
        FairFrameQueue queue = new(1000, 100 << 20);
        for (int i = 0; i < 200; i++)
        {
            Add(queue, "a", i, first);
            Add(queue, "b", i, second);
        }

        // A first turn ends with a debt, as do the others.
        for (int turn = 0; turn < 4; turn++)
        {
            string[] taken = Take(queue, ofFirst + ofSecond).Split(' ');
            Assert.InRange(taken.Count(one => one[0] == 'a'), ofFirst - 1, ofFirst + 1);
        }
    }

    /// <summary>A frame of many segments takes the room of many small ones, of whoever has most.</summary>
    [Fact]
    public void Memory_is_shared_as_frames_are()
    {
        FairFrameQueue queue = new(1000, 10 * Large);
        int fit = 10 * Large / Small;
        Assert.Equal(5, Enumerable.Range(0, fit + 5).Sum(i => Add(queue, "a", i)));
        Assert.Equal(Large / Small, Add(queue, "b", 0, 65_000));
        Assert.Equal(4 * Large / Small, Enumerable.Range(1, 4).Sum(i => Add(queue, "b", i, 65_000)));
        Assert.Equal(1, Add(queue, "b", 5, 65_000));
        Assert.Equal(1, Add(queue, "a", fit));
        Assert.Equal((5 * Large / Small) + 5, queue.Count);
        queue.Clear();
        Assert.Equal(0, queue.Count);
        Assert.Equal(1, Add(new FairFrameQueue(8, Large - 1), "a", 0, 65_000));
    }

    [Fact]
    public void Senders_that_are_gone_are_forgotten()
    {
        FairFrameQueue queue = new(8, 1 << 20);
        for (int i = 0; i < 1000; i++)
        {
            Add(queue, i.ToString(CultureInfo.InvariantCulture), 0);
            Take(queue, 1);
        }

        Add(queue, "a", 7);
        Assert.Equal("a7", Take(queue, 1));
        Assert.InRange(queue.Lines, 1, 64);
    }

    private static string Sorted(string names) => string.Join(' ', names.Split(' ').Order(StringComparer.Ordinal));

    private static string Take(FairFrameQueue queue, int count)
    {
        List<string> names = [];
        while (names.Count < count && queue.TryTake(out FrameBuffer? frame))
        {
            names.Add(string.Create(CultureInfo.InvariantCulture, $"{frame!.Origin}{frame.Data[0]}"));
            frame.Dispose();
        }

        return string.Join(' ', names);
    }

    private int Add(FairFrameQueue queue, string origin, int number, int length = 60)
    {
        FrameBuffer frame = _frames.Rent(length);
        frame.Length = length;
        frame.Data[0] = (byte)number;
        frame.Origin = origin;
        return queue.Add(frame);
    }
}
