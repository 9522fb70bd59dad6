using CsCheck;
using Xenlet.Kernel.Nucleus.Linux.Sockets;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>The queue of a socket's bytes.</summary>
public sealed unsafe class ByteQueueTests : NucleusTest
{
    /// <summary>Writes at offsets, appends, copies and removals, with a list of bytes beside it.</summary>
    [Fact]
    public void Bytes_come_out_as_they_were_written_and_pages_come_back() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 12_000], Gen.Int[1, 9000]).Array[1, 40].Sample(
            static steps =>
            {
                Boot(DefaultFrames);
                ByteQueue queue = default;
                List<byte> bytes = [];
                SortedDictionary<long, byte> ahead = [];
                byte* buffer = (byte*)Allocate(6);
                byte next = 0;
                foreach ((int act, int offset, int count) in steps)
                {
                    if (act <= 1)
                    {
                        int start = act == 0 ? 0 : offset;
                        for (int i = 0; i < count; i++)
                        {
                            buffer[i] = next;
                            ahead[start + i] = next++;
                        }

                        Assert.True(ByteQueue.TryWrite(&queue, (ulong)start, buffer, (ulong)count));
                    }
                    else if (act == 2)
                    {
                        int whole = 0;
                        while (whole < count && ahead.ContainsKey(whole))
                        {
                            bytes.Add(ahead[whole++]);
                        }

                        ahead = new(ahead.Where(pair => pair.Key >= whole).ToDictionary(pair => pair.Key - whole, pair => pair.Value));
                        ByteQueue.Append(&queue, (ulong)whole);
                    }
                    else
                    {
                        int part = Math.Min(count, bytes.Count);
                        ByteQueue.Copy(&queue, 0, buffer, (ulong)part);
                        Assert.Equal(bytes[..part], new Span<byte>(buffer, part).ToArray());
                        bytes.RemoveRange(0, part);
                        ByteQueue.Remove(&queue, (ulong)part);
                    }

                    Assert.Equal((uint)bytes.Count, queue.Count);
                }

                ByteQueue.Clear(&queue);
                Assert.Equal(0ul, SocketMemory.PagesInUse);
            },
            iter: 100,
            threads: 1);

    /// <summary>Each time from the middle of a page on into others, until the pages' places in a directory have come round.</summary>
    [Fact]
    public void A_queue_that_was_emptied_goes_on_with_other_pages()
    {
        const int part = 5000;
        ByteQueue queue = default;
        queue.Direction = SocketDirection.Sent;
        byte* buffer = (byte*)Allocate(4);
        byte* copy = buffer + (2 * Pages.Size);
        for (ulong round = 0; round * part < 2 * ByteQueue.MaximumSize; round++)
        {
            new Random((int)round).NextBytes(new Span<byte>(buffer, part));
            Assert.Equal((0u, round * part), (queue.Count, queue.FirstPosition));
            Assert.True(ByteQueue.TryWrite(&queue, 0, buffer, part) && ByteQueue.IsWritten(&queue, part));
            ByteQueue.Append(&queue, part);
            ByteQueue.Copy(&queue, 0, copy, part);
            Assert.True(new Span<byte>(buffer, part).SequenceEqual(new Span<byte>(copy, part)), $"bytes of round {round} differ");
            ByteQueue.Remove(&queue, part);
            Assert.Equal((0ul, SocketDirection.Sent), (SocketMemory.PagesInUse, queue.Direction));
        }
    }

    [Fact]
    public void At_the_budget_nothing_can_be_written_and_what_was_given_back_can_be_had_again()
    {
        ByteQueue queue = default;
        byte* page = (byte*)Allocate(1);
        ulong written = 0;
        while (ByteQueue.TryWrite(&queue, 0, page, 4096))
        {
            ByteQueue.Append(&queue, 4096);
            written++;
        }

        // An eighth of the memory, less what is kept for what is sent; one page is the directory.
        ulong expected = (FrameAllocator.TotalFrames / 8) - (SocketMemory.SetAside / 2) - 1;
        Assert.Equal((expected, 0ul), (written, SocketMemory.Left(SocketDirection.Received)));
        ByteQueue.Remove(&queue, 4096);
        Assert.True(SocketMemory.TakeRelief());
        Assert.False(SocketMemory.TakeRelief());
        Assert.True(ByteQueue.TryWrite(&queue, 0, page, 4096));
        ByteQueue.Clear(&queue);
        Assert.Equal(0ul, SocketMemory.PagesInUse);
    }
}
