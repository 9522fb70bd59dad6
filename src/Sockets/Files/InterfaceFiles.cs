using System.Globalization;
using System.Text;
using Xenlet.Net;
using Xenlet.Sockets.Interfaces;

namespace Xenlet.Sockets.Files;

/// <summary>
/// /proc/net/dev, route, ipv6_route and if_inet6, and what /sys/class/net and /proc/sys/net have of interfaces, as Linux writes them
/// (proc(5); net/core/net-procfs.c, net/ipv4/fib_trie.c, net/ipv6/route.c, net/ipv6/addrconf.c).
/// </summary>
/// <param name="stack">The stack.</param>
/// <param name="isRunning">Whether an interface's device can send.</param>
internal sealed class InterfaceFiles(IpStack stack, Func<IpInterface, bool> isRunning)
{
    // linux/route.h
    private const int RTF_UP = 1;
    private const int RTF_GATEWAY = 2;
    private const int RTF_HOST = 4;

    // linux/ipv6_route.h
    private const int RTF_ADDRCONF = 0x40000;

    private const int LineOfRoute = 127;

    private IEnumerable<InterfaceView> Interfaces => InterfaceView.All(stack, isRunning);

    /// <summary>/proc/net/dev.</summary>
    public string Devices()
    {
        StringBuilder text = new(
            "Inter-|   Receive                                                |  Transmit\n"
            + " face |bytes    packets errs drop fifo frame compressed multicast|"
            + "bytes    packets errs drop fifo colls carrier compressed\n");
        foreach (InterfaceView each in Interfaces)
        {
            InterfaceStatistics counters = each.Statistics;
            text.Append(
                CultureInfo.InvariantCulture,
                $"{each.Name,6}: {counters.RxBytes,7} {counters.RxPackets,7} {counters.RxErrors,4} {counters.RxDropped,4} "
                + $"   0     0          0 {counters.Multicast,9} {counters.TxBytes,8} {counters.TxPackets,7}    0 {counters.TxDropped,4} "
                + $"   0     0       0          0\n");
        }

        return text.ToString();
    }

    /// <summary>/proc/net/route: addresses are the number that four bytes of the wire are to this machine.</summary>
    public string RoutesOfIPv4()
    {
        StringBuilder text = new(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT".PadRight(LineOfRoute) + "\n");
        foreach (Route route in stack.Routes.Where(each => each.Prefix.Address.IsIPv4))
        {
            int length = route.Prefix.Length;
            uint mask = length == 0 ? 0 : uint.MaxValue << (32 - length);
            int flags = RTF_UP | (route.Gateway is null ? 0 : RTF_GATEWAY) | (length == 32 ? RTF_HOST : 0);
            string line = string.Create(
                CultureInfo.InvariantCulture,
                $"{route.Interface.Name}\t{Hexadecimal(route.Prefix.Address)}\t{Hexadecimal(route.Gateway ?? InternetAddress.AnyIPv4)}\t"
                + $"{flags:X4}\t0\t0\t{route.Metric}\t{Hexadecimal(InternetAddress.FromIPv4(mask))}\t0\t0\t0");
            text.Append(line.PadRight(LineOfRoute)).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>/proc/net/ipv6_route.</summary>
    public string RoutesOfIPv6()
    {
        // Linux's own metric of a route that was given none.
        const int usual = 1024;
        StringBuilder text = new();
        foreach (Route route in stack.Routes.Where(each => !each.Prefix.Address.IsIPv4))
        {
            int flags = RTF_UP | (route.Gateway is null ? 0 : RTF_GATEWAY)
                | (route.Origin == AddressOrigin.RouterAdvertisement ? RTF_ADDRCONF : 0);
            text.Append(
                CultureInfo.InvariantCulture,
                $"{Wire(route.Prefix.Address)} {route.Prefix.Length:x2} {Wire(InternetAddress.AnyIPv6)} 00 "
                + $"{Wire(route.Gateway ?? InternetAddress.AnyIPv6)} {(route.Metric == 0 ? usual : route.Metric):x8} 00000001 00000000 "
                + $"{flags:x8} {route.Interface.Name,8}\n");
        }

        return text.ToString();
    }

    /// <summary>/proc/net/if_inet6: address, index, length of the prefix, scope, flags, interface.</summary>
    public string AddressesOfIPv6()
    {
        StringBuilder text = new();
        foreach (AddressView each in Interfaces.SelectMany(which => which.Addresses).Where(address => !address.Address.IsIPv4))
        {
            // IPV6_ADDR_LOOPBACK and IPV6_ADDR_LINKLOCAL of net/ipv6.h.
            int scope = each.Address.IsLoopback ? 0x10 : each.Address.IsLinkLocal ? 0x20 : 0;
            text.Append(
                CultureInfo.InvariantCulture,
                $"{Wire(each.Address)} {each.Interface.Index:x2} {each.PrefixLength:x2} {scope:x2} {each.Flags:x2} "
                + $"{each.Interface.Name,8}\n");
        }

        return text.ToString();
    }

    /// <summary>A file of /sys/class/net/INTERFACE; null when there is no such file.</summary>
    public string? OfClass(string name, string attribute)
    {
        if (Interfaces.FirstOrDefault(each => each.Name == name) is not { } found)
        {
            return null;
        }

        object? value = attribute switch
        {
            "address" => string.Join(':', found.HardwareAddress.Select(each => each.ToString("x2", CultureInfo.InvariantCulture))),
            "carrier" => found.IsRunning ? 1 : 0,
            "flags" => $"0x{found.Flags & ushort.MaxValue & ~InterfaceView.Volatile:x}",
            "ifindex" => found.Index,
            "mtu" => found.Mtu,
            "operstate" => found.IsLoopback ? "unknown" : found.IsRunning ? "up" : "down",
            "tx_queue_len" => InterfaceView.QueueLength,
            "type" => found.HardwareType,
            _ => null,
        };
        return value is null ? null : string.Create(CultureInfo.InvariantCulture, $"{value}\n");
    }

    /// <summary>forwarding of /proc/sys/net/ipv4/conf/INTERFACE and its like of IPv6: a guest forwards nothing.</summary>
    public string? Forwarding(string name) =>
        name is "all" or "default" || Interfaces.Any(each => each.Name == name) ? "0\n" : null;

    private static string Hexadecimal(InternetAddress address)
    {
        Span<byte> bytes = stackalloc byte[4];
        address.Write(bytes);
        bytes.Reverse();
        return Convert.ToHexString(bytes);
    }

    private static string Wire(InternetAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.WriteIPv6(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
