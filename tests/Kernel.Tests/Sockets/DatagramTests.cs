using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>Sockets of datagrams.</summary>
public sealed unsafe class DatagramTests() : SocketTest(hasStack: true)
{
    [Fact]
    public void Bind_waits_for_the_stack_and_returns_its_answer()
    {
        ulong socket = Open(Datagram);
        ulong address = Address(1, 53);
        Assert.Equal(
            -Errno.EADDRINUSE,
            CallAndAnswer(
                request =>
                {
                    Assert.Equal((SocketCall.Bind, (ushort)53), (request.Call, request.Port));
                    Complete(request.Handle, Errno.EADDRINUSE);
                },
                SystemCallNumber.Bind, socket, address, 16));

        ulong bound = OpenBound(Datagram, 1, 54);
        *(int*)Memory = 16;
        Assert.Equal(0, Call(SystemCallNumber.Getsockname, bound, Memory + 8, Memory));
        Assert.Equal([2, 0, 0, 54, 10, 0, 0, 1], Load(Memory + 8, 8));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Bind, bound, address, 16));
    }

    [Fact]
    public void A_datagram_is_received_whole_with_its_source()
    {
        ulong socket = OpenBound(Datagram, 1, 53, NonBlocking);
        ulong handle = Handle(socket);
        ulong from = Memory + 0x800;
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Recvfrom, socket, Memory, 100));
        AsStack(() => Assert.Equal(
            (0, 0, 0), (Deliver(handle, 7, 99, "abc"u8), Deliver(handle, 7, 98, "defg"u8), Deliver(handle, 7, 97, []))));

        Assert.Equal(In | Out, Poll(socket));
        *(int*)(from - 8) = 16;
        Assert.Equal(0, Call(SystemCallNumber.Ioctl, socket, 0x541b, Memory));
        Assert.Equal(3, *(int*)Memory);
        Assert.Equal(3, Call(SystemCallNumber.Recvfrom, socket, Memory, 100, 2, from, from - 8));
        Assert.Equal(3, Call(SystemCallNumber.Recvfrom, socket, Memory, 100, 0, from, from - 8));
        Assert.Equal("abc"u8.ToArray(), Load(Memory, 3));
        Assert.Equal([2, 0, 0, 99, 10, 0, 0, 7], Load(from, 8));

        // Less room than bytes: the rest is lost, and MSG_TRUNC (0x20) gives the whole length.
        Assert.Equal(4, Call(SystemCallNumber.Recvfrom, socket, Memory, 2, 0x20));
        Assert.Equal(0, Call(SystemCallNumber.Recvfrom, socket, Memory, 2));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Recvfrom, socket, Memory, 2));
    }

    /// <summary>sendmmsg: glibc's resolver asks for addresses of both families at once, and has each message's length.</summary>
    [Fact]
    public void Several_messages_leave_with_one_call_as_far_as_there_is_room()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        ulong handle = Handle(socket);
        mmsghdr* messages = (mmsghdr*)(Memory + 0x800);
        iovec* buffers = (iovec*)(Memory + 0x400);
        ulong to = Address(9, 70);
        for (int i = 0; i < 3; i++)
        {
            buffers[i] = new iovec { iov_base = Store([(byte)('a' + i), 0]), iov_len = (ulong)i + 1 };
            messages[i] = new mmsghdr
            {
                msg_hdr = new msghdr { msg_name = to, msg_namelen = 16, msg_iov = (ulong)(buffers + i), msg_iovlen = 1 },
            };
        }

        Assert.Equal(2, Call(SystemCallNumber.Sendmmsg, socket, (ulong)messages, 2, 0));
        Assert.Equal([1u, 2u, 0u], [messages[0].msg_len, messages[1].msg_len, messages[2].msg_len]);
        AsStack(() =>
        {
            Assert.Equal("a"u8, Assert.NotNull(TakeDatagram(handle)).Bytes);
            Assert.Equal("b\0"u8, Assert.NotNull(TakeDatagram(handle)).Bytes);
        });

        // What cannot be sent ends the call, and is its error only if it is the first.
        buffers[1].iov_base = 0x1000;
        Assert.Equal(1, Call(SystemCallNumber.Sendmmsg, socket, (ulong)messages, 3, 0));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Sendmmsg, socket, (ulong)(messages + 1), 2, 0));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Sendmmsg, socket, 0x1000, 2, 0));
        Assert.Equal(0, Call(SystemCallNumber.Sendmmsg, socket, (ulong)messages, 0, 0));
    }

    [Fact]
    public void A_message_has_the_address_that_it_was_sent_to()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        ulong handle = Handle(socket);
        Assert.Equal(0, SetOption(socket, 0, 8, 1));
        AsStack(() => Assert.Equal(0, Deliver(handle, 7, 99, "abc"u8)));
        iovec* buffers = (iovec*)(Memory + 0x100);
        buffers[0] = new iovec { iov_base = Memory + 0x200, iov_len = 1 };
        buffers[1] = new iovec { iov_base = Memory + 0x300, iov_len = 1 };
        msghdr* message = (msghdr*)Memory;
        *message = new msghdr
        {
            msg_name = Memory + 0x400,
            msg_namelen = 128,
            msg_iov = (ulong)buffers,
            msg_iovlen = 2,
            msg_control = Memory + 0x500,
            msg_controllen = 256,
        };

        Assert.Equal(2, Call(SystemCallNumber.Recvmsg, socket, Memory, 0));

        Assert.Equal(((byte)'a', (byte)'b'), (*(byte*)(Memory + 0x200), *(byte*)(Memory + 0x300)));
        Assert.Equal((16u, 0x20u, 32ul), (message->msg_namelen, message->msg_flags, message->msg_controllen));

        // cmsghdr: length 16 + 12, level 0, type 8; in_pktinfo: interface, local address, destination.
        Assert.Equal([28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 1], Load(Memory + 0x500, 28));
    }

    [Fact]
    public void A_datagram_goes_into_many_buffers_some_of_which_are_empty()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        ulong handle = Handle(socket);
        AsStack(() => Assert.Equal(0, Deliver(handle, 7, 99, "abcdef"u8)));
        iovec* buffers = (iovec*)(Memory + 0x100);
        ulong[] lengths = [0, 1, 0, 0, 2, 1, 100];
        for (int i = 0; i < lengths.Length; i++)
        {
            buffers[i] = new iovec { iov_base = Memory + 0x200 + ((ulong)i * 0x10), iov_len = lengths[i] };
        }

        msghdr* message = (msghdr*)Memory;
        *message = new msghdr { msg_iov = (ulong)buffers, msg_iovlen = (ulong)lengths.Length };

        Assert.Equal(6, Call(SystemCallNumber.Recvmsg, socket, Memory, 0));

        Assert.Equal("a"u8, Load(Memory + 0x210, 1));
        Assert.Equal("bc"u8, Load(Memory + 0x240, 2));
        Assert.Equal("d"u8, Load(Memory + 0x250, 1));
        Assert.Equal("ef"u8, Load(Memory + 0x260, 2));
    }

    [Fact]
    public void A_reader_waits_for_a_datagram()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        ulong handle = Handle(socket);
        Assert.Equal(1, Call(SystemCallNumber.Sendto, socket, Memory, 1, 0, Address(9, 5353), 16));
        Thread* reader = Park(SystemCallNumber.Recvfrom, socket, Memory, 100);
        Assert.True(Stack == Current, "what was sent did not wake the stack");

        // The stack goes on, until it waits.
        Assert.Equal(0, Deliver(handle, 7, 99, "abc"u8));
        LetProgramRun();
        Assert.Equal(3ul, reader->Frame.Rax);
    }

    [Fact]
    public void A_socket_without_a_port_gets_one_with_its_first_datagram()
    {
        ulong socket = Open(Datagram);
        ulong to = Address(9, 5353);
        "hello"u8.CopyTo(new Span<byte>((void*)Memory, 5));
        ulong handle = 0;
        Assert.Equal(-Errno.EDESTADDRREQ, Call(SystemCallNumber.Sendto, socket, Memory, 5));
        Assert.Equal(
            5,
            CallAndAnswer(
                request =>
                {
                    Assert.Equal((SocketCall.Bind, (ushort)0), (request.Call, request.Port));
                    handle = request.Handle;
                    SetEndpoint(handle, 1, 40_000, isRemote: false);
                    Complete(handle, 0);
                },
                SystemCallNumber.Sendto, socket, Memory, 5, 0, to, 16));

        AsStack(() =>
        {
            (ushort port, byte[] bytes) = Assert.NotNull(TakeDatagram(handle));
            Assert.Equal((5353, "hello"), (port, System.Text.Encoding.ASCII.GetString(bytes)));
            Assert.Null(TakeDatagram(handle));
        });
    }

    [Fact]
    public void A_send_does_not_switch_threads_and_the_stack_runs_next()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        ulong switches = Scheduler.Switches;

        Assert.Equal(3, Call(SystemCallNumber.Sendto, socket, Memory, 3, 0, Address(9, 5353), 16));

        Assert.Equal(switches, Scheduler.Switches);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &Stack->Frame);
    }

    [Fact]
    public void A_full_queue_makes_the_sender_wait_until_the_stack_has_taken_something()
    {
        ulong socket = OpenBound(Datagram, 1, 53, NonBlocking);
        ulong handle = Handle(socket);
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        ulong to = Address(9, 5353);
        *(uint*)Memory = Out | 1u << 31;
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, socket, Memory));
        Assert.Equal(1, Call(SystemCallNumber.EpollWait, set, Memory, 9, 0));
        Assert.Equal((0, 4608), (SetOption(socket, 1, 7, 1), GetOption(socket, 1, 7)));
        int sent = 0;
        while (Call(SystemCallNumber.Sendto, socket, Memory, 1000, 0, to, 16) == 1000)
        {
            sent++;
        }

        Assert.Equal(5, sent);
        Assert.Equal(0, Call(SystemCallNumber.EpollWait, set, Memory, 9, 0));
        AsStack(() =>
        {
            while (TakeDatagram(handle) is not null)
            {
            }
        });
        Assert.Equal(1, Call(SystemCallNumber.EpollWait, set, Memory, 9, 0));
        Assert.Equal(0ul, SocketMemory.PagesInUse);
    }

    [Fact]
    public void An_error_of_the_network_is_returned_once()
    {
        ulong socket = OpenBound(Datagram, 1, 53, NonBlocking);
        ulong handle = Handle(socket);
        AsStack(() => Assert.Equal(0, Call(NucleusCall.FailSocket, handle, (ulong)Errno.ECONNREFUSED)));
        Assert.Equal(Out | Error, Poll(socket));
        Assert.Equal(Errno.ECONNREFUSED, GetOption(socket, 1, 4));
        Assert.Equal(0, GetOption(socket, 1, 4));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Recvfrom, socket, Memory, 2));
    }

    /// <summary>At the size that a datagram of IPv4 can have.</summary>
    [Fact]
    public void A_datagram_that_is_too_long_is_refused()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        ulong handle = Handle(socket);
        ulong to = Address(9, 5353);
        Assert.Equal(-Errno.EMSGSIZE, Call(SystemCallNumber.Sendto, socket, Memory, 65_508, 0, to, 16));
        Assert.Equal(65_507, Call(SystemCallNumber.Sendto, socket, Memory, 65_507, 0, to, 16));
        AsStack(() =>
        {
            Assert.Equal(-Errno.EMSGSIZE, Call(NucleusCall.TakeDatagram, handle, Memory, Memory + 100, 65_506));
            Assert.Equal(65_507, Assert.NotNull(TakeDatagram(handle)).Bytes.Length);
        });
    }
}
