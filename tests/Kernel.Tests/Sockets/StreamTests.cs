using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>Sockets of streams.</summary>
public sealed unsafe class StreamTests() : SocketTest(hasStack: true)
{
    [Fact]
    public void A_connect_that_does_not_wait_ends_with_an_event()
    {
        ulong socket = Open(Stream, NonBlocking);
        ulong address = Address(9, 80);
        Assert.Equal(Out | HangUp, Poll(socket));
        Assert.Equal(-Errno.EINPROGRESS, Call(SystemCallNumber.Connect, socket, address, 16));
        Assert.Equal(-Errno.EALREADY, Call(SystemCallNumber.Connect, socket, address, 16));
        Assert.Equal(0u, Poll(socket));
        AsStack(() =>
        {
            RequestView request = Assert.Single(TakeRequests());
            Assert.Equal((SocketCall.Connect, (ushort)80), (request.Call, request.Port));
            Complete(request.Handle, Errno.ECONNREFUSED);
        });

        Assert.Equal(In | Out | Error | HangUp | PeerHangUp, Poll(socket));
        Assert.Equal(Errno.ECONNREFUSED, GetOption(socket, 1, 4));
        Assert.Equal(0, GetOption(socket, 1, 4));

        // Another try, after connect has told the failure too.
        Assert.Equal(-Errno.ECONNABORTED, Call(SystemCallNumber.Connect, socket, address, 16));
        Assert.Equal(Out | HangUp, Poll(socket));
        Assert.Equal(-Errno.EINPROGRESS, Call(SystemCallNumber.Connect, socket, address, 16));
        AsStack(() => Complete(Assert.Single(TakeRequests()).Handle, 0));
        Assert.Equal(Out, Poll(socket));
        Assert.Equal(0, Call(SystemCallNumber.Connect, socket, address, 16));
        Assert.Equal(-Errno.EISCONN, Call(SystemCallNumber.Connect, socket, address, 16));
    }

    [Theory]
    [InlineData(0)]
    [InlineData((int)Errno.ETIMEDOUT)]
    public void A_connect_that_waits_returns_the_stacks_answer(int error) => Assert.Equal(
        -error,
        CallAndAnswer(request => Complete(request.Handle, error), SystemCallNumber.Connect, Open(Stream), Address(9, 80), 16));

    [Fact]
    public void Written_bytes_stay_until_they_are_released()
    {
        ulong socket = OpenConnected(out ulong handle);
        "abcdef"u8.CopyTo(new Span<byte>((void*)Memory, 6));
        Assert.Equal(4, Call(SystemCallNumber.Sendto, socket, Memory, 4));
        Assert.Equal(2, Call(SystemCallNumber.Write, socket, Memory + 4, 2));
        AsStack(() =>
        {
            RequestView request = Assert.Single(TakeRequests());
            Assert.Equal((SocketSignals.Written, 6u), (request.Signals, request.Written));
            Assert.Equal("abcdef"u8.ToArray(), CopySent(handle, 0));
            Assert.Equal(0, Call(NucleusCall.ReleaseSent, handle, 4));
            Assert.Equal("f"u8.ToArray(), CopySent(handle, 1));
            Assert.Equal(-Errno.EINVAL, Call(NucleusCall.ReleaseSent, handle, 3));
            Assert.Equal(0, Call(NucleusCall.ReleaseSent, handle, 2));
        });
        Assert.Equal(0ul, SocketMemory.PagesInUse);

        Assert.Equal(3, Call(SystemCallNumber.Write, socket, Memory, 3));
        AsStack(() => Assert.Equal(9u, Assert.Single(TakeRequests()).Written));
    }

    [Fact]
    public void What_arrives_may_release_what_was_sent_whether_it_finds_room_or_not()
    {
        ulong socket = OpenConnected(out ulong handle);
        "abcdef"u8.CopyTo(new Span<byte>((void*)Memory, 6));
        Assert.Equal(6, Call(SystemCallNumber.Sendto, socket, Memory, 6));
        AsStack(() =>
        {
            long room = Call(NucleusCall.SocketLength, handle, (ulong)NucleusCallSockets.Length.ReceiveRoom);
            Assert.Equal(-Errno.EINVAL, Append(handle, "xyz"u8, released: 7));
            Assert.Equal(room, Call(NucleusCall.SocketLength, handle, (ulong)NucleusCallSockets.Length.ReceiveRoom));
            Assert.Equal(room - 3, Append(handle, "xyz"u8, released: 4));
            Assert.Equal("ef"u8.ToArray(), CopySent(handle, 0));
            Assert.Equal(-Errno.ENOBUFS, Call(NucleusCall.AppendReceived, handle, Memory, (ulong)room, 1));
            Assert.Equal("f"u8.ToArray(), CopySent(handle, 0));
            Assert.Equal(-Errno.EINVAL, Call(NucleusCall.AppendPieces, handle, Memory, 0, 2));
            Assert.Equal(room - 3, Call(NucleusCall.AppendPieces, handle, Memory, 0, 1));
            Assert.Empty(CopySent(handle, 0));
        });
        Assert.Equal(3, Call(SystemCallNumber.Recvfrom, socket, Memory, 16));
    }

    [Fact]
    public void Bytes_before_their_turn_are_read_when_the_gap_is_filled()
    {
        ulong socket = OpenConnected(out ulong handle);
        AsStack(() => Assert.Equal(0, WriteReceived(handle, 3, "def"u8)));
        Assert.Equal(Out, Poll(socket));
        AsStack(() =>
        {
            Assert.Equal(-Errno.EINVAL, Call(NucleusCall.CommitReceived, handle, 7));
            Assert.Equal(0, WriteReceived(handle, 0, "abc"u8));
            Assert.Equal(0, Call(NucleusCall.CommitReceived, handle, 6));
        });

        Assert.Equal(In | Out, Poll(socket));
        Assert.Equal(0, Call(SystemCallNumber.Recvfrom, socket, Memory, 0));
        Assert.Equal(4, Call(SystemCallNumber.Recvfrom, socket, Memory, 4, 2));
        Assert.Equal(4, Call(SystemCallNumber.Recvfrom, socket, Memory, 4));
        Assert.Equal(2, Call(SystemCallNumber.Read, socket, Memory + 4, 100));
        Assert.Equal("abcdef"u8.ToArray(), Load(Memory, 6));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Recvfrom, socket, Memory, 0));
        AsStack(() => Assert.Equal(SocketSignals.Consumed, Assert.Single(TakeRequests()).Signals));
        Assert.Equal(0ul, SocketMemory.PagesInUse);
    }

    [Fact]
    public void At_half_of_the_budget_bytes_before_their_turn_are_refused_and_others_taken()
    {
        OpenConnected(out ulong handle);
        ByteQueue held = default;
        byte* page = (byte*)Allocate(1);
        while (SocketMemory.TakesEarly)
        {
            Assert.True(ByteQueue.TryWrite(&held, 0, page, 4096), "the budget ended before its half");
            ByteQueue.Append(&held, 4096);
        }

        AsStack(() =>
        {
            Assert.Equal(-Errno.ENOBUFS, WriteReceived(handle, 3, "def"u8));
            Assert.Equal(0, WriteReceived(handle, 0, "abc"u8));
        });
        ByteQueue.Clear(&held);
        AsStack(() => Assert.Equal(0, WriteReceived(handle, 3, "def"u8)));
    }

    [Fact]
    public void A_connection_receives_and_sends_when_all_memory_is_used_up()
    {
        ulong socket = OpenConnected(out ulong handle);
        ChargeAllMemory();

        AsStack(() =>
        {
            Assert.NotEqual(0, Call(NucleusCall.SocketLength, handle, (ulong)NucleusCallSockets.Length.ReceiveRoom));
            Assert.Equal(0, WriteReceived(handle, 0, "abc"u8));
            Assert.Equal(0, Call(NucleusCall.CommitReceived, handle, 3));
        });
        Assert.Equal(3, Call(SystemCallNumber.Read, socket, Memory, 100));
        Assert.Equal(3, Call(SystemCallNumber.Write, socket, Memory, 3));
        AsStack(() => Assert.Equal(3, Call(NucleusCall.SocketLength, handle, (ulong)NucleusCallSockets.Length.Sent)));
    }

    [Fact]
    public void Bytes_in_their_turn_are_read_at_once_and_the_stack_learns_the_room_that_is_left()
    {
        ulong socket = OpenConnected(out ulong handle);
        long room = Call(NucleusCall.SocketLength, handle, (ulong)NucleusCallSockets.Length.ReceiveRoom);
        AsStack(() =>
        {
            Assert.Equal(0, WriteReceived(handle, 3, "def"u8));
            Assert.Equal(room - 3, Append(handle, "abc"u8));
        });
        Assert.Equal(3, Call(SystemCallNumber.Recvfrom, socket, Memory, 9));
        AsStack(() =>
        {
            Assert.Equal(0, Call(NucleusCall.CommitReceived, handle, 3));
            Assert.Equal(room - 4, Append(handle, "g"u8));
            Assert.Equal(-Errno.EFAULT, Call(NucleusCall.AppendReceived, handle, 8, 1));
        });
        Assert.Equal(4, Call(SystemCallNumber.Recvfrom, socket, Memory + 3, 9));
        Assert.Equal("abcdefg"u8.ToArray(), Load(Memory, 7));

        Assert.Equal(0, Call(SystemCallNumber.Close, socket));
        AsStack(() => Assert.Equal(-Errno.ENOBUFS, Append(handle, "h"u8)));
    }

    [Fact]
    public void The_peers_end_is_read_after_its_last_byte()
    {
        ulong socket = OpenConnected(out ulong handle);
        AsStack(() =>
        {
            Assert.Equal((0, 0), (WriteReceived(handle, 0, "a"u8), Call(NucleusCall.CommitReceived, handle, 1)));
            Assert.Equal(0, Call(NucleusCall.FinishReceive, handle));
        });
        Assert.Equal(In | Out | PeerHangUp, Poll(socket));
        Assert.Equal(1, Call(SystemCallNumber.Recvfrom, socket, Memory, 9));
        Assert.Equal(0, Call(SystemCallNumber.Recvfrom, socket, Memory, 9));

        Assert.Equal(0, Call(SystemCallNumber.Shutdown, socket, 1));
        Assert.Equal(In | Out | PeerHangUp | HangUp, Poll(socket));
        AsStack(() => Assert.Equal(
            SocketSignals.Consumed | SocketSignals.SendShutDown, Assert.Single(TakeRequests()).Signals));
        SignalDelivery.Action(SignalNumber.SIGPIPE)->sa_handler = SignalAction.SIG_IGN;
        Assert.Equal(-Errno.EPIPE, Call(SystemCallNumber.Sendto, socket, Memory, 1));
    }

    [Fact]
    public void A_reset_is_an_error_once_after_what_was_received()
    {
        ulong socket = OpenConnected(out ulong handle);
        AsStack(() =>
        {
            Assert.Equal((0, 0), (WriteReceived(handle, 0, "a"u8), Call(NucleusCall.CommitReceived, handle, 1)));
            Assert.Equal(0, Call(NucleusCall.FailSocket, handle, (ulong)Errno.ECONNRESET));
        });
        Assert.Equal(In | Out | Error | HangUp | PeerHangUp, Poll(socket));
        Assert.Equal(1, Call(SystemCallNumber.Recvfrom, socket, Memory, 9));
        Assert.Equal(-Errno.ECONNRESET, Call(SystemCallNumber.Recvfrom, socket, Memory, 9));
        Assert.Equal(0, Call(SystemCallNumber.Recvfrom, socket, Memory, 9));
    }

    [Fact]
    public void A_listener_gives_connections_in_their_order_until_its_queue_is_full()
    {
        ulong listener = OpenBound(Stream, 1, 80, NonBlocking);
        ulong handle = 0;
        Assert.Equal(
            0,
            CallAndAnswer(
                request =>
                {
                    Assert.Equal((SocketCall.Listen, 1), (request.Call, request.Argument));
                    handle = request.Handle;
                    Complete(handle, 0);
                },
                SystemCallNumber.Listen, listener, 1));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Accept4, listener, 0, 0, NonBlocking));
        ulong first = 0;
        AsStack(() =>
        {
            first = (ulong)Offer(handle);
            Assert.True(Offer(handle) > 0, "the queue takes one more than its backlog, as on Linux");
            Assert.Equal(-Errno.EAGAIN, Offer(handle));
            Assert.Equal((0, 0), (WriteReceived(first, 0, "hi"u8), Call(NucleusCall.CommitReceived, first, 2)));
        });

        Assert.Equal(In, Poll(listener));
        *(int*)Memory = 16;
        ulong accepted = (ulong)Call(SystemCallNumber.Accept4, listener, Memory + 8, Memory, NonBlocking);
        Assert.Equal([2, 0, 4, 210, 10, 0, 0, 7], Load(Memory + 8, 8));
        Assert.Equal(2, Call(SystemCallNumber.Recvfrom, accepted, Memory, 9));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Recvfrom, accepted, Memory, 9));
        AsStack(() => Assert.Contains(TakeRequests(), request => request.Signals == SocketSignals.Accepted));

        // The one that was not accepted is reset with its listener.
        Assert.Equal(0, Call(SystemCallNumber.Close, listener));
        AsStack(() => Assert.Equal(
            [SocketSignals.Closed | SocketSignals.Aborted, SocketSignals.Closed], TakeRequests().Select(request => request.Signals)));
    }

    /// <summary>SOL_SOCKET 1, SO_RCVTIMEO 20, SO_PRIORITY 12. They share memory as long as nobody sets one.</summary>
    [Fact]
    public void A_connection_has_its_listeners_options_and_what_one_socket_sets_is_no_other_ones()
    {
        ulong free = FrameAllocator.FreeFrames;
        ulong listener = OpenBound(Stream, 1, 80, NonBlocking);
        Assert.Equal((0, 0), (SetOption(listener, 1, 12, 3), SetOption(listener, 1, 20, 2, 0, 0, 0)));
        ulong handle = 0;
        Assert.Equal(
            0,
            CallAndAnswer(
                request =>
                {
                    handle = request.Handle;
                    Complete(handle, 0);
                },
                SystemCallNumber.Listen, listener, 4));
        ulong[] offered = [];
        AsStack(() => offered = [(ulong)Offer(handle), (ulong)Offer(handle), (ulong)Offer(handle)]);
        ulong[] accepted = [.. offered.Select(_ => (ulong)Call(SystemCallNumber.Accept4, listener, 0, 0, NonBlocking))];
        Assert.Equal([3, 3, 3], Priorities());

        Assert.Equal(0, SetOption(accepted[0], 1, 12, 4));
        Assert.Equal(0, SetOption(listener, 1, 12, 5));
        Assert.Equal([4, 3, 3], Priorities());
        Assert.Equal(2, GetOption(accepted[0], 1, 20));
        Assert.Equal((0, 0), (SetOption(accepted[2], 1, 20, 7, 0, 0, 0), Call(SystemCallNumber.Close, listener)));
        Assert.Equal((2, 7), (GetOption(accepted[1], 1, 20), GetOption(accepted[2], 1, 20)));
        Assert.Equal(0, SetOption(accepted[1], 1, 12, 6));
        Assert.Equal([4, 6, 3], Priorities());

        Assert.All(accepted, each => Assert.Equal(0, Call(SystemCallNumber.Close, each)));
        AsStack(() =>
        {
            TakeRequests();
            Assert.All(offered.Prepend(handle), each => Assert.Equal(0, Call(NucleusCall.ReleaseSocket, each)));
        });
        // One has the address that it was bound to, and one is for the next control call.
        Assert.Equal(free - 2, FrameAllocator.FreeFrames);

        IEnumerable<long> Priorities() => accepted.Select(each => GetOption(each, 1, 12));
    }

    /// <summary>SOL_SOCKET 1, SO_PRIORITY 12, SO_RCVTIMEO 20; SOL_TCP 6, TCP_NODELAY 1, TCP_KEEPIDLE 4.</summary>
    [Fact]
    public void Sockets_with_equal_options_have_them_in_the_same_memory_whatever_the_way_to_them()
    {
        ulong[] sockets = [.. Enumerable.Range(0, 3).Select(_ => Open(Stream, NonBlocking))];
        Assert.Single(Sets().Distinct());

        foreach (ulong socket in sockets)
        {
            Assert.Equal(
                (0, 0, 0), (SetOption(socket, 6, 1, 1), SetOption(socket, 1, 20, 2, 0, 0, 0), SetOption(socket, 6, 4, 100)));
        }

        Assert.Single(Sets().Distinct());

        Assert.Equal(0, SetOption(sockets[1], 1, 12, 4));
        Assert.Equal(2, Sets().Distinct().Count());
        Assert.Equal((0, 4, 0), (Priority(0), Priority(1), Priority(2)));
        Assert.Equal(0, SetOption(sockets[1], 1, 12, 0));
        Assert.Single(Sets().Distinct());

        // The set of a socket that is gone is no other one's, though it was changed lately.
        ulong last = Open(Stream, NonBlocking);
        Assert.Equal((0, 0), (SetOption(sockets[1], 1, 12, 5), SetOption(last, 1, 12, 6)));
        Assert.All([sockets[1], last], each => Assert.Equal(0, Call(SystemCallNumber.Close, each)));
        Assert.Equal((0, 0), (SetOption(sockets[0], 6, 1, 0), SetOption(sockets[0], 1, 12, 5)));
        Assert.Equal(0, SetOption(sockets[0], 6, 1, 1));
        for (int priority = 1; priority < 5; priority++)
        {
            Assert.Equal(0, SetOption(Open(Stream, NonBlocking), 1, 12, priority));
        }

        Assert.Equal((5, 0), (Priority(0), Priority(2)));
        Assert.Equal((100, 2), (GetOption(sockets[0], 6, 4), GetOption(sockets[2], 1, 20)));

        long Priority(int index) => GetOption(sockets[index], 1, 12);

        IEnumerable<ulong> Sets() => sockets.Select(each => (ulong)Nucleus.Linux.Files.FileTable.Get((int)each)->Socket->OptionSet);
    }

    [Theory]
    [InlineData(false, false, SocketSignals.Closed)]
    [InlineData(true, false, SocketSignals.Closed | SocketSignals.Aborted)]
    [InlineData(false, true, SocketSignals.Closed | SocketSignals.Aborted)]
    public void A_closed_socket_lives_until_the_stack_releases_it(bool isUnread, bool lingersNot, SocketSignals signals)
    {
        ulong free = FrameAllocator.FreeFrames;
        ulong socket = OpenConnected(out ulong handle);
        AsStack(() =>
        {
            Assert.Equal(-Errno.EINVAL, Call(NucleusCall.ReleaseSocket, handle));
            Assert.Equal((0, 0), (WriteReceived(handle, 0, "a"u8), Call(NucleusCall.CommitReceived, handle, isUnread ? 1u : 0)));
        });
        Assert.Equal(0, lingersNot ? SetOption(socket, 1, 13, 1, 0) : 0);
        AsStack(TakeRequests);

        Assert.Equal(0, Call(SystemCallNumber.Close, socket));

        AsStack(() =>
        {
            Assert.Equal(signals, Assert.Single(TakeRequests()).Signals);
            Assert.Equal(-Errno.ENOBUFS, WriteReceived(handle, 0, "b"u8));
            Assert.Equal(0, Call(NucleusCall.ReleaseSocket, handle));
            Assert.Equal(-Errno.EBADF, Call(NucleusCall.ReleaseSocket, handle));
        });

        // But for the page with the address, and one for the next control call.
        Assert.Equal((0ul, free - 2), (SocketMemory.PagesInUse, FrameAllocator.FreeFrames));
    }

    [Fact]
    public void A_writer_waits_for_room_until_all_is_written()
    {
        ulong socket = OpenConnected(out ulong handle);
        Assert.Equal(0, SetOption(socket, 1, 7, 1));
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, socket, 4, 0));
        for (int i = 0; i < 10_000; i++)
        {
            *(byte*)(Memory + (ulong)i) = (byte)(i % 251);
        }

        Thread* writer = Park(SystemCallNumber.Write, socket, Memory, 10_000);
        List<byte> sent = [];
        while (sent.Count < 10_000)
        {
            byte[] part = CopySent(handle, 0);
            Assert.InRange(part.Length, 1, 4608);
            sent.AddRange(part);
            Assert.Equal(0, Call(NucleusCall.ReleaseSent, handle, (ulong)part.Length));
        }

        Assert.Equal(Load(Memory, 10_000), sent);
        LetProgramRun();
        Assert.Equal(10_000ul, writer->Frame.Rax);
    }

    [Fact]
    public void When_the_stack_ends_all_sockets_fail_and_all_who_wait_learn_it()
    {
        ulong socket = OpenConnected(out _);
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, socket, 4, 0));
        Assert.Equal(1, Call(SystemCallNumber.Write, socket, Memory, 1));
        Thread* reader = Park(SystemCallNumber.Recvfrom, socket, Memory, 9);

        Assert.Equal(0, Call(NucleusCall.CloseStack));
        Assert.Equal(-Errno.ENETDOWN, Call(NucleusCall.WaitForSockets, Memory, 0, ulong.MaxValue));

        Assert.True(Enter(SystemCallNumber.SchedYield) == &reader->Frame);
        Assert.Equal(-Errno.ENETDOWN, (long)reader->Frame.Rax);
        Assert.Equal(-Errno.ENETDOWN, Call(SystemCallNumber.Connect, Open(Stream), Address(9, 80), 16));
        Assert.Equal(0, Call(NucleusCall.OpenStack));
    }

    [Fact]
    public void Each_socket_has_a_number_which_none_after_it_has()
    {
        HashSet<ulong> numbers = [];
        for (int i = 0; i < 5; i++)
        {
            ulong socket = Open(Stream);
            ulong again = (ulong)Call(SystemCallNumber.Dup, socket);
            Assert.True(numbers.Add(NumberOf(socket)), "two sockets have one number");
            Assert.Equal(NumberOf(socket), NumberOf(again));
            Assert.Equal(Handle(socket) >> 32, NumberOf(socket));
            Assert.Equal((0, 0), (Call(SystemCallNumber.Close, socket), Call(SystemCallNumber.Close, again)));
        }

        ulong NumberOf(ulong descriptor)
        {
            Assert.Equal(0, Call(SystemCallNumber.Fstat, descriptor, Memory));
            return ((Nucleus.Linux.Abi.stat*)Memory)->st_ino;
        }
    }
}
