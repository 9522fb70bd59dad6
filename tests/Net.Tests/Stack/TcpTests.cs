using Xenlet.Net.Base;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tests.Tcp.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Stack;

/// <summary>TCP over the whole stack: what only the layers together show.</summary>
public sealed class TcpTests
{
    private const int Size = 300_000;

    private readonly TestNetwork _network = new();

    [Theory]
    [InlineData("10.0.0.2", LinkOffloads.None)]
    [InlineData("10.0.0.2", LinkOffloads.ChecksumIPv4)]
    [InlineData("fd00::2", LinkOffloads.None)]
    [InlineData("fd00::2", LinkOffloads.ChecksumIPv6)]
    [InlineData("10.0.0.1", LinkOffloads.None)]
    [InlineData("127.0.0.1", LinkOffloads.None)]
    [InlineData("::1", LinkOffloads.None)]
    public void A_connection_carries_its_bytes_to_another_host_and_to_ourselves(string address, LinkOffloads offloads)
    {
        TestHost host = _network.AddHost("10.0.0.1/24 fd00::1/64");
        TestHost peer = _network.AddHost("10.0.0.2/24 fd00::2/64");
        host.Link.Offloads = peer.Link.Offloads = offloads;
        bool isPeer = address.EndsWith('2');
        StackListener server = new((isPeer ? peer : host).Stack, 80);
        SimulatedUser client = StackUser.Connect(host, address, 80, out TcpError error);
        Assert.Equal(TcpError.None, error);

        for (int i = 0; i < 2_000 && server.Received < Size; i++)
        {
            client.Write((int)(Size - client.Written));
            _network.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.True(client.IsConnected, $"there is no connection to {address}: {client.Error}");
        Assert.Equal(Size, server.Received);
        Assert.Equal((0, 0), (host.Stack.Pool.Rented, peer.Stack.Pool.Rented));
    }

    [Fact]
    public void Of_segments_that_one_turn_takes_the_first_is_answered_first()
    {
        const int count = 5;
        TestHost host = _network.AddHost("10.0.0.1/24");
        _ = new StackListener(_network.AddHost("10.0.0.2/24").Stack, 80);
        SimulatedUser[] clients = [.. Enumerable.Range(0, count).Select(_ => StackUser.Connect(host, "10.0.0.2", 80, out TcpError _))];
        _network.Settle();
        int before = _network.Wire.Sent.Count;

        Array.ForEach(clients, client => Assert.Equal(1, client.Write(1)));
        _network.Settle();

        // The destination port stands behind the headers of Ethernet and IPv4, and the source port.
        const int port = EthernetHeader.Size + IPv4Header.Size + 2;
        Assert.Equal(
            clients.Select(client => (int)client.Connection!.Flow.Local.Port),
            _network.Wire.Sent[(before + count)..].Select(frame => (frame[port] << 8) | frame[port + 1]));
    }

    [Fact]
    public void A_port_where_nobody_listens_refuses_and_a_neighbour_that_is_not_there_is_unreachable()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        _network.AddHost("10.0.0.2/24");
        SimulatedUser refused = StackUser.Connect(host, "10.0.0.2", 81, out _);
        SimulatedUser unreachable = StackUser.Connect(host, "10.0.0.77", 80, out _);
        StackUser.Connect(host, "192.0.2.1", 80, out TcpError noRoute);

        _network.Advance(TimeSpan.FromSeconds(4));

        Assert.Equal((true, TcpError.Refused), (refused.HasEnded, refused.Error));
        Assert.Equal((true, TcpError.HostUnreachable), (unreachable.HasEnded, unreachable.Error));
        Assert.Equal(TcpError.NetworkUnreachable, noRoute);
    }

    [Fact]
    public void A_connection_ends_with_its_interface()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestHost peer = _network.AddHost("10.0.0.2/24");
        _ = new StackListener(peer.Stack, 80);
        SimulatedUser client = StackUser.Connect(host, "10.0.0.2", 80, out _);
        _network.Settle();
        Assert.True(client.IsConnected);

        host.Stack.RemoveInterface(host.Interface);

        Assert.Equal((true, TcpError.NetworkDown), (client.HasEnded, client.Error));
    }

    /// <summary>As on Linux, what no route leads to by the interface is a neighbour there; its packets have that link's size.</summary>
    [Fact]
    public void A_connection_bound_to_an_interface_uses_that_one_also_where_the_route_leads_to_another_with_larger_packets()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestHost peer = _network.AddHost("10.0.0.2/16");
        host.Link.Mtu = peer.Link.Mtu = 9_000;
        TestLink link = _network.Wire.AddLink(9);
        IpInterface other = host.Stack.AddInterface("eth1", link);
        host.Stack.AddAddress(other, TestNetwork.Parse("10.0.1.1"), 24);
        StackListener server = new(peer.Stack, 80);
        _network.Settle();
        int sentByFirst = host.Link.SentOffloads.Count;

        SimulatedUser client = StackUser.Connect(host, "10.0.0.2", 80, out TcpError error, new() { BoundInterface = other.Index });
        Assert.Equal(TcpError.None, error);
        _network.Settle();
        client.Write(50_000);
        _network.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal((50_000, 0, sentByFirst), (server.Received, link.Unfit, host.Link.SentOffloads.Count));
        Assert.Equal("10.0.1.1", client.Connection!.Flow.Local.Address.ToString());
    }

    /// <summary>A router between takes 1,300 bytes and says so, or somebody else says so who has not seen the connection.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_smaller_path_is_believed_when_its_error_quotes_what_is_under_way(bool isReal)
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestHost peer = _network.AddHost("10.0.0.2/24");
        StackListener server = new(peer.Stack, 80);
        SimulatedUser client = StackUser.Connect(host, "10.0.0.2", 80, out _);
        _network.Settle();
        byte[]? large = null;
        _network.Wire.Passes = frame =>
        {
            if (frame.Length <= 1_314)
            {
                return true;
            }

            large ??= frame;
            return false;
        };
        client.Write(20_000);
        Assert.NotNull(large);

        byte[] quote = large[14..(14 + 28)];
        quote[25] ^= (byte)(isReal ? 0 : 0x55);
        host.TakeIPv4("10.0.0.254", "10.0.0.1", ProtocolNumber.Icmp, TestHost.Icmp(
            IcmpType.DestinationUnreachable, IcmpType.FragmentationNeeded, 1_300, quote));
        _network.Settle();
        Assert.Equal(isReal ? 1_300 : 1_500, host.Stack.Internet.Output.PathMtu(TestNetwork.Parse("10.0.0.2")));

        _network.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(20_000, server.Received);
    }

    /// <summary>
    /// A collection, starvation or a suspend: the host stands still, and the answers to what it has sent wait at its link.
    /// </summary>
    [Theory]
    [InlineData(0.3)]
    [InlineData(2)]
    [InlineData(60)]
    public void After_a_pause_what_has_arrived_counts_before_any_timer(double seconds)
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestHost peer = _network.AddHost("10.0.0.2/24");
        Listener server = new(peer.Stack, 80);
        SimulatedUser client = Connect(host, "10.0.0.2", 80, out _);
        _network.Settle();
        client.Write(10_000);
        peer.Stack.Run();
        Assert.NotEmpty(host.Link.Inbox);

        _network.Clock.Now += (long)(seconds * StackTime.Second);
        Assert.True(host.Stack.NextDue <= _network.Clock.Now, "no timer has become due in the pause");
        host.Stack.Run();

        Assert.Equal((0, 0), (host.Stack.Tcp.Counters.RetransSegs, host.Stack.Tcp.Counters.Timeouts));
        _network.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((10_000, 0), (server.Received, host.Stack.Tcp.Counters.RetransSegs));
    }

    private static SimulatedUser Connect(TestHost host, string address, ushort port, out TcpError error)
    {
        SimulatedUser user = new(100_000, 100_000);
        error = host.Stack.Tcp.Connect(new Endpoint(TestNetwork.Parse(address), port), user, null, null, out TcpConnection? connection);
        user.Connection = connection;
        return user;
    }

    /// <summary>Takes connections, and all that they bring.</summary>
    private sealed class Listener : ITcpListenUser
    {
        private readonly List<SimulatedUser> _users = [];

        public Listener(IpStack stack, ushort port)
        {
            Assert.Equal(TcpError.None, stack.Tcp.Bind(
                new Endpoint(InternetAddress.AnyIPv6, port), isDual: true, false, false, out TcpBinding? binding));
            Assert.Equal(TcpError.None, stack.Tcp.Listen(binding!, this, new TcpSettings(), 10, out _));
        }

        public bool HasRoom => true;

        public int ReceiveCapacity => 100_000;

        public long Received => _users.Sum(user => user.Received);

        public ITcpUser? OnConnection(in Flow flow)
        {
            SimulatedUser user = new(100_000, ReceiveCapacity);
            user.Arrived = () => user.Read(int.MaxValue);
            _users.Add(user);
            return user;
        }

        public void OnAccepted(ITcpUser user, TcpConnection connection) => ((SimulatedUser)user).Connection = connection;
    }
}
