using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.Sockets;

namespace Xenlet.GuestImage;

/// <summary>What .NET says of interfaces, addresses and connections, over netlink, files and ioctl of the stack.</summary>
internal static class NetworkInformationCases
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public static IEnumerable<Case> All => [new("network-information", Information), new("network-change", ChangeAsync)];

    private static void Information()
    {
        using SocketStack stack = Start();
        stack.AddLink("vif0", new SilentLink());
        Check.Eventually(() => AddressesOf("vif0").Contains("10.7.0.2", StringComparison.Ordinal));
        Check.Equal("lo vif0", string.Join(' ', NetworkInterface.GetAllNetworkInterfaces().Select(each => each.Name)));
        Check.Equal("10.7.0.2/24 fd07::2/64 fe80::ff:fe00:7%2/64", AddressesOf("vif0"));
        Check.Equal("127.0.0.1/8 ::1/128", AddressesOf("lo"));
        Check.That(NetworkInterface.GetIsNetworkAvailable());

        NetworkInterface found = Find("vif0");
        Check.Equal(NetworkInterfaceType.Ethernet, found.NetworkInterfaceType);
        Check.Equal(OperationalStatus.Up, found.OperationalStatus);
        Check.Equal("020000000007", found.GetPhysicalAddress().ToString());
        Check.Equal(-1, found.Speed);
        Check.That(found.SupportsMulticast);
        IPInterfaceProperties properties = found.GetIPProperties();
        Check.Equal("10.7.0.1 fd07::1", string.Join(' ', properties.GatewayAddresses.Select(each => each.Address)));
        Check.Equal("10.7.0.53 fd07::53", string.Join(' ', properties.DnsAddresses));
        Check.Equal("example.org", properties.DnsSuffix);
        Check.Equal(1400, properties.GetIPv4Properties().Mtu);
        Check.Equal(2, properties.GetIPv4Properties().Index);
        Check.That(!properties.GetIPv4Properties().IsForwardingEnabled);
        IPInterfaceStatistics counters = found.GetIPStatistics();
        Check.That(counters.UnicastPacketsSent > 0 && counters.BytesSent > 0, "packets sent");
        Check.Equal(1000, counters.OutputQueueLength);

        using TcpListener listener = new(IPAddress.Loopback, 8081);
        listener.Start();
        using TcpClient client = new();
        client.Connect(IPAddress.Loopback, 8081);
        using TcpClient server = listener.AcceptTcpClient();
        using UdpClient datagrams = new(new IPEndPoint(IPAddress.IPv6Loopback, 8082));
        IPGlobalProperties global = IPGlobalProperties.GetIPGlobalProperties();
        Check.Equal("127.0.0.1:8081", string.Join(' ', global.GetActiveTcpListeners().Select(each => each.ToString())));
        Check.Equal("[::1]:8082", string.Join(' ', global.GetActiveUdpListeners().Select(each => each.ToString())));

        // The client's socket is one of IPv6 that serves both families, so its addresses are mapped ones.
        int port = ((IPEndPoint)client.Client.LocalEndPoint!).Port;
        string[] connections =
            [.. global.GetActiveTcpConnections().Select(each => $"{each.LocalEndPoint} {each.RemoteEndPoint} {each.State}")];
        Check.That(
            connections.Contains($"127.0.0.1:8081 127.0.0.1:{port} Established")
            && connections.Contains($"[::ffff:127.0.0.1]:{port} [::ffff:127.0.0.1]:8081 Established"),
            string.Join(", ", connections));
        Check.That(global.GetTcpIPv4Statistics().SegmentsSent >= 3, "segments sent");
        Check.That(global.GetIPv4GlobalStatistics().OutputPacketRequests >= 3, "packets of IPv4");
        Check.Equal(64, global.GetIPv6GlobalStatistics().DefaultTtl);
        Check.Equal(0, global.GetUdpIPv6Statistics().DatagramsReceived);
        Check.Equal(0, global.GetIcmpV4Statistics().MessagesReceived);
        Check.Equal(0, global.GetIcmpV6Statistics().EchoRequestsReceived);
        Check.Equal(5, global.GetUnicastAddresses().Count);
    }

    private static async Task ChangeAsync()
    {
        using SocketStack stack = Start();
        TaskCompletionSource address = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource<bool> availability = new(TaskCreationOptions.RunContinuationsAsynchronously);
        NetworkAddressChangedEventHandler onAddress = (_, _) => address.TrySetResult();
        NetworkAvailabilityChangedEventHandler onAvailability = (_, change) => availability.TrySetResult(change.IsAvailable);
        NetworkChange.NetworkAddressChanged += onAddress;
        NetworkChange.NetworkAvailabilityChanged += onAvailability;
        stack.AddLink("vif0", new SilentLink());
        await address.Task.WaitAsync(Limit);
        Check.That(await availability.Task.WaitAsync(Limit), "the network is available");
        NetworkChange.NetworkAddressChanged -= onAddress;
        NetworkChange.NetworkAvailabilityChanged -= onAvailability;
    }

    private static SocketStack Start()
    {
        SocketStack stack = new(Guest.Sockets.Open(), new()
        {
            Addresses = AddressSettings.From(new Dictionary<string, string>
            {
                ["XENLET_IP"] = "10.7.0.2/24,fd07::2/64",
                ["XENLET_GATEWAY"] = "10.7.0.1,fd07::1",
                ["XENLET_DNS"] = "10.7.0.53,fd07::53",
                ["XENLET_DNS_SEARCH"] = "example.org",
            }),
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero, IPv6ProbeInterval = TimeSpan.Zero },
            Report = Console.WriteLine,
        });
        stack.Start();
        return stack;
    }

    private static NetworkInterface Find(string name) => NetworkInterface.GetAllNetworkInterfaces().Single(each => each.Name == name);

    private static string AddressesOf(string name) => string.Join(
        ' ',
        NetworkInterface.GetAllNetworkInterfaces().Where(each => each.Name == name)
            .SelectMany(each => each.GetIPProperties().UnicastAddresses)
            .Select(each => $"{each.Address}/{each.PrefixLength}").OrderBy(text => text.Contains("::", StringComparison.Ordinal))
            .ThenBy(text => text, StringComparer.Ordinal));

    /// <summary>A cable that ends nowhere.</summary>
    private sealed class SilentLink : ILink
    {
        public MacAddress Address => MacAddress.Parse("02:00:00:00:00:07");

        public int Mtu => 1400;

        public LinkOffloads Offloads => default;

        public bool TrySend(PacketBuffer frame)
        {
            frame.Return();
            return true;
        }

        public PacketBuffer? TryReceive(PacketPool pool) => null;

        public void SetMulticast(MacAddress group, bool isJoined)
        {
        }
    }
}
