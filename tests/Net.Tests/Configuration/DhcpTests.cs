using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Configuration;

/// <summary>A DHCP client against servers honest and other.</summary>
public sealed class DhcpTests
{
    private readonly TestNetwork _network = new();
    private readonly TestDhcpServer _server;
    private readonly TestHost _host;

    public DhcpTests()
    {
        _server = new TestDhcpServer(_network.AddHost("10.0.0.1/24"));
        _host = _network.AddHost();
    }

    [Fact]
    public void A_client_gets_an_address_with_routes_and_names()
    {
        DhcpClient client = Start();

        Assert.Equal(DhcpState.Bound, client.State);
        Assert.Equal("10.0.0.50", client.Address.ToString());
        Assert.Equal([DhcpOption.Discover, DhcpOption.Request], _server.Types);
        Assert.Equal("guest"u8.ToArray(), _server.OptionOfLast(DhcpOption.HostName));
        Assert.Contains("0.0.0.0/0 via 10.0.0.254 dev eth0", _host.Stack.Routes.Select(route => route.ToString()));
        Assert.Contains("10.0.0.0/24 dev eth0", _host.Stack.Routes.Select(route => route.ToString()));
        Assert.Equal(["10.0.0.53", "10.0.0.54"], _host.Stack.Resolver.Servers.Select(server => server.ToString()));
        Assert.Equal(["example.test"], _host.Stack.Resolver.SearchDomains);
    }

    [Fact]
    public void A_client_asks_again_until_a_server_answers()
    {
        _server.IsSilent = true;
        DhcpClient client = Start();
        _network.Advance(TimeSpan.FromMinutes(3));
        Assert.InRange(_server.Types.Count, 6, 12);
        Assert.All(_server.Types, type => Assert.Equal(DhcpOption.Discover, type));

        _server.IsSilent = false;
        _network.Advance(TimeSpan.FromSeconds(75));
        Assert.Equal(DhcpState.Bound, client.State);
    }

    [Fact]
    public void A_lease_is_renewed_with_its_server_then_with_any_and_ends_when_none_answers()
    {
        DhcpClient client = Start();
        TestTransport transport = TestTransport.AddTo(_host);
        _network.Advance(TimeSpan.FromSeconds(1_802));
        Assert.Equal(DhcpOption.Request, _server.Types[^1]);
        Assert.True(_server.WasUnicast, "the first renewal went to all servers");
        Assert.Equal(DhcpState.Bound, client.State);

        _server.IsSilent = true;
        _network.Advance(TimeSpan.FromSeconds(1_802));
        Assert.Equal(DhcpState.Renewing, client.State);
        _network.Advance(TimeSpan.FromSeconds(1_400));
        Assert.Equal(DhcpState.Rebinding, client.State);
        Assert.False(_server.WasUnicast, "a rebinding request went to one server");
        _network.Advance(TimeSpan.FromSeconds(450));

        Assert.Equal(DhcpState.Selecting, client.State);
        Assert.Equal("10.0.0.50", Assert.Single(transport.RemovedAddresses).ToString());
        Assert.DoesNotContain(_host.Stack.Routes, route => route.Prefix.Address.IsIPv4);
        Assert.Empty(_host.Stack.Resolver.Servers);
        Assert.InRange(_server.Types.Count, 5, 40);
    }

    [Fact]
    public void A_renewed_lease_keeps_its_address_without_a_gap()
    {
        Start();
        TestTransport transport = TestTransport.AddTo(_host);
        _network.Advance(TimeSpan.FromHours(3));
        Assert.Empty(transport.RemovedAddresses);
        Assert.InRange(_server.Types.Count, 6, 9);
    }

    [Fact]
    public void A_refusal_takes_the_address_and_the_client_begins_again()
    {
        DhcpClient client = Start();
        _server.Refuses = true;
        _network.Advance(TimeSpan.FromSeconds(1_801));
        Assert.Null(client.Address);

        _server.Refuses = false;
        _server.Lends = "10.0.0.60";
        _network.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("10.0.0.60", client.Address.ToString());
    }

    [Fact]
    public void An_address_that_somebody_has_is_declined_and_another_asked_for()
    {
        TestNetwork network = new();
        TestDhcpServer server = new(network.AddHost("10.0.0.1/24"));
        network.AddHost("10.0.0.50/24");
        TestHost host = network.AddHost("", new IpStackOptions());
        DhcpClient client = host.Stack.StartDhcp(host.Interface)!;
        network.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal([DhcpOption.Discover, DhcpOption.Request, DhcpOption.Decline], server.Types);
        Assert.Equal([10, 0, 0, 50], server.OptionOfLast(DhcpOption.RequestedAddress));
        Assert.Null(client.Address);
        server.Lends = "10.0.0.51";
        network.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal((DhcpState.Bound, "10.0.0.51"), (client.State, client.Address.ToString()));
    }

    [Fact]
    public void A_leased_address_is_declined_when_somebody_says_in_its_first_second_to_have_it()
    {
        TestNetwork network = new();
        TestDhcpServer server = new(network.AddHost("10.0.0.1/24"));
        TestHost host = network.AddHost("", new IpStackOptions());
        DhcpClient client = host.Stack.StartDhcp(host.Interface)!;
        network.AdvanceUntil(
            () => host.Interface.Addresses.Any(each => each is { IsUsable: true, Address.IsIPv4: true }), TimeSpan.FromSeconds(5));

        Assert.Equal("10.0.0.50", client.Address.ToString());
        network.Advance(TimeSpan.FromMilliseconds(500));
        host.TakeClaim("10.0.0.50");
        network.Settle();

        Assert.Equal([DhcpOption.Discover, DhcpOption.Request, DhcpOption.Decline], server.Types);
        Assert.Null(client.Address);
        server.Lends = "10.0.0.51";
        network.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal((DhcpState.Bound, "10.0.0.51"), (client.State, client.Address.ToString()));
    }

    [Fact]
    public void A_client_that_stops_gives_its_address_back()
    {
        Start();
        _host.Stack.StopDhcp(_host.Interface);
        _network.Settle();

        Assert.Equal(DhcpOption.Release, _server.Types[^1]);
        Assert.DoesNotContain(_host.Interface.Addresses, address => address.Address.IsIPv4);
        Assert.Empty(_host.Stack.Resolver.Servers);
        Assert.NotNull(_host.Stack.StartDhcp(_host.Interface));
    }

    [Theory]
    [InlineData(30, true, true)]
    [InlineData(7_200, false, true)]
    [InlineData(7_200, false, false)]
    public void After_a_pause_the_lease_is_confirmed_and_one_that_may_be_over_before_it_is_used(
        int pause, bool isUsableMeanwhile, bool isGranted)
    {
        DhcpClient client = Start();
        TestTransport transport = TestTransport.AddTo(_host);
        _network.Clock.WallClockJump = TimeSpan.FromSeconds(pause);
        int before = _server.Types.Count;
        _server.Refuses = !isGranted;

        _host.Stack.OnLinkChanged(_host.Interface);
        bool isOurs = _host.Stack.Internet.Addresses.IsOurs(TestNetwork.Parse("10.0.0.50"));
        _network.Settle();

        Assert.Equal(isUsableMeanwhile, isOurs);
        Assert.Equal(DhcpOption.Request, _server.Types[before]);
        Assert.Equal(isGranted ? DhcpState.Bound : DhcpState.Selecting, client.State);
        Assert.Equal(isGranted, _host.Stack.Internet.Addresses.IsOurs(TestNetwork.Parse("10.0.0.50")));
        Assert.Equal(isGranted ? 0 : 1, transport.RemovedAddresses.Count);
    }

    [Fact]
    public void After_a_pause_without_an_answer_a_lease_whose_time_is_not_over_goes_on()
    {
        DhcpClient client = Start();
        _server.IsSilent = true;
        _network.Clock.WallClockJump = TimeSpan.FromSeconds(100);
        _host.Stack.OnLinkChanged(_host.Interface);
        _network.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal((DhcpState.Bound, "10.0.0.50"), (client.State, client.Address.ToString()));
    }

    /// <summary>Answers that lend nothing: bytes from an offset on are overwritten.</summary>
    [Theory]
    [InlineData("the address of nobody", 16, "00000000")]
    [InlineData("a loopback address", 16, "7f000001")]
    [InlineData("a group", 16, "e0000001")]
    [InlineData("everybody", 16, "ffffffff")]
    [InlineData("the prefix's broadcast address", 16, "0a0000ff")]
    [InlineData("another transaction", 4, "00000000")]
    [InlineData("another client", 28, "020202020202")]
    [InlineData("a request", 0, "01")]
    [InlineData("no magic", 236, "00000000")]
    [InlineData("no lease time", 249, "00")]
    [InlineData("a lease of no time", 251, "00000000")]
    [InlineData("an option beyond the end", 250, "ff")]
    [InlineData("a server that is a group", 245, "e0000001")]
    public void A_senseless_answer_is_no_lease(string what, int offset, string bytes)
    {
        _server.Change = answer =>
        {
            if (answer[DhcpMessage.HeaderSize + 2] == DhcpOption.Acknowledge || offset < 30)
            {
                Convert.FromHexString(bytes).CopyTo(answer, offset);
            }
        };
        DhcpClient client = Start();
        _network.Advance(TimeSpan.FromMinutes(2));
        Assert.True(client.Address is null, $"{what} made {client.Address} ours");
    }

    [Fact]
    public void Answers_of_random_bytes_do_no_harm_and_the_client_still_finds_its_server()
    {
        Random random = new(1);
        _server.Change = answer =>
        {
            for (int i = random.Next(20); i >= 0; i--)
            {
                answer[DhcpMessage.HeaderSize + random.Next(answer.Length - DhcpMessage.HeaderSize)] = (byte)random.Next(256);
            }
        };
        DhcpClient client = Start();
        for (int i = 0; i < 300; i++)
        {
            _network.Advance(TimeSpan.FromSeconds(10));
        }

        Assert.InRange(_host.Stack.Routes.Count, 0, 20);
        Assert.InRange(_server.Types.Count, 1, 3_000);
        Assert.All(_host.Stack.Resolver.SearchDomains, domain => Assert.DoesNotContain('\n', domain));
        _server.Change = _ => { };
        _network.Advance(TimeSpan.FromHours(2));
        Assert.Equal(DhcpState.Bound, client.State);
    }

    [Fact]
    public void Classless_routes_take_the_place_of_routers_and_long_options_and_overloaded_fields_are_joined()
    {
        byte[] routes = [24, 192, 0, 2, 10, 0, 0, 253, 0, 10, 0, 0, 252];
        _server.Options =
        [
            DhcpOption.SubnetMask, 4, 255, 255, 255, 0,
            DhcpOption.Routers, 4, 10, 0, 0, 254,
            DhcpOption.ClasslessRoutes, 5, .. routes[..5],
            DhcpOption.ClasslessRoutes, 8, .. routes[5..],
            DhcpOption.DomainSearch, 18, 3, .. "eng"u8, 7, .. "example"u8, 0, 2, .. "hr"u8, 0xC0, 4,
            DhcpOption.Overload, 1, 1,
        ];
        _server.Change = answer => new byte[] { DhcpOption.DnsServers, 4, 10, 0, 0, 99, DhcpOption.End }.CopyTo(answer, 108);
        Start();

        string[] found = [.. _host.Stack.Routes.Select(route => route.ToString())];
        Assert.Contains("192.0.2.0/24 via 10.0.0.253 dev eth0", found);
        Assert.Contains("0.0.0.0/0 via 10.0.0.252 dev eth0", found);
        Assert.DoesNotContain("0.0.0.0/0 via 10.0.0.254 dev eth0", found);
        Assert.Equal(["10.0.0.99"], _host.Stack.Resolver.Servers.Select(server => server.ToString()));
        Assert.Equal(["eng.example", "hr.example"], _host.Stack.Resolver.SearchDomains);
    }

    [Theory]
    [InlineData("exa\nmple")]
    [InlineData("a b")]
    [InlineData("..")]
    [InlineData(".x")]
    [InlineData("x;y")]
    public void A_name_that_is_none_is_left_out(string name)
    {
        _server.Options = [DhcpOption.DomainName, (byte)name.Length, .. System.Text.Encoding.ASCII.GetBytes(name)];
        DhcpClient client = Start();
        Assert.Equal(DhcpState.Bound, client.State);
        Assert.Empty(_host.Stack.Resolver.SearchDomains);
    }

    private DhcpClient Start()
    {
        DhcpClient? client = _host.Stack.StartDhcp(_host.Interface, "guest");
        Assert.NotNull(client);
        _network.Advance(TimeSpan.FromSeconds(2));
        return client;
    }
}
