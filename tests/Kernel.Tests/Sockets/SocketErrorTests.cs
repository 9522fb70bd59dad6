namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>What is not there fails with the error that Linux has for it; and without a stack, as without a network.</summary>
public sealed unsafe class SocketErrorTests() : SocketTest(hasStack: false)
{
    /// <summary>Families: AF_UNIX 1, AF_INET 2, AF_INET6 10, AF_NETLINK 16, AF_PACKET 17.</summary>
    [Theory]
    [InlineData(1, 1, 0, -Errno.EAFNOSUPPORT)]
    [InlineData(17, 3, 0, -Errno.EAFNOSUPPORT)]
    [InlineData(16, 3, 0, -Errno.EAFNOSUPPORT)]
    [InlineData(2, 3, 1, -Errno.EPERM)]
    [InlineData(2, 5, 0, -Errno.ESOCKTNOSUPPORT)]
    [InlineData(2, 1, 17, -Errno.EPROTONOSUPPORT)]
    [InlineData(2, 2, 1, -Errno.EPROTONOSUPPORT)]
    [InlineData(2, 0x101, 0, -Errno.EINVAL)]
    [InlineData(2, 1, 6, 3)]
    [InlineData(10, 0x80802, 17, 3)]
    public void Only_TCP_and_UDP_are_there(int family, int type, int protocol, long result) =>
        Assert.Equal(result, Call(SystemCallNumber.Socket, (ulong)family, (ulong)type, (ulong)protocol));

    [Theory]
    [InlineData(Stream, SystemCallNumber.Connect, -Errno.ENETUNREACH)]
    [InlineData(Datagram, SystemCallNumber.Connect, -Errno.ENETUNREACH)]
    [InlineData(Stream, SystemCallNumber.Bind, -Errno.EADDRNOTAVAIL)]
    [InlineData(Datagram, SystemCallNumber.Bind, -Errno.EADDRNOTAVAIL)]
    [InlineData(Stream, SystemCallNumber.Getpeername, -Errno.ENOTCONN)]
    public void Without_a_stack_a_call_fails_at_once(ulong kind, int call, long result) =>
        Assert.Equal(result, Call(call, Open(kind), Address(9, 80), 16));

    [Fact]
    public void Without_a_stack_nothing_can_be_sent_and_a_closed_socket_leaves_nothing()
    {
        ulong to = Address(9, 80);
        ulong free = FrameAllocator.FreeFrames;
        ulong socket = Open(Datagram);
        Assert.Equal(-Errno.ENETUNREACH, Call(SystemCallNumber.Sendto, socket, Memory, 5, 0, to, 16));
        Assert.Equal(0, Call(SystemCallNumber.Close, socket));
        Assert.Equal(free, FrameAllocator.FreeFrames);
    }

    [Theory]
    [InlineData(SystemCallNumber.Bind)]
    [InlineData(SystemCallNumber.Listen)]
    [InlineData(SystemCallNumber.Accept)]
    [InlineData(SystemCallNumber.Sendto)]
    [InlineData(SystemCallNumber.Recvfrom)]
    [InlineData(SystemCallNumber.Getsockname)]
    [InlineData(SystemCallNumber.Shutdown)]
    [InlineData(SystemCallNumber.Getsockopt)]
    public void What_is_no_socket_is_refused(int call)
    {
        Assert.Equal(-Errno.ENOTSOCK, Call(call, 1, Memory, 16, 0, Memory));
        Assert.Equal(-Errno.EBADF, Call(call, 99, Memory, 16, 0, Memory));
    }

    /// <summary>Levels: SOL_SOCKET 1, IPPROTO_TCP 6, IPPROTO_IP 0, IPPROTO_IPV6 41. Linux doubles the size of a buffer.</summary>
    [Theory]
    [InlineData(Stream, 1, 2, 7, 1)]
    [InlineData(Stream, 6, 1, 1, 1)]
    [InlineData(Stream, 6, 4, 60, 60)]
    [InlineData(Stream, 6, 4, 0, -Errno.EINVAL)]
    [InlineData(Datagram, 6, 1, 1, -Errno.ENOPROTOOPT)]
    [InlineData(Datagram, 1, 8, 10_000, 20_000)]
    [InlineData(Datagram, 1, 8, 1, 2304)]
    [InlineData(Datagram, 0, 2, 7, 7)]
    [InlineData(Datagram, 0, 2, 256, -Errno.EINVAL)]
    [InlineData(Datagram, 41, 26, 1, -Errno.ENOPROTOOPT)]
    [InlineData(Datagram, 1, 77, 1, -Errno.ENOPROTOOPT)]
    [InlineData(Stream, 0, 1, 0xff, 0xfc)]
    [InlineData(Datagram, 0, 1, 0x1ff, 0xff)]
    [InlineData(Datagram, 0, 33, -1, 1)]
    [InlineData(Stream, 0, 33, 1, -Errno.EINVAL)]
    [InlineData(Stream, 1, 18, 0, 1)]
    [InlineData(Stream, 1, 1, 1, -Errno.EACCES)]
    [InlineData(Stream, 6, 2, 87, -Errno.EINVAL)]
    [InlineData(Stream, 6, 3, 1, -Errno.ENOPROTOOPT)]
    [InlineData(Stream, 0, 35, 1, -Errno.EPROTO)]
    public void An_option_reads_as_it_was_set(ulong kind, ulong level, ulong name, int value, long read)
    {
        ulong socket = Open(kind);
        long result = SetOption(socket, level, name, value);
        Assert.Equal(read, result < 0 ? result : GetOption(socket, level, name));
    }

    /// <summary>IP_TTL 2, TCP_NODELAY 1; a level that is not the socket's is another error for sockets of IPv4 than a number.</summary>
    [Theory]
    [InlineData(Datagram, 0, 77, -Errno.ENOPROTOOPT)]
    [InlineData(Datagram, 6, 1, -Errno.EOPNOTSUPP)]
    [InlineData(Stream, 41, 16, -Errno.EOPNOTSUPP)]
    public void An_option_that_is_not_there_cannot_be_read(ulong kind, ulong level, ulong name, long error) =>
        Assert.Equal(error, GetOption(Open(kind), level, name));

    [Fact]
    public void An_option_of_IPv4_whose_value_is_a_byte_can_be_read_as_one()
    {
        ulong socket = Open(Datagram);
        *(int*)Memory = 2;
        Assert.Equal(0, Call(SystemCallNumber.Getsockopt, socket, 0, 2, Memory + 8, Memory));
        Assert.Equal((1, (byte)64), (*(int*)Memory, *(byte*)(Memory + 8)));
    }

    /// <summary>A long value is read as far as the option goes, and checked before.</summary>
    [Fact]
    public void A_value_at_a_bad_address_is_refused_whatever_its_length()
    {
        ulong socket = Open(Stream);
        foreach (ulong length in (ulong[])[4, 64, 65, 4096])
        {
            Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Setsockopt, socket, 1, 9, 1, length));
        }
    }

    /// <summary>TCP_CONGESTION 13.</summary>
    [Theory]
    [InlineData("cubic", 0)]
    [InlineData("reno", -Errno.ENOENT)]
    [InlineData("cubicle", -Errno.ENOENT)]
    public void CUBIC_is_the_only_congestion_control(string name, long result)
    {
        ulong socket = Open(Stream);
        System.Text.Encoding.ASCII.GetBytes(name).CopyTo(new Span<byte>((void*)Memory, 16));
        Assert.Equal(result, Call(SystemCallNumber.Setsockopt, socket, 6, 13, Memory, (ulong)name.Length));
        *(int*)Memory = 16;
        Assert.Equal(0, Call(SystemCallNumber.Getsockopt, socket, 6, 13, Memory + 8, Memory));
        Assert.Equal([.. "cubic"u8, 0], Load(Memory + 8, 6));
    }

    /// <summary>SO_TYPE 3, SO_ERROR 4, SO_ACCEPTCONN 30, SO_PROTOCOL 38, SO_DOMAIN 39; IP_TTL 2.</summary>
    [Theory]
    [InlineData(1, 3, 1)]
    [InlineData(1, 4, 0)]
    [InlineData(1, 30, 0)]
    [InlineData(1, 38, 6)]
    [InlineData(1, 39, 2)]
    [InlineData(0, 2, 64)]
    public void What_a_socket_is_can_be_asked(ulong level, ulong name, long value) =>
        Assert.Equal(value, GetOption(Open(Stream), level, name));
}
