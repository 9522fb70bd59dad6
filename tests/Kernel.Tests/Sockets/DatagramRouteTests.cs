using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>When a sender of datagrams has to ask the stack for a route, and what comes of the answer.</summary>
public sealed unsafe class DatagramRouteTests() : SocketTest(hasStack: true)
{
    [Fact]
    public void Where_every_address_has_a_route_nobody_asks()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        Assert.Equal(1, Call(SystemCallNumber.Sendto, socket, Memory, 1, 0, Address(9, 5353), 16));
    }

    [Fact]
    public void Without_a_default_route_the_first_datagram_to_an_address_asks_and_the_next_ones_do_not()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        AsStack(() => Assert.Equal(0, Call(NucleusCall.SetRoutes, 0, 0)));
        Assert.Equal(1, Ask(socket, 9, 1, 0, 0));
        Assert.Equal(2, Call(SystemCallNumber.Sendto, socket, Memory, 2, 0, Address(9, 5354), 16));
        Assert.Equal(-Errno.ENETUNREACH, Ask(socket, 10, 1, 0, Errno.ENETUNREACH));
        Assert.Equal(-Errno.ENETUNREACH, Ask(socket, 10, 1, 0, Errno.ENETUNREACH));

        // The loopback needs none.
        ulong loopback = Store([2, 0, 0, 53, 127, 0, 0, 1, .. new byte[8]]);
        Assert.Equal(1, Call(SystemCallNumber.Sendto, socket, Memory, 1, 0, loopback, 16));
    }

    /// <summary>SOL_SOCKET 1, SO_BROADCAST 6.</summary>
    [Fact]
    public void What_may_be_a_broadcast_asks_unless_it_is_allowed()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        Assert.Equal(-Errno.EACCES, Ask(socket, 255, 1, 0, Errno.EACCES));
        Assert.Equal(0, SetOption(socket, 1, 6, 1));
        Assert.Equal(1, Call(SystemCallNumber.Sendto, socket, Memory, 1, 0, Address(255, 53), 16));
    }

    /// <summary>IPPROTO_IP 0, IP_MTU_DISCOVER 10, IP_PMTUDISC_DO 2.</summary>
    [Fact]
    public void A_datagram_that_must_not_be_cut_asks_whether_it_is_too_long()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        Assert.Equal(0, SetOption(socket, 0, 10, 2));
        Assert.Equal(1232, Call(SystemCallNumber.Sendto, socket, Memory, 1232, 0, Address(9, 53), 16));
        Assert.Equal(-Errno.EMSGSIZE, Ask(socket, 9, 2000, 0, Errno.EMSGSIZE));
        Assert.Equal(1400, Ask(socket, 9, 1400, 0, 0));
        Assert.Equal(1300, Call(SystemCallNumber.Sendto, socket, Memory, 1300, 0, Address(9, 53), 16));
    }

    [Fact]
    public void An_option_has_the_next_datagram_ask_again()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        AsStack(() => Assert.Equal(0, Call(NucleusCall.SetRoutes, 0, 0)));
        Assert.Equal(1, Ask(socket, 9, 1, 0, 0));
        Assert.Equal(0, SetOption(socket, 1, 6, 1));
        _ = AsStack(TakeRequests);
        Assert.Equal(1, Ask(socket, 9, 1, 0, 0));
    }

    /// <summary>IP_PKTINFO 8 with an interface and an address to send from; a message of another kind is refused.</summary>
    [Fact]
    public void A_program_says_where_a_datagram_is_sent_from()
    {
        ulong socket = OpenBound(Datagram, 1, 53);
        ulong handle = Nucleus.Linux.Files.FileTable.Get((int)socket)->Socket->Handle;
        msghdr* message = (msghdr*)Memory;
        iovec* buffer = (iovec*)(Memory + 0x100);
        *buffer = new iovec { iov_base = Memory + 0x200, iov_len = 3 };
        cmsghdr* control = (cmsghdr*)(Memory + 0x300);
        *control = new cmsghdr { cmsg_len = 28, cmsg_level = 0, cmsg_type = 8 };
        byte[] information = [3, 0, 0, 0, 10, 0, 0, 1, 0, 0, 0, 0];
        information.CopyTo(new Span<byte>(control + 1, 12));
        *message = new msghdr
        {
            msg_name = Address(9, 5353),
            msg_namelen = 16,
            msg_iov = (ulong)buffer,
            msg_iovlen = 1,
            msg_control = (ulong)control,
            msg_controllen = 32,
        };

        Assert.Equal(3, Call(SystemCallNumber.Sendmsg, socket, Memory, 0));
        control->cmsg_type = 9;
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Sendmsg, socket, Memory, 0));
        control->cmsg_len = 40;
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Sendmsg, socket, Memory, 0));
        AsStack(() => Assert.Equal((3, 0x0a00_0001u), TakeSource(handle)));
    }

    private long Ask(ulong socket, byte last, ulong length, ulong flags, long answer) => CallAndAnswer(
        request =>
        {
            Assert.Equal((SocketCall.FindRoute, (int)length), (request.Call, request.Argument));
            Complete(request.Handle, answer);
        },
        SystemCallNumber.Sendto, socket, Memory, length, flags, Address(last, 53), 16);
}
