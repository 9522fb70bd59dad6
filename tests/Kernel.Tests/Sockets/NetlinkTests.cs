using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>Sockets of NETLINK_ROUTE, whose messages the nucleus carries, and ioctl of interfaces.</summary>
public sealed unsafe class NetlinkTests() : SocketTest(hasStack: true)
{
    private const ulong Family = 16;
    private const ulong Raw = 3;

    [Theory]
    [InlineData(Raw, 0ul, 0)]
    [InlineData(Datagram, 0ul, 0)]
    [InlineData(Stream, 0ul, -Errno.ESOCKTNOSUPPORT)]
    [InlineData(Raw, 4ul, -Errno.EPROTONOSUPPORT)]
    public void Routes_are_all_that_there_is(ulong type, ulong protocol, long expected) =>
        Assert.Equal(expected, Math.Min(Call(SystemCallNumber.Socket, Family, type, protocol), 0));

    [Fact]
    public void A_socket_has_the_port_and_the_groups_that_the_stack_gives_it()
    {
        ulong socket = OpenNetlink();
        *(uint*)Memory = 12;
        Assert.Equal(0, Call(SystemCallNumber.Getsockname, socket, Memory + 8, Memory));
        Assert.Equal([16, 0, 0, 0, 77, 0, 0, 0, 1, 4, 0, 0], Load(Memory + 8, 12));
        Assert.Equal(3, GetOption(socket, 1, 3));
        Assert.Equal(16, GetOption(socket, 1, 39));
        Assert.Equal(0, GetOption(socket, 1, 38));
    }

    [Fact]
    public void A_question_goes_to_the_stack_and_its_answer_comes_from_port_0()
    {
        ulong socket = OpenNetlink(NonBlocking);
        ulong handle = Handle(socket);
        ulong kernel = Store([16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(3, Call(SystemCallNumber.Sendto, socket, Store("abc"u8), 3, 0, kernel, 12));
        Assert.Equal(2, Call(SystemCallNumber.Sendto, socket, Store("de"u8), 2, 0, 0, 0));
        Assert.Equal("abc"u8.ToArray(), AsStack(() => TakeDatagram(handle))!.Value.Bytes);
        Assert.Equal("de"u8.ToArray(), AsStack(() => TakeDatagram(handle))!.Value.Bytes);
        Assert.Equal(0, AsStack(() => Deliver(handle, default(EndpointRecord), "answer"u8)));

        Assert.Equal(In | Out, Poll(socket));
        msghdr* header = (msghdr*)(Memory + 0x400);
        *(iovec*)(Memory + 0x500) = new iovec { iov_base = Memory, iov_len = 100 };
        *header = new msghdr { msg_name = Memory + 0x600, msg_namelen = 12, msg_iov = Memory + 0x500, msg_iovlen = 1 };
        Assert.Equal(6, Call(SystemCallNumber.Recvmsg, socket, (ulong)header, 0));
        Assert.Equal("answer"u8.ToArray(), Load(Memory, 6));
        Assert.Equal(12u, header->msg_namelen);
        Assert.Equal([16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Load(Memory + 0x600, 12));
    }

    [Fact]
    public void There_is_nobody_else_to_send_to()
    {
        ulong socket = OpenNetlink();
        ulong other = Store([16, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(-Errno.ECONNREFUSED, Call(SystemCallNumber.Sendto, socket, Store("abc"u8), 3, 0, other, 12));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Sendto, socket, Store("abc"u8), 3, 0, other, 11));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Bind, socket, Address(1, 2), 16));
        Assert.Equal(-Errno.EOPNOTSUPP, Call(SystemCallNumber.Listen, socket, 1));
    }

    /// <summary>What did not fit is reported as on Linux: the program has to ask for everything again.</summary>
    [Fact]
    public void A_full_queue_is_an_error_of_the_next_call()
    {
        ulong socket = OpenNetlink(NonBlocking);
        ulong handle = Handle(socket);
        Assert.Equal(0, SetOption(socket, 1, 8, 1));
        AsStack(() =>
        {
            while (Deliver(handle, default(EndpointRecord), new byte[1000]) == 0)
            {
            }

            Assert.Equal(0, Call(NucleusCall.FailSocket, handle, (ulong)Errno.ENOBUFS));
        });
        Assert.Equal(-Errno.ENOBUFS, Call(SystemCallNumber.Recvfrom, socket, Memory, 100));
        Assert.Equal(100, Call(SystemCallNumber.Recvfrom, socket, Memory, 100));
    }

    /// <summary>SIOCGIFINDEX 0x8933, SIOCGIFMTU 0x8921, SIOCETHTOOL 0x8946, SIOCSIFMTU 0x8922 (linux/sockios.h).</summary>
    [Theory]
    [InlineData(0x8933, 0, 0)]
    [InlineData(0x8921, Errno.ENODEV, -Errno.ENODEV)]
    public void An_ioctl_of_an_interface_is_the_stack_s_to_answer(ulong command, long answered, long expected)
    {
        ulong socket = Open(Datagram);
        ulong request = Store([.. "vif0"u8, .. new byte[36]]);
        Assert.Equal(expected, CallAndAnswer(
            asked =>
            {
                Assert.Equal((SocketCall.AskInterface, (int)command), (asked.Call, asked.Argument));
                Assert.Equal("vif0\0"u8.ToArray(), CopySent(asked.Handle, 0)[..5]);
                Assert.Equal(0, WriteReceived(asked.Handle, 0, [.. "vif0"u8, .. new byte[12], 2, .. new byte[23]]));
                Assert.Equal(0, Call(NucleusCall.CommitReceived, asked.Handle, 40));
                Complete(asked.Handle, answered);
            },
            SystemCallNumber.Ioctl, socket, command, request));
        Assert.Equal(expected == 0 ? 2 : 0, *(int*)(request + 16));
        Assert.Equal(0ul, SocketMemory.PagesInUse);
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Ioctl, socket, command, 0x1000));
        Assert.Equal(-Errno.EOPNOTSUPP, Call(SystemCallNumber.Ioctl, socket, 0x8946, request));
        Assert.Equal(-Errno.ENOTTY, Call(SystemCallNumber.Ioctl, socket, 0x8922, request));
        Assert.Equal(-Errno.ENOTTY, Call(SystemCallNumber.Ioctl, 0, command, request));
    }

    [Fact]
    public void Without_a_stack_there_are_neither_messages_nor_interfaces()
    {
        ulong socket = Open(Datagram);
        Assert.Equal(0, Call(NucleusCall.CloseStack));
        Assert.Equal(-Errno.EAFNOSUPPORT, Call(SystemCallNumber.Socket, Family, Raw, 0));
        Assert.Equal(-Errno.ENODEV, Call(SystemCallNumber.Ioctl, socket, 0x8933, Memory));
    }

    /// <summary>A socket of port 77 in the groups 0x401.</summary>
    private ulong OpenNetlink(ulong flags = 0)
    {
        long socket = Call(SystemCallNumber.Socket, Family, Raw | flags, 0);
        Assert.True(socket >= 0, $"socket returned {socket}");
        ulong address = Store([16, 0, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0]);
        Assert.Equal(0, CallAndAnswer(
            request =>
            {
                Assert.Equal(SocketCall.Bind, request.Call);
                SetEndpoint(request.Handle, new EndpointRecord { Low = 77, High = 0x401, Port = 1 });
                Complete(request.Handle, 0);
            },
            SystemCallNumber.Bind, (ulong)socket, address, 12));
        return (ulong)socket;
    }
}
