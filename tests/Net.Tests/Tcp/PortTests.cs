using System.Net;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>Who may hold which port, and which listener a connection reaches.</summary>
public sealed class PortTests
{
    private readonly SimulatedNetwork _network = new(1);

    [Theory]
    [InlineData("10.0.0.2", "", "10.0.0.2", "", false)]
    [InlineData("10.0.0.2", "", "10.0.0.3", "", true)]
    [InlineData("0.0.0.0", "", "10.0.0.2", "", false)]
    [InlineData("10.0.0.2", "", "0.0.0.0", "", false)]
    [InlineData("::", "", "10.0.0.2", "", true)]
    [InlineData(":: dual", "", "10.0.0.2", "", false)]
    [InlineData(":: dual", "", "0.0.0.0", "", false)]
    [InlineData("::", "", "0.0.0.0", "", true)]
    [InlineData("10.0.0.2", "address", "10.0.0.2", "address", true)]
    [InlineData("10.0.0.2", "address", "10.0.0.2", "", false)]
    [InlineData("10.0.0.2", "port", "10.0.0.2", "port", true)]
    [InlineData("10.0.0.2", "port", "10.0.0.2", "address", false)]
    [InlineData("10.0.0.2", "address listening", "10.0.0.2", "address", false)]
    [InlineData("10.0.0.2", "port listening", "10.0.0.2", "port", true)]
    public void Two_may_hold_a_port_by_the_rules_of_Linux(string first, string firstIs, string second, string secondIs, bool isPossible)
    {
        Assert.Equal(TcpError.None, Bind(first, firstIs, out TcpBinding? one));
        Assert.Equal(isPossible ? TcpError.None : TcpError.AddressInUse, Bind(second, secondIs, out TcpBinding? other));
        _network.Right.Tcp.Release(one!);
        if (other is not null)
        {
            _network.Right.Tcp.Release(other);
        }

        Assert.Equal(0, _network.Right.Tcp.Ports.Count);
    }

    [Fact]
    public void Of_two_with_SO_REUSEADDR_one_may_listen()
    {
        Bind("10.0.0.2", "address", out TcpBinding? one);
        Bind("10.0.0.2", "address", out TcpBinding? other);

        Assert.Equal(TcpError.None, Listen(one!, out _));
        Assert.Equal(TcpError.AddressInUse, Listen(other!, out _));
    }

    [Fact]
    public void Listeners_that_share_a_port_share_its_connections()
    {
        SimulatedServer[] servers = new SimulatedServer[4];
        for (int i = 0; i < servers.Length; i++)
        {
            Bind("10.0.0.2", "port", out TcpBinding? binding);
            Assert.Equal(TcpError.None, Listen(binding!, out servers[i]));
        }

        for (int i = 0; i < 64; i++)
        {
            _network.Connect(new SimulatedUser(100, 100));
        }

        _network.Run(SimulatedTime.Second);
        Assert.Equal(64, servers.Sum(server => server.Accepted.Count));
        Assert.All(servers, server => Assert.InRange(server.Accepted.Count, 4, 40));
    }

    [Theory]
    [InlineData("10.0.0.2", "0.0.0.0")]
    [InlineData("10.0.0.2", ":: dual")]
    [InlineData("0.0.0.0", ":: dual")]
    public void A_connection_reaches_the_listener_whose_address_fits_best(string best, string other)
    {
        Bind(other, "port", out TcpBinding? wide);
        Bind(best, "port", out TcpBinding? narrow);
        Listen(wide!, out SimulatedServer wideServer);
        Listen(narrow!, out SimulatedServer narrowServer);
        _network.Connect(new SimulatedUser(100, 100));
        _network.Run(SimulatedTime.Second);

        Assert.Empty(wideServer.Accepted);
        Assert.Single(narrowServer.Accepted);
    }

    [Fact]
    public void A_port_that_nobody_names_is_a_random_one_of_the_ephemeral_range()
    {
        HashSet<ushort> ports = [];
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(TcpError.None, _network.Right.Tcp.Bind(
                new Endpoint(_network.Right.Address, 0), false, false, false, out TcpBinding? binding));
            Assert.InRange(binding!.Local.Port, 32_768, 60_999);
            Assert.True(ports.Add(binding.Local.Port));
        }

        Assert.True(ports.Max() - ports.Min() > 1_000, "the ports lie side by side");
    }

    [Fact]
    public void A_bound_port_is_that_of_the_connection_which_keeps_it_until_its_end()
    {
        SimulatedServer server = new(100, 100);
        _network.Listen(server);
        _network.Left.Tcp.Bind(new Endpoint(_network.Left.Address, 555), false, false, false, out TcpBinding? binding);
        SimulatedUser user = new(100, 100);
        Endpoint remote = new(_network.Right.Address, SimulatedNetwork.Port);
        Assert.Equal(TcpError.None, _network.Left.Tcp.Connect(remote, user, binding, null, out TcpConnection? connection));
        Assert.Equal(new Endpoint(_network.Left.Address, 555), connection!.Flow.Local);
        Assert.Equal(TcpError.AddressNotAvailable, _network.Left.Tcp.Connect(remote, new SimulatedUser(1, 1), binding, null, out _));
        _network.Left.Tcp.Release(binding!);
        Assert.Equal(1, _network.Left.Tcp.Ports.Count);

        connection.Abort();
        Assert.Equal(0, _network.Left.Tcp.Ports.Count);
    }

    [Theory]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("ff02::1")]
    public void Nobody_connects_to_a_group(string address) => Assert.Equal(
        TcpError.NetworkUnreachable,
        _network.Left.Tcp.Connect(
            new Endpoint(InternetAddress.From(IPAddress.Parse(address)), 80), new SimulatedUser(1, 1), null, null, out _));

    [Theory]
    [InlineData("224.0.0.1", "10.0.0.2")]
    [InlineData("255.255.255.255", "10.0.0.2")]
    [InlineData("0.0.0.0", "10.0.0.2")]
    [InlineData("10.0.0.1", "224.0.0.1")]
    [InlineData("10.0.0.1", "255.255.255.255")]
    public void A_segment_from_or_to_a_group_or_nobody_is_dropped_in_silence(string source, string destination)
    {
        byte[] bytes = new byte[TcpHeader.FixedSize];
        new TcpHeader(1, 2, default, default, TcpFlags.Syn, 0, 0, bytes.Length).Write(bytes);
        PacketBuffer packet = _network.Right.Pool.Rent(bytes.Length);
        bytes.CopyTo(packet.Append(bytes.Length));
        packet.Offload = new PacketOffload(false, true, 0);
        _network.Right.Tcp.Receive(packet, new Xenlet.Net.Internet.InternetHeader(
            InternetAddress.From(IPAddress.Parse(source)), InternetAddress.From(IPAddress.Parse(destination)), 6, 64, 0, false));

        Assert.Equal(0, _network.Right.Tcp.Counters.OutSegs);
        Assert.Equal(0, _network.Right.Pool.Rented);
    }

    [Fact]
    public void An_address_that_goes_takes_its_connections_with_it()
    {
        SimulatedServer server = new(100, 100);
        _network.Listen(server);
        SimulatedUser user = new(100, 100);
        _network.Connect(user);
        _network.Run(SimulatedTime.Second);

        _network.Left.Tcp.OnAddressGone(_network.Right.Address, TcpError.NetworkDown);
        Assert.False(user.HasEnded);
        _network.Left.Tcp.OnAddressGone(_network.Left.Address, TcpError.NetworkDown);
        Assert.Equal(TcpError.NetworkDown, user.Error);
    }

    private TcpError Bind(string address, string options, out TcpBinding? binding)
    {
        string[] words = address.Split(' ');
        TcpError error = _network.Right.Tcp.Bind(
            new Endpoint(InternetAddress.From(IPAddress.Parse(words[0])), SimulatedNetwork.Port), words.Length > 1,
            options.Contains("address", StringComparison.Ordinal), options.Contains("port", StringComparison.Ordinal), out binding);
        if (binding is not null && options.Contains("listening", StringComparison.Ordinal))
        {
            binding.IsListening = true;
        }

        return error;
    }

    private TcpError Listen(TcpBinding binding, out SimulatedServer server)
    {
        server = new SimulatedServer(100, 100) { Limit = 100 };
        return _network.Right.Tcp.Listen(binding, server, new TcpSettings(), 128, out _);
    }
}
