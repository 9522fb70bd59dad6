using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>What shutdown does where there is no connection, and how much a reader waits for.</summary>
public sealed unsafe class StreamEndTests() : SocketTest(hasStack: true)
{
    private const ulong Both = 2;

    /// <summary>.NET wakes the readers of a socket that is disposed of so.</summary>
    [Theory]
    [InlineData(Stream)]
    [InlineData(Datagram)]
    public void Shutdown_without_a_connection_fails_and_yet_ends_reading(ulong kind)
    {
        ulong socket = Open(kind);
        Assert.Equal(-Errno.ENOTCONN, Call(SystemCallNumber.Shutdown, socket, Both));
        Assert.Equal(0, Call(SystemCallNumber.Recvfrom, socket, Memory, 9));
    }

    [Fact]
    public void A_reader_of_datagrams_is_woken_by_shutdown()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        Assert.Equal(1, Call(SystemCallNumber.Sendto, socket, Memory, 1, 0, Address(9, 53), 16));
        Thread* reader = Park(SystemCallNumber.Recvfrom, socket, Memory, 9);
        Assert.Equal(-Errno.ENOTCONN, Call(SystemCallNumber.Shutdown, socket, Both));
        LetProgramRun();
        Assert.Equal(0ul, reader->Frame.Rax);

        // As on Linux, who does not wait hears nothing of the end.
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, 0x40));
    }

    [Fact]
    public void Shutdown_of_a_listener_resets_the_connections_that_nobody_has_accepted()
    {
        ulong socket = OpenListening(out ulong listener, out ulong offered);
        Assert.Equal(0, Call(SystemCallNumber.Shutdown, socket, Both));
        AsStack(() => Assert.Equal(
            [(offered, SocketSignals.Closed | SocketSignals.Aborted), (listener, SocketSignals.ReceiveShutDown)],
            TakeRequests().Select(each => (each.Handle, each.Signals))));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Accept, socket, 0, 0));
    }

    /// <summary>A connect to AF_UNSPEC, 0.</summary>
    [Fact]
    public void Disconnecting_a_listener_resets_them_too_and_it_may_listen_again()
    {
        ulong socket = OpenListening(out ulong listener, out ulong offered);
        *(ulong*)Memory = 0;
        IReadOnlyList<RequestView> following = [];
        Assert.Equal(
            0,
            CallAndAnswer(
                request =>
                {
                    Complete(request.Handle, 0);
                    following = TakeRequests();
                },
                SystemCallNumber.Connect, socket, Memory, sizeof(ulong)));
        RequestView reset = Assert.Single(following);
        Assert.Equal((offered, SocketSignals.Closed | SocketSignals.Aborted), (reset.Handle, reset.Signals));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Accept, socket, 0, 0));

        // It may listen again, and nobody waits.
        Assert.Equal(0, CallAndAnswer(request => Complete(request.Handle, 0), SystemCallNumber.Listen, socket, 5));
        Assert.Equal(0u, Poll(socket));
        AsStack(() => Assert.True(Offer(listener) > 0, "no connection is taken"));
        Assert.Equal(In, Poll(socket));
    }

    /// <summary>SOL_SOCKET 1, SO_RCVLOWAT 18.</summary>
    [Fact]
    public void A_reader_waits_for_as_much_as_the_low_water_mark_says()
    {
        ulong socket = OpenConnected(out ulong handle);
        Assert.Equal(0, SetOption(socket, 1, 18, 4));
        AsStack(() =>
        {
            Assert.Equal(0, WriteReceived(handle, 0, "abc"u8));
            Assert.Equal(0, Call(NucleusCall.CommitReceived, handle, 3));
        });
        Assert.Equal(Out, Poll(socket));
        Assert.Equal(2, Call(SystemCallNumber.Recvfrom, socket, Memory, 2, 2));
        ulong flags = (ulong)Call(SystemCallNumber.Fcntl, socket, 3);
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, socket, 4, flags & ~NonBlocking));
        Assert.Equal(1, Call(SystemCallNumber.Sendto, socket, Memory, 1));
        Thread* reader = Park(SystemCallNumber.Recvfrom, socket, Memory, 9);
        Assert.Equal(0, WriteReceived(handle, 0, "de"u8));
        Assert.Equal(0, Call(NucleusCall.CommitReceived, handle, 2));
        LetProgramRun();
        Assert.Equal(5ul, reader->Frame.Rax);

        // A smaller mark makes ready what is there.
        AsStack(() =>
        {
            Assert.Equal(0, WriteReceived(handle, 0, "abc"u8));
            Assert.Equal(0, Call(NucleusCall.CommitReceived, handle, 3));
        });
        Assert.Equal(Out, Poll(socket));
        Assert.Equal(0, SetOption(socket, 1, 18, 1));
        Assert.Equal(In | Out, Poll(socket));
    }

    /// <summary>A listener, and a connection that waits to be accepted from it.</summary>
    private ulong OpenListening(out ulong listener, out ulong offered)
    {
        ulong socket = OpenBound(Stream, 1, 80);
        Assert.Equal(0, CallAndAnswer(static request => Complete(request.Handle, 0), SystemCallNumber.Listen, socket, 5));
        ulong handle = Handle(socket);
        ulong made = 0;
        AsStack(() => made = (ulong)Offer(handle));
        (listener, offered) = (handle, made);
        return socket;
    }
}
