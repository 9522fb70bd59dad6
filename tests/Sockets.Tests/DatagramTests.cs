using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>Sockets of datagrams, from one guest to another and back.</summary>
public sealed class DatagramTests
{
    [Theory]
    [InlineData("10.0.0.1", "10.0.0.2", false, false)]
    [InlineData("fd00::1", "fd00::2", true, true)]
    [InlineData("10.0.0.1", "10.0.0.2", false, true)]
    public void Datagrams_of_any_size_are_echoed_whole_and_in_fragments(string client, string server, bool isIPv6, bool isServerIPv6)
    {
        using TwoGuests guests = new();
        TestSocket echo = guests.Hosts[1].Open(SocketKind.Datagram, isServerIPv6);
        Assert.Equal(SocketErrno.None, echo.Bind(TwoGuests.At(isServerIPv6 ? "::" : "0.0.0.0", 7)));
        TestSocket socket = guests.Hosts[0].Open(SocketKind.Datagram, isIPv6);
        Assert.Equal(SocketErrno.None, socket.Bind(TwoGuests.At(isIPv6 ? "::" : "0.0.0.0")));
        Assert.InRange(socket.Local.Port, 1024, ushort.MaxValue);
        foreach (int length in (int[])[0, 1, 100, 1452, 1473, 20_000, 65_507])
        {
            byte[] data = new byte[length];
            new Random(length).NextBytes(data);
            socket.SendTo(TwoGuests.At(server, 7), data);
            (DatagramHeader header, byte[] came) = echo.ReceiveFrom();
            Assert.Equal(TwoGuests.At(client, socket.Local.Port), header.Remote);
            Assert.Equal(TwoGuests.At(server, 7), header.Local);
            echo.SendTo(header.Remote, came);
            Assert.Equal(data, socket.ReceiveFrom().Data);
        }

        Assert.Empty(guests.ReadReports());
    }

    [Theory]
    [InlineData("10.0.0.2", false)]
    [InlineData("fd00::2", true)]
    public void Who_asks_for_errors_gets_them_with_the_datagram_and_who_has_told(string peer, bool isIPv6)
    {
        using TwoGuests guests = new();
        TestSocket socket = guests.Hosts[0].Open(SocketKind.Datagram, isIPv6);
        socket.Options = socket.Options with { ReceivesErrors4 = !isIPv6, ReceivesErrors6 = isIPv6 };
        Assert.Equal(SocketErrno.None, socket.Bind(TwoGuests.At(isIPv6 ? "::" : "0.0.0.0", 0)));
        socket.SendTo(TwoGuests.At(peer, 9), "hello"u8);
        lock (guests.Hosts[0].Gate)
        {
            guests.Hosts[0].Await(() => socket.Errors.Count > 0, "an error");
        }

        (SocketErrorReport report, byte[] payload) = Assert.Single(socket.Errors);
        Assert.Equal("hello"u8, payload);
        Assert.Equal(TwoGuests.At(peer, 9), report.Remote);
        Assert.Equal(TwoGuests.At(peer, 0), report.Offender);
        Assert.Equal(isIPv6 ? (1, 4) : (3, 3), (report.Type, report.Code));
        Assert.Equal(SocketErrno.ECONNREFUSED, report.Reason);
        Assert.Equal(SocketErrno.None, socket.Error);
    }

    [Fact]
    public void Datagrams_wait_while_the_interface_is_full_and_all_arrive_though_their_socket_is_closed()
    {
        const int count = 200;
        using TwoGuests guests = new();
        TestSocket receiver = guests.Hosts[1].Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, receiver.Bind(TwoGuests.At("0.0.0.0", 7)));
        TestSocket socket = guests.Hosts[0].Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, socket.Bind(TwoGuests.At("0.0.0.0")));
        socket.SendTo(TwoGuests.At("10.0.0.2", 7), [0]);
        receiver.ReceiveFrom();
        guests.Links[0].HasRoom = false;
        for (int i = 0; i < count; i++)
        {
            socket.SendTo(TwoGuests.At("10.0.0.2", 7), [(byte)i]);
        }

        socket.Close();
        Assert.Equal(SocketErrno.None, guests.Hosts[0].Open(SocketKind.Datagram).Bind(TwoGuests.At("0.0.0.0")));
        Assert.False(socket.IsReleased, "the socket ended before its datagrams were sent");
        guests.Links[0].HasRoom = true;
        Assert.Equal(
            Enumerable.Range(0, count).Select(i => (byte)i),
            Enumerable.Range(0, count).Select(_ => receiver.ReceiveFrom().Data[0]));
        socket.AwaitRelease();
        Assert.Empty(guests.ReadReports());
    }

    [Fact]
    public void Each_call_is_answered_with_the_error_that_Linux_has()
    {
        using TwoGuests guests = new();
        TestSocket first = guests.Hosts[0].Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, first.Bind(TwoGuests.At("10.0.0.1", 500)));
        Assert.Equal(TwoGuests.At("10.0.0.1", 500), first.Local);
        (string What, SocketErrno Expected, Func<TestSocket, SocketErrno> Call)[] table =
        [
            ("a port that is taken", SocketErrno.EADDRINUSE, each => each.Bind(TwoGuests.At("10.0.0.1", 500))),
            ("an address of somebody else", SocketErrno.EADDRNOTAVAIL, each => each.Bind(TwoGuests.At("10.0.0.9", 501))),
            ("an address of IPv6", SocketErrno.EAFNOSUPPORT, each => each.Bind(TwoGuests.At("fd00::1", 502))),
            ("no way to the peer", SocketErrno.ENETUNREACH, each => each.Connect(TwoGuests.At("192.0.2.1", 1))),
            ("a broadcast without permission", SocketErrno.EACCES, each => each.Connect(TwoGuests.At("10.0.0.255", 1))),
            ("listening", SocketErrno.EOPNOTSUPP, each => each.Listen()),
            ("a peer", SocketErrno.None, each => each.Connect(TwoGuests.At("10.0.0.2", 1))),
        ];
        Assert.All(table, row =>
        {
            SocketErrno result = row.Call(guests.Hosts[0].Open(SocketKind.Datagram));
            Assert.True(row.Expected == result, $"{row.What}: {row.Expected} expected, {result}");
        });

        // A port is free again when its socket is gone.
        first.Close();
        first.AwaitRelease();
        Assert.Equal(SocketErrno.None, guests.Hosts[0].Open(SocketKind.Datagram).Bind(TwoGuests.At("10.0.0.1", 500)));
    }

    [Fact]
    public void A_connected_socket_hears_that_nobody_listens_there()
    {
        using TwoGuests guests = new();
        TestSocket socket = guests.Hosts[0].Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, socket.Connect(TwoGuests.At("10.0.0.2", 9)));
        Assert.Equal((TwoGuests.At("10.0.0.1", socket.Local.Port), TwoGuests.At("10.0.0.2", 9)), (socket.Local, socket.Remote));
        socket.SendTo(default, [1, 2, 3]);
        Assert.Equal(SocketErrno.ECONNREFUSED, socket.AwaitError());
    }

    [Fact]
    public async Task What_needs_an_address_waits_for_the_first_one_and_fails_when_none_comes()
    {
        TestSocketHost host = new();
        using SocketStack alone = new(host, new()
        {
            AddressLimit = TimeSpan.FromMilliseconds(50),
            Addresses = AddressSettings.From(new Dictionary<string, string> { ["XENLET_IP"] = "10.0.0.1/24" }),
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero },
        });
        alone.Start();
        TestSocket socket = host.Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.ENETUNREACH, socket.Connect(TwoGuests.At("10.0.0.2", 9)));

        TestSocketHost patientHost = new();
        using SocketStack patient = new(patientHost, new()
        {
            AddressLimit = TimeSpan.FromMinutes(10),
            Addresses = AddressSettings.From(new Dictionary<string, string> { ["XENLET_IP"] = "10.0.0.1/24" }),
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero },
        });
        patient.Start();
        TestSocket waiting = patientHost.Open(SocketKind.Datagram);
        Task<SocketErrno> connecting = Task.Run(() => waiting.Connect(TwoGuests.At("10.0.0.2", 9)));

        // This guest's own addresses work meanwhile.
        TestSocket loopback = patientHost.Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, loopback.Connect(TwoGuests.At("127.0.0.1", 9)));
        Assert.False(connecting.IsCompleted, "a connect returned before there was an address");
        patient.AddLink("vif0", MemoryLink.MakePair().First);
        Assert.Equal(SocketErrno.None, await connecting.WaitAsync(TimeSpan.FromMinutes(3)));
    }

    [Fact]
    public void An_exception_ends_the_socket_that_it_served_and_no_other()
    {
        using TwoGuests guests = new();
        TestSocketHost host = guests.Hosts[1];
        TestSocket broken = host.Open(SocketKind.Datagram);
        TestSocket sound = host.Open(SocketKind.Datagram);
        host.Before = (member, socket) =>
        {
            if (member == nameof(TestSocketHost.ReadOptions) && socket == broken)
            {
                throw new InvalidOperationException("planted");
            }
        };
        Assert.Equal(SocketErrno.ECONNRESET, broken.Bind(TwoGuests.At("0.0.0.0", 6)));
        Assert.Equal(SocketErrno.ECONNRESET, broken.AwaitError());
        Assert.Equal(SocketErrno.None, sound.Bind(TwoGuests.At("0.0.0.0", 7)));
        TestSocket client = guests.Hosts[0].Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, client.Connect(TwoGuests.At("10.0.0.2", 7)));
        client.SendTo(default, [1, 2, 3]);
        Assert.Equal([1, 2, 3], sound.ReceiveFrom().Data);
        Assert.Equal(1, guests.Stacks[1].Faults);
        Assert.Contains("planted", Assert.Single(guests.ReadReports()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_stack_that_ends_lets_go_of_the_sockets()
    {
        TwoGuests guests = new();
        guests.Dispose();
        Assert.All(guests.Hosts, host => Assert.True(host.IsDisposed));
        Assert.All(guests.Stacks, stack => Assert.True(stack.HasEnded));
    }
}
