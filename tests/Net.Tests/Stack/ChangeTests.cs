using Xenlet.Net.Tests.Simulation;

namespace Xenlet.Net.Tests.Stack;

/// <summary>What a stack's owner hears of changes.</summary>
public sealed class ChangeTests
{
    private readonly TestNetwork _network = new();

    [Fact]
    public void Changes_of_a_turn_are_told_once_at_its_end()
    {
        TestHost host = _network.AddHost();
        int calls = 0;
        host.Stack.Changed = () => calls++;

        host.Stack.AddAddress(host.Interface, TestNetwork.Parse("10.0.0.1"), 24);
        host.Stack.AddAddress(host.Interface, TestNetwork.Parse("fd00::1"), 64);
        Assert.Equal(0, calls);
        Assert.Equal(_network.Clock.Now, host.Stack.NextDue);
        host.Stack.Run();
        host.Stack.Run();

        Assert.Equal(1, calls);
    }

    [Fact]
    public void An_interface_that_goes_takes_its_lease_and_its_servers_of_names_with_it()
    {
        TestDhcpServer server = new(_network.AddHost("10.0.0.1/24"));
        TestHost host = _network.AddHost();
        DhcpClient client = host.Stack.StartDhcp(host.Interface)!;
        host.Stack.StartRouterDiscovery(host.Interface);
        _network.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(DhcpState.Bound, client.State);
        int messages = server.Types.Count;

        host.Stack.RemoveInterface(host.Interface);
        _network.Advance(TimeSpan.FromHours(2));

        Assert.Equal(DhcpState.Stopped, client.State);
        Assert.Equal(messages, server.Types.Count);
        Assert.Empty(host.Stack.Resolver.Servers);
        Assert.Empty(host.Stack.Routes);
        Assert.Empty(host.Stack.UdpEndpoints);
        Assert.Equal(long.MaxValue, host.Stack.NextDue);
    }

    [Fact]
    public void Two_interfaces_have_leases_of_their_own()
    {
        TestDhcpServer first = new(_network.AddHost("10.0.0.1/24"));
        TestHost host = _network.AddHost();
        TestLink link = _network.Wire.AddLink(200);
        link.Pool = host.Stack.Pool;
        IpInterface second = host.Stack.AddInterface("eth1", link);

        DhcpClient one = host.Stack.StartDhcp(host.Interface)!;
        _network.Advance(TimeSpan.FromSeconds(2));
        first.Lends = "10.0.0.51";
        DhcpClient two = host.Stack.StartDhcp(second)!;
        _network.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(("10.0.0.50", "10.0.0.51"), (one.Address.ToString(), two.Address.ToString()));
    }
}
