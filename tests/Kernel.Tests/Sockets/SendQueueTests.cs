using Xenlet.Kernel.Nucleus.Linux.Sockets;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>A send queue that is full while all that is in it is under way.</summary>
public sealed class SendQueueTests() : SocketTest(hasStack: true, MemoryFrames)
{
    private const ulong MemoryFrames = 4_096;
    private const int First = 262_144;
    private const int Largest = 1_048_576;

    // SOL_SOCKET, SO_SNDBUF
    private const int General = 1;
    private const int SendBuffer = 7;

    [Fact]
    public void It_grows_when_the_program_has_found_too_little_room_and_the_program_is_told()
    {
        ulong socket = OpenConnected(out ulong handle);
        Assert.Equal(First, Grow(handle));
        Assert.Equal(0u, Poll(socket) & Error);

        Fill(socket, First);
        Assert.Equal(0u, Poll(socket) & Out);
        Assert.Equal(2 * First, Grow(handle));
        Assert.Equal(Out, Poll(socket) & Out);

        // A third is free, which is enough: no more than the program can use.
        Assert.Equal(2 * First, Grow(handle));
        Fill(socket, First);
        Assert.Equal(Largest, Grow(handle));
        Fill(socket, Largest / 2);
        Assert.Equal(0, Grow(handle));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Sendto, socket, Memory, 1));
    }

    [Fact]
    public void It_does_not_grow_when_the_program_has_set_its_size()
    {
        ulong socket = OpenConnected(out ulong handle);
        Assert.Equal(0, SetOption(socket, General, SendBuffer, First / 2));
        Fill(socket, First);
        Assert.Equal(0, Grow(handle));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Sendto, socket, Memory, 1));
    }

    [Fact]
    public void It_does_not_grow_when_half_of_the_memory_of_all_sockets_is_used()
    {
        ulong socket = OpenConnected(out ulong handle);
        Fill(socket, First);
        while (SocketMemory.Left(SocketDirection.Sent) > SocketMemory.Budget / 2)
        {
            Fill(OpenConnected(out _), First);
        }

        Assert.Equal(First, Grow(handle));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Sendto, socket, Memory, 1));
    }

    /// <summary>Writes until the queue has no room, as a program does that has more.</summary>
    private void Fill(ulong socket, int expected)
    {
        long count = 0;
        long written;
        while ((written = Call(SystemCallNumber.Sendto, socket, Memory, 16 * Pages.Size)) > 0)
        {
            count += written;
        }

        Assert.Equal((-Errno.EAGAIN, expected), (written, count));
    }

    private int Grow(ulong handle) => AsStack(() => (int)Call(NucleusCall.GrowSendQueue, handle));
}
