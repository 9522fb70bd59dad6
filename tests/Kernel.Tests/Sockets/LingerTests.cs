using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>close with SO_LINGER of a time.</summary>
public sealed unsafe class LingerTests() : SocketTest(hasStack: true)
{
    private const ulong Second = 1_000_000_000;

    [Theory]
    [InlineData(5, true)]
    [InlineData(5, false)]
    [InlineData(-1, false)]
    public void A_close_waits_until_all_is_delivered_and_does_not_touch_who_has_its_descriptor_then(int seconds, bool isBlocking)
    {
        ulong socket = OpenLingering(seconds, out ulong handle);
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, socket, 4, isBlocking ? 0 : NonBlocking));

        Thread* closer = Park(SystemCallNumber.Close, socket);

        Assert.Equal(SocketSignals.Closed, Assert.Single(TakeRequests()).Signals);
        Assert.Equal((long)socket, Call(SystemCallNumber.Eventfd2, 0, 0));
        Assert.Equal(0, Call(NucleusCall.ReleaseSocket, handle));
        LetProgramRun();
        Assert.Equal(0ul, closer->Frame.Rax);
        Assert.Equal(0, Call(SystemCallNumber.Close, socket));
    }

    [Fact]
    public void A_close_waits_no_longer_than_its_time_and_the_rest_is_delivered_all_the_same()
    {
        ulong socket = OpenLingering(5, out ulong handle);
        Thread* closer = Park(SystemCallNumber.Close, socket);
        Assert.Equal(SocketSignals.Closed, Assert.Single(TakeRequests()).Signals);
        _ = Park(NucleusCall.WaitForSockets, Memory, 0, ulong.MaxValue);
        Assert.True(TimerInterrupt(Now + (5 * Second) - 1) != closer, "the wait ended before its time");

        Assert.True(TimerInterrupt(Now + 2) == closer, "the wait does not end with its time");

        Assert.Equal(0ul, closer->Frame.Rax);
        AsStack(() => Assert.Equal(0, Call(NucleusCall.ReleaseSocket, handle)));
        Assert.Equal(0ul, SocketMemory.PagesInUse);
    }

    [Fact]
    public void A_close_does_not_wait_when_there_is_nothing_to_deliver()
    {
        ulong unread = OpenLingering(5, out ulong handle);
        AsStack(() => Assert.Equal((0, 0), (WriteReceived(handle, 0, "a"u8), Call(NucleusCall.CommitReceived, handle, 1))));
        ulong unconnected = Open(Stream);
        Assert.Equal(0, SetOption(unconnected, 1, 13, 1, 5));
        ulong failed = OpenLingering(5, out ulong ended);
        AsStack(() => Assert.Equal(0, Call(NucleusCall.FailSocket, ended, (ulong)Errno.ECONNRESET)));

        Assert.Equal(
            (0, 0, 0),
            (Call(SystemCallNumber.Close, unread), Call(SystemCallNumber.Close, unconnected), Call(SystemCallNumber.Close, failed)));
    }

    private ulong OpenLingering(int seconds, out ulong handle)
    {
        ulong socket = OpenConnected(out handle);
        Assert.Equal(0, SetOption(socket, 1, 13, 1, seconds));
        *(byte*)Memory = 1;
        Assert.Equal(1, Call(SystemCallNumber.Write, socket, Memory, 1));
        AsStack(TakeRequests);
        return socket;
    }
}
