using System.Numerics;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Configuration;

/// <summary>What a DHCP server lends and tells: read once, checked, and bounded, whatever the server is.</summary>
internal sealed class DhcpLease
{
    /// <summary>Shorter leases are taken for this long: a server could keep a client busy with renewals.</summary>
    public const uint ShortestTime = 30;

    private const int MostRoutes = 16;
    private const int MostServers = 3;

    private DhcpLease(InternetAddress address, InternetAddress server)
    {
        Address = address;
        Server = server;
    }

    public InternetAddress Address { get; }

    public InternetAddress Server { get; }

    public int PrefixLength { get; private init; }

    /// <summary>Seconds for which the address is lent; <see cref="uint.MaxValue"/> for ever.</summary>
    public uint Time { get; private init; }

    /// <summary>Seconds after which the server is asked to extend the lease.</summary>
    public uint RenewalTime { get; private init; }

    /// <summary>Seconds after which any server is asked.</summary>
    public uint RebindingTime { get; private init; }

    public List<(NetworkPrefix Prefix, InternetAddress Gateway)> Routes { get; } = [];

    public List<InternetAddress> Servers { get; } = [];

    public List<string> Domains { get; } = [];

    /// <summary>Whether a host can have this address: servers offer whatever they like.</summary>
    public static bool IsHostAddress(InternetAddress address) =>
        address.IPv4 >> 24 is not (0 or 127) && address.IPv4 >> 28 < 0xE;

    /// <summary>Reads an acknowledgement; null when it lacks what it must have, or lends what nobody can have.</summary>
    public static DhcpLease? Read(in DhcpMessage message)
    {
        InternetAddress address = message.YourAddress;
        if (message.GetAddress(DhcpOption.ServerIdentifier) is not { } server || !IsHostAddress(server) || !IsHostAddress(address)
            || message.GetUInt32(DhcpOption.LeaseTime) is not { } time || time == 0)
        {
            return null;
        }

        int prefixLength = PrefixLengthOf(message.GetUInt32(DhcpOption.SubnetMask), address);
        NetworkPrefix prefix = new(address, prefixLength);
        bool isNetworkOrBroadcast = prefixLength < 31
            && (address == prefix.Address || address.IPv4 == (prefix.Address.IPv4 | (uint.MaxValue >> prefixLength)));
        if (isNetworkOrBroadcast)
        {
            return null;
        }

        time = Math.Max(time, ShortestTime);
        uint renewal = message.GetUInt32(DhcpOption.RenewalTime) ?? 0;
        uint rebinding = message.GetUInt32(DhcpOption.RebindingTime) ?? 0;
        bool areTimesSound = renewal >= ShortestTime / 2 && renewal < rebinding && rebinding < time;
        DhcpLease lease = new(address, server)
        {
            PrefixLength = prefixLength,
            Time = time,
            RenewalTime = areTimesSound ? renewal : time / 2,
            RebindingTime = areTimesSound ? rebinding : (uint)((ulong)time * 7 / 8),
        };
        lease.ReadRoutes(message);
        lease.ReadNames(message);
        return lease;
    }

    private static int PrefixLengthOf(uint? mask, InternetAddress address)
    {
        if (mask is { } bits && bits != 0 && BitOperations.PopCount(bits) == BitOperations.LeadingZeroCount(~bits))
        {
            return BitOperations.PopCount(bits);
        }

        // The address's class, as before there were masks (RFC 2131 leaves it to the client).
        return address.IPv4 >> 31 == 0 ? 8 : address.IPv4 >> 30 == 2 ? 16 : 24;
    }

    private void ReadRoutes(in DhcpMessage message)
    {
        Span<byte> buffer = stackalloc byte[512];
        if (message.TryGet(DhcpOption.ClasslessRoutes, buffer, out int length))
        {
            ReadClasslessRoutes(buffer[..length]);
            if (Routes.Count > 0)
            {
                // They take the place of the routers (RFC 3442).
                return;
            }
        }

        if (message.TryGet(DhcpOption.Routers, buffer, out length) && length >= 4)
        {
            InternetAddress router = InternetAddress.Read(buffer[..4]);
            if (IsHostAddress(router) && router != Address)
            {
                Routes.Add((new NetworkPrefix(InternetAddress.AnyIPv4, 0), router));
            }
        }
    }

    private void ReadClasslessRoutes(ReadOnlySpan<byte> data)
    {
        Span<byte> destination = stackalloc byte[4];
        while (!data.IsEmpty && data[0] <= 32 && Routes.Count < MostRoutes)
        {
            int significant = (data[0] + 7) / 8;
            if (data.Length < 1 + significant + 4)
            {
                return;
            }

            destination.Clear();
            data.Slice(1, significant).CopyTo(destination);
            InternetAddress gateway = InternetAddress.Read(data.Slice(1 + significant, 4));
            if (gateway.IsAny || IsHostAddress(gateway))
            {
                Routes.Add((new NetworkPrefix(InternetAddress.Read(destination), data[0]), gateway));
            }

            data = data[(1 + significant + 4)..];
        }
    }

    private void ReadNames(in DhcpMessage message)
    {
        Span<byte> buffer = stackalloc byte[512];
        if (message.TryGet(DhcpOption.DnsServers, buffer, out int length))
        {
            for (int i = 0; i + 4 <= length && Servers.Count < MostServers; i += 4)
            {
                InternetAddress server = InternetAddress.Read(buffer.Slice(i, 4));
                if (IsHostAddress(server))
                {
                    Servers.Add(server);
                }
            }
        }

        if (message.TryGet(DhcpOption.DomainSearch, buffer, out length))
        {
            Domains.AddRange(DomainNames.FromLabels(buffer[..length], hasPointers: true));
        }

        if (Domains.Count == 0 && message.TryGet(DhcpOption.DomainName, buffer, out length)
            && DomainNames.FromText(buffer[..length]) is { } domain)
        {
            Domains.Add(domain);
        }
    }
}
