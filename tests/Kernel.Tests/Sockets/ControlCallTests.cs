using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>Calls that the stack answers: when there is no memory for them, and when several threads make one of the same socket.</summary>
public sealed unsafe class ControlCallTests() : SocketTest(hasStack: true)
{
    private const ulong BindToDevice = 25;

    private Thread* _other;

    [Fact]
    public void A_call_for_which_there_is_no_memory_is_refused_with_ENOBUFS_and_is_made_when_there_is_some()
    {
        ulong stream = Open(Stream, NonBlocking);
        ulong datagram = Open(Datagram, NonBlocking);
        ulong address = Address(9, 80);
        ulong charged = MemoryCharge.Promised;
        ChargeAllMemory();
        charged = MemoryCharge.Promised - charged;

        Assert.Equal(-Errno.ENOBUFS, Call(SystemCallNumber.Bind, stream, address, 16));
        Assert.Equal(-Errno.ENOBUFS, Call(SystemCallNumber.Listen, stream, 1));
        Assert.Equal(-Errno.ENOBUFS, Call(SystemCallNumber.Connect, stream, address, 16));
        Assert.Equal(-Errno.ENOBUFS, SetOption(stream, 1, BindToDevice, 1, 0));
        Assert.Equal(-Errno.ENOBUFS, Call(SystemCallNumber.Sendto, datagram, Memory, 1, 0, address, 16));
        Assert.Equal(Out | HangUp, Poll(stream));

        MemoryCharge.Release(charged);
        Assert.Equal(-Errno.EINPROGRESS, Call(SystemCallNumber.Connect, stream, address, 16));
        RequestView request = Assert.Single(AsStack(TakeRequests));
        Assert.Equal((SocketCall.Connect, (ushort)80), (request.Call, request.Port));
    }

    [Fact]
    public void Who_waits_for_the_turn_makes_its_call_though_the_caller_before_does_not_take_the_answer()
    {
        ulong address = Address(1, 80);
        RequestView first = BindTwice(address, out ulong handle);
        Assert.Equal(0, Call(SystemCallNumber.Munmap, address, Pages.Size));

        Complete(first.Handle, 0);

        Assert.Equal((-Errno.EFAULT, ThreadState.Ready), ((long)Program->Frame.Rax, Program->State));
        RequestView second = Assert.Single(TakeRequests());
        Assert.Equal((SocketCall.Bind, (ushort)81), (second.Call, second.Port));
        Complete(handle, 0);
        Assert.Equal((0ul, ThreadState.Ready), (_other->Frame.Rax, _other->State));
    }

    [Fact]
    public void Who_waits_for_the_turn_needs_no_memory_for_its_call_then()
    {
        RequestView first = BindTwice(Address(1, 80), out _);
        FailNth.Arm(1, withStacks: true);

        Complete(first.Handle, 0);

        Assert.Equal(1ul, FailNth.Arm(0, withStacks: true));
        Assert.Equal((0ul, ThreadState.Ready), (Program->Frame.Rax, Program->State));
        Assert.Equal((ushort)81, Assert.Single(TakeRequests()).Port);
    }

    [Fact]
    public void Who_waits_until_a_connect_is_answered_makes_its_call_then()
    {
        ulong stream = Open(Stream);
        Assert.True(Program == Park(SystemCallNumber.Connect, stream, Address(9, 80), 16));
        RequestView connect = Assert.Single(TakeRequests());
        RunOther();
        *(int*)Memory = 0;
        Assert.True(_other == Park(SystemCallNumber.Setsockopt, stream, 1, BindToDevice, Memory, 4));
        Assert.Empty(TakeRequests());

        Complete(connect.Handle, 0);

        Assert.Equal((0ul, ThreadState.Ready), (Program->Frame.Rax, Program->State));
        Assert.Equal(SocketCall.BindToDevice, Assert.Single(TakeRequests()).Call);
        Complete(connect.Handle, 0);
        Assert.Equal((0ul, ThreadState.Ready), (_other->Frame.Rax, _other->State));
    }

    [Fact]
    public void A_close_that_waits_goes_on_with_its_own_socket_and_no_other()
    {
        ulong[] sockets = [OpenLingering(out ulong first), OpenLingering(out ulong second)];
        Assert.True(Program == Park(SystemCallNumber.Close, sockets[0]));
        RunOther();
        Assert.True(_other == Park(SystemCallNumber.Close, sockets[1]));
        Assert.Equal(2, TakeRequests().Count);

        Assert.Equal(0, Call(NucleusCall.ReleaseSocket, second));

        Assert.Equal((ThreadState.Blocked, ThreadState.Ready), (Program->State, _other->State));
        Assert.Equal(0, Call(NucleusCall.ReleaseSocket, first));
        Assert.Equal((ThreadState.Ready, 0ul), (Program->State, Program->Frame.Rax));
    }

    [Fact]
    public void Nothing_is_left_of_a_socket_that_has_had_a_call_connections_a_route_and_an_error()
    {
        AssertFramesAccountedFor(out ulong before);
        ulong listener = OpenBound(Stream, 1, 80);
        Assert.Equal(0, CallAndAnswer(static request => Complete(request.Handle, 0), SystemCallNumber.Listen, listener, 8));
        ulong datagram = OpenBound(Datagram, 1, 81);
        ulong[] handles = [Handle(listener), Handle(datagram)];
        AsStack(() =>
        {
            Assert.True(Offer(handles[0]) > 0, "the connection is not taken");
            ErrorRecord* record = (ErrorRecord*)Memory;
            *record = new ErrorRecord { Errno = (int)Errno.ECONNREFUSED };
            Assert.Equal(0, Call(NucleusCall.QueueSocketError, handles[1], Memory, Memory + 256, 1));
        });

        Assert.Equal((0, 0), (Call(SystemCallNumber.Close, listener), Call(SystemCallNumber.Close, datagram)));
        AsStack(() => Assert.All(TakeRequests(), static request => Assert.Equal(0, Call(NucleusCall.ReleaseSocket, request.Handle))));

        // But for a page of control calls, so that there is memory for the next one.
        AssertFramesAccountedFor(out ulong after);
        Assert.Equal(before + 1, after);
    }

    /// <summary>The program binds a socket, and then its other thread does; the stack has the first request.</summary>
    private RequestView BindTwice(ulong address, out ulong handle)
    {
        ulong socket = Open(Stream);
        handle = Handle(socket);
        ulong another = Address(1, 81);
        Assert.True(Program == Park(SystemCallNumber.Bind, socket, address, 16));
        RequestView request = Assert.Single(TakeRequests());
        RunOther();
        Assert.True(_other == Park(SystemCallNumber.Bind, socket, another, 16));
        Assert.Empty(TakeRequests());
        return request;
    }

    /// <summary>The program's other thread begins to run, while its first one waits for the stack.</summary>
    private void RunOther()
    {
        Assert.True(Stack == Current, "the stack's thread does not run");
        _other = Spawn();
        _ = Enter(SystemCallNumber.SchedYield);
        Assert.True(_other == Current, "the other thread does not run");
    }

    private ulong OpenLingering(out ulong handle)
    {
        ulong socket = OpenConnected(out handle);
        Assert.Equal(0, SetOption(socket, 1, 13, 1, 5));
        AsStack(TakeRequests);
        return socket;
    }
}
