using System.Buffers.Binary;
using System.Net;
using System.Text;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>NETLINK_ROUTE, as glibc's getifaddrs and .NET's NetworkChange use it. Numbers are those of linux/rtnetlink.h.</summary>
public sealed class NetlinkTests
{
    private const ushort GetLink = 18;
    private const ushort GetAddress = 22;
    private const ushort GetRoute = 26;
    private const ushort Dump = 0x301;
    private const byte IPv4 = 2;
    private const byte IPv6 = 10;

    [Fact]
    public void A_dump_of_links_has_names_addresses_sizes_and_counters()
    {
        using TwoGuests guests = new();
        AwaitAddresses(guests.Hosts[0]);
        TestSocket socket = Bind(guests.Hosts[0]);
        List<Message> links = Ask(socket, GetLink, Dump);

        // ifinfomsg: type at 2, index at 4, flags at 8. IFLA_IFNAME 3, IFLA_MTU 4, IFLA_ADDRESS 1, IFLA_STATS64 23.
        Assert.Equal(
            ["lo 772 1 10049 65536 00-00-00-00-00-00", "vif0 1 2 11043 1500 02-00-00-00-00-01"],
            links.Select(link => string.Join(
                ' ',
                Encoding.ASCII.GetString(link[3].AsSpan(..^1)),
                BinaryPrimitives.ReadUInt16LittleEndian(link.Body.AsSpan(2)),
                Number(link.Body, 4),
                Number(link.Body, 8).ToString("x", null),
                Number(link[4], 0),
                BitConverter.ToString(link[1]))));
        Assert.True(BinaryPrimitives.ReadInt64LittleEndian(links[1][23].AsSpan(8)) > 0, "no packets were sent");
        Assert.All(links, link => Assert.Equal((ushort)16, link.Type));
    }

    [Theory]
    [InlineData(0, "1:127.0.0.1/8 1:::1/128 2:10.0.0.1/24 2:fd00::1/64 2:fe80::ff:fe00:1/64")]
    [InlineData(IPv4, "1:127.0.0.1/8 2:10.0.0.1/24")]
    [InlineData(IPv6, "1:::1/128 2:fd00::1/64 2:fe80::ff:fe00:1/64")]
    public void A_dump_of_addresses_has_those_of_a_family_or_all(byte family, string expected)
    {
        using TwoGuests guests = new();
        AwaitAddresses(guests.Hosts[0]);

        // ifaddrmsg: length of the prefix at 1, index at 4. IFA_ADDRESS 1.
        Assert.Equal(
            expected,
            string.Join(' ', Ask(Bind(guests.Hosts[0]), GetAddress, Dump, family)
                .Select(message => $"{message.Body[4]}:{new IPAddress(message[1])}/{message.Body[1]}").Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void A_dump_of_routes_has_gateways_and_interfaces()
    {
        using TwoGuests guests = new("10.0.0.254");
        AwaitAddresses(guests.Hosts[0]);

        // rtmsg: length of the destination at 1. RTA_DST 1, RTA_GATEWAY 5, RTA_OIF 4.
        List<Message> routes = Ask(Bind(guests.Hosts[0]), GetRoute, Dump, IPv4);
        Assert.Equal([24, 0], routes.Select(route => (int)route.Body[1]));
        Assert.Equal("10.0.0.0 2", $"{new IPAddress(routes[0][1])} {Number(routes[0][4], 0)}");
        Assert.Equal("10.0.0.254 2", $"{new IPAddress(routes[1][5])} {Number(routes[1][4], 0)}");
    }

    [Theory]
    [InlineData(GetLink, 1, SocketErrno.EOPNOTSUPP)] // A question for one link, which nobody here asks.
    [InlineData(16, 5, SocketErrno.EPERM)]
    [InlineData(20, 5, SocketErrno.EPERM)]
    [InlineData(30, Dump, SocketErrno.EOPNOTSUPP)]
    public void What_is_not_answered_is_refused(ushort type, ushort flags, SocketErrno expected)
    {
        TestSocketHost host = new();
        using SocketStack stack = Start(host);
        TestSocket socket = Bind(host);
        socket.SendTo(default, Request(type, flags, 0));
        Message error = Assert.Single(Read(socket.ReceiveFrom().Data));
        Assert.Equal((2, -(int)expected), (error.Type, Number(error.Body, 0)));
    }

    [Fact]
    public void A_request_that_is_none_gets_no_answer_and_does_no_harm()
    {
        TestSocketHost host = new();
        using SocketStack stack = Start(host);
        TestSocket socket = Bind(host);
        byte[] whole = Request(GetLink, Dump, 0);
        foreach (int length in (int[])[-1, 0, 15, whole.Length + 1, int.MaxValue])
        {
            BinaryPrimitives.WriteInt32LittleEndian(whole, length);
            socket.SendTo(default, whole);
        }

        socket.SendTo(default, whole.AsSpan(0, 7));
        Assert.Equal(2, Ask(socket, GetAddress, Dump).Count);
        Assert.Equal(0, stack.Faults);
    }

    [Fact]
    public void Each_socket_has_a_port_of_its_own()
    {
        TestSocketHost host = new();
        using SocketStack stack = Start(host);
        ulong chosen = Bind(host).Local.Low;
        Assert.NotEqual(0ul, chosen);
        TestSocket second = host.Open(SocketKind.Netlink, isIPv6: true);
        Assert.Equal(SocketErrno.EADDRINUSE, second.Bind(new SocketEndpoint(0, chosen, 0)));
        Assert.Equal(SocketErrno.None, second.Bind(new SocketEndpoint(0, 77, 0)));
        Assert.Equal(77ul, second.Local.Low);
        second.Close();
        second.AwaitRelease();
        Assert.Equal(SocketErrno.None, host.Open(SocketKind.Netlink, isIPv6: true).Bind(new SocketEndpoint(0, 77, 0)));
    }

    /// <summary>RTMGRP_LINK 1, RTMGRP_IPV4_IFADDR 0x10, RTMGRP_IPV4_ROUTE 0x40, RTMGRP_IPV6_ROUTE 0x400: those of .NET.</summary>
    [Fact]
    public void Those_who_listen_hear_of_each_change_of_their_groups_alone()
    {
        TestSocketHost host = new();
        using SocketStack stack = Start(host, ("XENLET_IP", "10.0.0.1/24"));
        TestSocket listening = Bind(host, groups: 0x451);
        TestSocket links = Bind(host, groups: 1);
        TestSocket silent = Bind(host);
        (MemoryLink link, _) = MemoryLink.MakePair();
        link.Wake = stack.Wake;
        stack.AddLink("vif0", link);

        // RTM_NEWLINK 16, RTM_NEWADDR 20, RTM_NEWROUTE 24.
        HashSet<int> expected = [16, 20, 24];
        while (expected.Count > 0)
        {
            (DatagramHeader header, byte[] data) = listening.ReceiveFrom();
            Message message = Assert.Single(Read(data));
            expected.Remove(message.Type);
            Assert.Equal(0ul, header.Remote.Low);
        }

        Assert.Equal(16, Assert.Single(Read(links.ReceiveFrom().Data)).Type);
        lock (host.Gate)
        {
            Assert.Empty(silent.Incoming);
            Assert.All(links.Incoming, datagram => Assert.Equal(16, Assert.Single(Read(datagram.Data)).Type));
        }
    }

    [Theory]
    [InlineData(0x8933, "vif0", "02-00-00-00", SocketErrno.None)] // SIOCGIFINDEX
    [InlineData(0x8933, "vif9", "", SocketErrno.ENODEV)]
    [InlineData(0x8921, "vif0", "DC-05-00-00", SocketErrno.None)] // SIOCGIFMTU
    [InlineData(0x8913, "lo", "49-00", SocketErrno.None)] // SIOCGIFFLAGS
    [InlineData(0x8915, "vif0", "02-00-00-00-0A-00-00-01", SocketErrno.None)] // SIOCGIFADDR
    [InlineData(0x891b, "vif0", "02-00-00-00-FF-FF-FF-00", SocketErrno.None)] // SIOCGIFNETMASK
    [InlineData(0x8919, "vif0", "02-00-00-00-0A-00-00-FF", SocketErrno.None)] // SIOCGIFBRDADDR
    [InlineData(0x8927, "vif0", "01-00-02-00-00-00-00-01", SocketErrno.None)] // SIOCGIFHWADDR
    public void An_ioctl_of_an_interface_is_answered_as_on_Linux(int command, string name, string answer, SocketErrno expected)
    {
        using TwoGuests guests = new();
        AwaitAddresses(guests.Hosts[0]);
        byte[] request = new byte[40];
        Encoding.ASCII.GetBytes(name, request);
        (SocketErrno result, byte[] bytes) = guests.Hosts[0].Ask(SocketCall.AskInterface, command, request);
        Assert.Equal(expected, result);
        Assert.Equal(answer, result != SocketErrno.None ? "" : BitConverter.ToString(bytes, 16, (answer.Length + 1) / 3));
    }

    [Fact]
    public void An_index_has_a_name()
    {
        using TwoGuests guests = new();
        AwaitAddresses(guests.Hosts[0]);
        byte[] request = new byte[40];
        "nonsense"u8.CopyTo(request);
        request[16] = 2;
        (_, byte[] bytes) = guests.Hosts[0].Ask(SocketCall.AskInterface, 0x8910, request);
        Assert.Equal("vif0\0\0\0\0", Encoding.ASCII.GetString(bytes, 0, 8));
        request[16] = 9;
        Assert.Equal(SocketErrno.ENODEV, guests.Hosts[0].Ask(SocketCall.AskInterface, 0x8910, request).Result);
    }

    private static SocketStack Start(TestSocketHost host, params (string Name, string Value)[] settings)
    {
        SocketStack stack = new(host, new()
        {
            Addresses = AddressSettings.From(settings.ToDictionary(each => each.Name, each => each.Value)),
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero, IPv6ProbeInterval = TimeSpan.Zero },
        });
        stack.Start();
        return stack;
    }

    private static void AwaitAddresses(TestSocketHost host) => Assert.True(
        SpinWait.SpinUntil(() => host.ReadFile("/etc/hosts").Content.Contains("fd00", StringComparison.Ordinal), TimeSpan.FromMinutes(3)),
        "an address did not come");

    private static TestSocket Bind(TestSocketHost host, uint groups = 0)
    {
        TestSocket socket = host.Open(SocketKind.Netlink, isIPv6: true);
        Assert.Equal(SocketErrno.None, socket.Bind(new SocketEndpoint(groups, 0, 0)));
        return socket;
    }

    private static byte[] Request(ushort type, ushort flags, byte family)
    {
        byte[] bytes = new byte[20];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(6), flags);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), 4711);
        bytes[16] = family;
        return bytes;
    }

    /// <summary>Asks, and reads datagrams until the end of the answer.</summary>
    private static List<Message> Ask(TestSocket socket, ushort type, ushort flags, byte family = 0)
    {
        socket.SendTo(default, Request(type, flags, family));
        List<Message> all = [];
        while (true)
        {
            byte[] datagram = socket.ReceiveFrom().Data;
            Assert.True(datagram.Length <= 4096, "a datagram is longer than glibc's buffer");
            foreach (Message message in Read(datagram))
            {
                Assert.Equal((4711, (int)socket.Local.Low), (message.Sequence, message.Port));
                if (message.Type == 3)
                {
                    return all;
                }

                all.Add(message);
            }
        }
    }

    private static List<Message> Read(byte[] datagram)
    {
        List<Message> messages = [];
        for (int at = 0; at < datagram.Length; at += Number(datagram, at))
        {
            messages.Add(new Message(datagram.AsSpan(at, Number(datagram, at)).ToArray()));
        }

        return messages;
    }

    private static int Number(byte[] bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));

    /// <summary>A message, whose attributes are found by their type.</summary>
    private sealed class Message(byte[] bytes)
    {
        public ushort Type => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(4));

        public int Sequence => Number(bytes, 8);

        public int Port => Number(bytes, 12);

        public byte[] Body => bytes[16..];

        /// <summary>The value of an attribute, behind a structure of 16, 8 or 12 bytes.</summary>
        public byte[] this[ushort type]
        {
            get
            {
                int at = 16 + (Type == 16 ? 16 : Type == 20 ? 8 : 12);
                while (at < bytes.Length)
                {
                    int length = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));
                    if (BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at + 2)) == type)
                    {
                        return bytes[(at + 4)..(at + length)];
                    }

                    at += (length + 3) & ~3;
                }

                throw new KeyNotFoundException($"attribute {type} of a message of type {Type}");
            }
        }
    }
}
