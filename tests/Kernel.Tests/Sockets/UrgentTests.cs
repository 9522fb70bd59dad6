using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>
/// Urgent data as the nucleus keeps it. What programs see in order is in the table that a guest and Linux print (tests/GuestImage); here
/// are what a program of .NET cannot ask for, and what a stack may say.
/// </summary>
public sealed unsafe class UrgentTests() : SocketTest(hasStack: true)
{
    private const ulong MSG_OOB = 1;
    private const ulong MSG_WAITALL = 0x100;
    private const ulong SIOCATMARK = 0x8905;
    private const uint Urgent = 2;

    [Fact]
    public void The_stack_learns_how_far_the_urgent_data_goes_that_was_written()
    {
        ulong socket = OpenConnected(out ulong handle);
        Assert.Equal(3, Call(SystemCallNumber.Sendto, socket, Memory, 3, 0, 0, 0));
        Assert.Equal(2, Call(SystemCallNumber.Sendto, socket, Memory, 2, MSG_OOB, 0, 0));
        Assert.Equal(4, Call(SystemCallNumber.Sendto, socket, Memory, 4, 0, 0, 0));
        AsStack(() =>
        {
            Assert.Equal(SocketSignals.Written | SocketSignals.Urgent, Assert.Single(TakeRequests()).Signals);
            Assert.Equal(5, UrgentLength());
            Assert.Equal(0, Call(NucleusCall.ReleaseSent, handle, 4));
            Assert.Equal(1, UrgentLength());
            Assert.Equal(0, Call(NucleusCall.ReleaseSent, handle, 3));
            Assert.Equal(0, UrgentLength());
        });

        long UrgentLength() => Call(NucleusCall.SocketLength, handle, (ulong)NucleusCallSockets.Length.Urgent);
    }

    [Fact]
    public void A_read_that_wants_all_stops_at_the_mark_and_the_next_one_skips_the_byte()
    {
        ulong socket = OpenConnected(out ulong handle);
        AsStack(() =>
        {
            Assert.Equal(0, Call(NucleusCall.MarkUrgent, handle, 3, 'd'));
            Assert.True(Append(handle, "abcdef"u8) > 0);
        });
        Assert.Equal(3, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, MSG_WAITALL, 0));
        Assert.Equal(1, AtMark(socket));
        Assert.Equal(2, Call(SystemCallNumber.Recvfrom, socket, Memory + 3, 9, 0, 0));
        Assert.Equal("abcef"u8.ToArray(), Load(Memory, 5));
        Assert.Equal(0, AtMark(socket));
    }

    [Fact]
    public void A_byte_that_is_announced_is_told_of_at_the_mark_and_comes_later()
    {
        ulong socket = OpenConnected(out ulong handle);
        AsStack(() => Assert.Equal(0, Call(NucleusCall.MarkUrgent, handle, 0, ulong.MaxValue)));
        Assert.Equal(1, AtMark(socket));
        Assert.Equal(Out, PollUrgent(socket));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, MSG_OOB, 0));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, 0, 0));
        AsStack(() => Assert.Equal(0, Call(NucleusCall.MarkUrgent, handle, 0, 'a')));
        Assert.Equal(Out | Urgent, PollUrgent(socket));
        Assert.Equal(1, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, MSG_OOB, 0));
        Assert.Equal("a"u8.ToArray(), Load(Memory, 1));
    }

    /// <summary>The stack tells of the byte before it appends it, and the program may run in between.</summary>
    [Fact]
    public void Who_closes_before_the_urgent_byte_is_in_the_stream_has_not_read_to_its_end()
    {
        ulong socket = OpenConnected(out ulong handle);
        AsStack(() => Assert.Equal(0, Call(NucleusCall.MarkUrgent, handle, 0, 'a')));
        Assert.Equal(1, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, MSG_OOB, 0));
        Assert.Equal(0, Call(SystemCallNumber.Close, socket));
        AsStack(() => Assert.Equal(SocketSignals.Closed | SocketSignals.Aborted, Assert.Single(TakeRequests()).Signals));
    }

    [Fact]
    public void Each_arrival_of_urgent_data_is_an_event()
    {
        const uint edgeTriggered = 1u << 31;
        ulong socket = OpenConnected(out ulong handle);
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        *(epoll_event*)Memory = new epoll_event { events = Urgent | edgeTriggered, data = 7 };
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, socket, Memory));
        Assert.Equal(0, Call(SystemCallNumber.EpollWait, set, Memory, 9, 0));
        for (int i = 0; i < 2; i++)
        {
            AsStack(() =>
            {
                Assert.Equal(0, Call(NucleusCall.MarkUrgent, handle, 0, 'a'));
                Assert.True(Append(handle, "a"u8) > 0);
            });
            Assert.Equal(1, Call(SystemCallNumber.EpollWait, set, Memory, 9, 0));
            Assert.Equal(Urgent, ((epoll_event*)Memory)->events);
            Assert.Equal(0, Call(SystemCallNumber.EpollWait, set, Memory, 9, 0));
            Assert.Equal(1, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, MSG_OOB, 0));
        }
    }

    [Fact]
    public void A_mark_that_is_never_reached_costs_nothing_and_one_that_cannot_be_is_refused()
    {
        ulong socket = OpenConnected(out ulong handle);
        ulong datagrams = OpenBound(Datagram, 2, 5000);
        AsStack(() =>
        {
            Assert.Equal(-Errno.EINVAL, Call(NucleusCall.MarkUrgent, handle, 1ul << 31, 'a'));
            Assert.Equal(-Errno.EINVAL, Call(NucleusCall.MarkUrgent, handle, 0, 256));
            Assert.Equal(-Errno.EINVAL, Call(NucleusCall.MarkUrgent, Handle(datagrams), 0, 'a'));
            Assert.Equal(0, Call(NucleusCall.MarkUrgent, handle, int.MaxValue, ulong.MaxValue));
            Assert.True(Append(handle, "abc"u8) > 0);
            Assert.Equal(0, Call(NucleusCall.FinishReceive, handle));
        });
        Assert.Equal(0, AtMark(socket));
        Assert.Equal(3, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, 0, 0));
        Assert.Equal(0, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, 0, 0));
        Assert.Equal(0, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, MSG_OOB, 0));
    }

    private long AtMark(ulong socket)
    {
        Assert.Equal(0, Call(SystemCallNumber.Ioctl, socket, SIOCATMARK, Memory + 64));
        return *(int*)(Memory + 64);
    }

    private uint PollUrgent(ulong socket)
    {
        ((pollfd*)Memory)[0] = new pollfd { fd = (int)socket, events = (short)(In | Out | Urgent) };
        _ = Call(SystemCallNumber.Poll, Memory, 1, 0);
        return (ushort)((pollfd*)Memory)->revents;
    }
}
