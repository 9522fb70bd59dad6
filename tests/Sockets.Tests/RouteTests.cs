using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>What the stack answers about routes and interfaces, and what it does when a socket ends in an unusual way.</summary>
public sealed class RouteTests
{
    [Theory]
    [InlineData("10.0.0.2", 100, false, SocketErrno.None)]
    [InlineData("127.0.0.1", 60_000, true, SocketErrno.None)]
    [InlineData("198.51.100.1", 100, false, SocketErrno.ENETUNREACH)]
    [InlineData("255.255.255.255", 100, false, SocketErrno.ENETUNREACH)]
    [InlineData("10.0.0.255", 100, false, SocketErrno.EACCES)]
    [InlineData("127.255.255.255", 100, false, SocketErrno.EACCES)]
    [InlineData("10.0.0.2", 1472, true, SocketErrno.None)]
    [InlineData("10.0.0.2", 1473, true, SocketErrno.EMSGSIZE)]
    [InlineData("10.0.0.2", 1473, false, SocketErrno.None)]
    [InlineData("239.1.2.3", 100, false, SocketErrno.ENETUNREACH)]
    public void A_sender_of_datagrams_is_told_what_sending_would_come_to(string to, int length, bool isWhole, SocketErrno answer)
    {
        using TwoGuests guests = new();
        TestSocket socket = guests.Hosts[0].Open(SocketKind.Datagram);
        socket.Options = socket.Options with { DoesNotFragment = isWhole };
        Assert.Equal(SocketErrno.None, socket.Bind(TwoGuests.At("0.0.0.0")));

        Assert.Equal(answer, socket.Call(SocketCall.FindRoute, TwoGuests.At(to, 9), length));

        Assert.False(guests.Hosts[0].HasRoute4 || guests.Hosts[0].HasRoute6, "there is no default route");
    }

    [Fact]
    public void A_socket_of_the_loopback_sends_nowhere_else()
    {
        using TwoGuests guests = new();
        TestSocket socket = guests.Hosts[0].Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, socket.Bind(TwoGuests.At("127.0.0.1")));
        Assert.Equal(SocketErrno.EINVAL, socket.Call(SocketCall.FindRoute, TwoGuests.At("10.0.0.2", 9), 1));
        Assert.Equal(SocketErrno.EINVAL, socket.Connect(TwoGuests.At("10.0.0.2", 9)));
        TestSocket stream = guests.Hosts[0].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, stream.Bind(TwoGuests.At("127.0.0.1")));
        Assert.Equal(SocketErrno.EINVAL, stream.Connect(TwoGuests.At("10.0.0.2", 9)));
    }

    /// <summary>The loopback has the index 1, as on Linux; the interface of the guest the next one.</summary>
    [Theory]
    [InlineData("0.0.0.0", 1, SocketErrno.None)]
    [InlineData("0.0.0.0", 2, SocketErrno.None)]
    [InlineData("0.0.0.0", 77, SocketErrno.ENODEV)]
    [InlineData("10.0.0.1", 0, SocketErrno.None)]
    [InlineData("127.0.0.1", 0, SocketErrno.None)]
    [InlineData("10.0.0.2", 0, SocketErrno.ENODEV)]
    public void An_interface_is_found_by_its_index_or_an_address(string address, int index, SocketErrno answer)
    {
        using TwoGuests guests = new();
        TestSocket socket = guests.Hosts[0].Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, socket.Bind(TwoGuests.At("10.0.0.1")));
        Assert.Equal(answer, socket.Call(SocketCall.FindInterface, TwoGuests.At(address), index));
    }

    [Fact]
    public void A_socket_of_one_device_uses_no_other()
    {
        using TwoGuests guests = new();
        TestSocket socket = guests.Hosts[0].Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, socket.Bind(TwoGuests.At("10.0.0.1")));
        Assert.Equal(SocketErrno.ENODEV, socket.Call(SocketCall.BindToDevice, Named("vif7")));
        Assert.Equal(SocketErrno.None, socket.Call(SocketCall.BindToDevice, Named("lo")));
        Assert.Equal(SocketErrno.ENETUNREACH, socket.Call(SocketCall.FindRoute, TwoGuests.At("10.0.0.2", 9), 1));
        Assert.Equal(SocketErrno.None, socket.Call(SocketCall.BindToDevice, Named("vif0")));
        Assert.Equal(SocketErrno.None, socket.Call(SocketCall.FindRoute, TwoGuests.At("10.0.0.2", 9), 1));
        Assert.Equal(SocketErrno.None, socket.Call(SocketCall.BindToDevice, Named("")));
    }

    [Fact]
    public void Who_is_shut_down_listens_no_more_and_can_listen_again()
    {
        using TwoGuests guests = new();
        TestSocket listener = guests.Hosts[1].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, listener.Bind(TwoGuests.At("0.0.0.0", 7)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        listener.ShutDownReceive();
        Assert.Equal(SocketErrno.ECONNREFUSED, guests.Hosts[0].Open(SocketKind.Stream).Connect(TwoGuests.At("10.0.0.2", 7)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        Assert.Equal(SocketErrno.None, guests.Hosts[0].Open(SocketKind.Stream).Connect(TwoGuests.At("10.0.0.2", 7)));
    }

    /// <summary>A web server that answers before it has read the whole question closes so.</summary>
    [Fact]
    public void What_was_written_before_a_reset_leaves_before_it()
    {
        using TwoGuests guests = new();
        TestSocket listener = guests.Hosts[1].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, listener.Bind(TwoGuests.At("0.0.0.0", 7)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        TestSocket client = guests.Hosts[0].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, client.Connect(TwoGuests.At("10.0.0.2", 7)));
        listener.Accept().WriteAndAbort("answer"u8);
        Assert.Equal(SocketErrno.ECONNRESET, client.AwaitError());
        Assert.Equal("answer"u8.ToArray(), client.Received.ToArray());
    }

    private static SocketEndpoint Named(string device)
    {
        byte[] name = new byte[16];
        System.Text.Encoding.ASCII.GetBytes(device).CopyTo(name, 0);
        return SocketEndpoint.Read(name, 0);
    }
}
