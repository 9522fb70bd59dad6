using System.Buffers.Binary;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Stack;

/// <summary>
/// Exceptions in what configures an interface: DHCP, router discovery, duplicate address detection, ARP, neighbour discovery. One is
/// planted at each step in turn. The stack's owner does what SocketStack does: it starts an interface anew whose start has failed, and says
/// that the link may be another one some time after an exception.
/// </summary>
public sealed class ConfigurationFaultTests
{
    private const string Router = "fe80::99";

    [Fact]
    public void Wherever_an_exception_comes_the_interface_is_configured_in_the_end_and_the_stack_goes_on()
    {
        int steps = Run(0, out string outcome);
        Assert.True(outcome == "", $"without an exception: {outcome}");
        Assert.InRange(steps, 100, 20_000);
        List<string> failed = [];
        for (int at = 1; at <= steps; at++)
        {
            Run(at, out outcome);
            if (outcome != "")
            {
                failed.Add($"an exception at step {at}: {outcome}");
            }
        }

        Assert.True(failed.Count == 0, $"{failed.Count} of {steps}:\n{string.Join('\n', failed.Take(20))}");
    }

    /// <summary>Configures an interface, and says what is missing at the end. Returns how many steps it took.</summary>
    private static int Run(int at, out string outcome)
    {
        TestNetwork network = new();
        TestHost peer = network.AddHost("10.0.0.1/24 fd00::1/64");
        _ = new TestDhcpServer(peer);
        TestFaults faults = new();
        TestHost host = network.AddHost("", new IpStackOptions(), faults);
        Exception? fault = null;
        bool isDoubtful = false;
        host.Stack.Faulted = each =>
        {
            fault = each.Error;
            isDoubtful |= !each.IsOfConnection;
        };
        faults.At = at == 0 ? 0 : faults.Steps + at;
        int before = faults.Steps;
        IpInterface at0 = Start(host);
        for (int i = 0; i < 6; i++)
        {
            network.Advance(TimeSpan.FromSeconds(5));
            Advertise(host);
            network.Settle();
            if (i == 3 && isDoubtful)
            {
                isDoubtful = false;
                Guarded(() => host.Stack.OnLinkChanged(at0));
            }
        }

        int steps = faults.Steps - before;
        faults.At = 0;
        network.Advance(TimeSpan.FromSeconds(10));
        TestTransport received = TestTransport.AddTo(peer);
        TestTransport transport = TestTransport.AddTo(host);
        transport.Send("10.0.0.1", 10);
        transport.Send("fd00::1", 10);
        network.Advance(TimeSpan.FromSeconds(5));
        string[] missing =
        [
            .. Missing(at0, "10.0.0.50"), .. Missing(at0, "fd00::ff:fe00:2"),
            .. host.Stack.Resolver.Servers.Any(each => each.ToString() == "10.0.0.53") ? [] : new[] { "the server of names" },
            .. host.Stack.Routes.Any(each => each.Gateway?.ToString() == Router) ? [] : new[] { "the router" },
            .. received.Received.Count == 2 ? [] : new[] { $"packets: {received.Received.Count} of 2 came" },
        ];
        outcome = missing.Length == 0 ? "" : $"{string.Join(", ", missing)} {fault?.StackTrace?.Split('\n').ElementAtOrDefault(2)}";
        return steps;
    }

    private static IEnumerable<string> Missing(IpInterface of, string address) =>
        of.Addresses.Any(each => each.IsUsable && each.Address.ToString() == address) ? [] : [address];

    private static IpInterface Start(TestHost host)
    {
        IpInterface at = host.Interface;
        if (!Guarded(() => Configure(at)))
        {
            Guarded(() => host.Stack.RemoveInterface(at));
            at = host.Stack.AddInterface("eth0", host.Link);
            Guarded(() => Configure(at));
        }

        return at;

        void Configure(IpInterface each)
        {
            host.Stack.StartDhcp(each);
            host.Stack.StartRouterDiscovery(each);
        }
    }

    private static bool Guarded(Action act)
    {
        try
        {
            act();
            return true;
        }
        catch (InvalidOperationException error) when (error.Message == "planted")
        {
            return false;
        }
    }

    /// <summary>A router's advertisement with the prefix fd00::/64.</summary>
    private static void Advertise(TestHost host)
    {
        byte[] message = new byte[16 + 32 + 8];
        message[0] = IcmpV6Type.RouterAdvertisement;
        message[4] = 64;
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), 1_800);
        Span<byte> prefix = message.AsSpan(16);
        prefix[0] = NeighbourOptions.PrefixInformation;
        prefix[1] = 4;
        prefix[2] = 64;
        prefix[3] = 0xC0;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[4..], 3_600);
        BinaryPrimitives.WriteUInt32BigEndian(prefix[8..], 1_800);
        TestNetwork.Parse("fd00::").WriteIPv6(prefix[16..]);
        message[48] = NeighbourOptions.SourceLinkAddress;
        message[49] = 1;
        TestHost.Stranger.CopyTo(message.AsSpan(50));
        host.TakeIPv6(
            Router, "ff02::1", ProtocolNumber.IcmpV6, TestHost.WithIcmpV6Checksum(message, Router, "ff02::1"), hopLimit: 255);
    }
}
