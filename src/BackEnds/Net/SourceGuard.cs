using Xenlet.Net;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// Whether a front end may send a frame: under its hardware address alone, and, if the tool stack gave it IP addresses, under those alone.
/// </summary>
/// <remarks>
/// With IP addresses, frames of other protocols than IPv4, ARP and IPv6 are not allowed, nor are an IPv6 router's messages. A front end may
/// always use its link-local address, which follows from its hardware address, and the unspecified address, as DHCP and the detection of
/// duplicate addresses do; under that it asks for its own addresses alone, since whoever is asked so takes his address for a duplicate.
/// </remarks>
internal sealed class SourceGuard(MacAddress address, IReadOnlyList<InternetAddress> addresses)
{
    private readonly InternetAddress _linkLocal =
        InternetAddress.FromIPv6(0xFE80_0000_0000_0000, address.InterfaceIdentifier);

    /// <summary>The hardware address.</summary>
    public MacAddress Address => address;

    /// <summary>Whether the front end may send the frame.</summary>
    public bool Allows(in EthernetHeader header, ReadOnlySpan<byte> frame)
    {
        if (header.Source != address)
        {
            return false;
        }

        ReadOnlySpan<byte> packet = frame[EthernetHeader.Size..];
        return addresses.Count == 0 || header.Type switch
        {
            EtherType.IPv4 => IPv4Header.TryReadQuoted(packet, out IPv4Header ip) && IsOwn(ip.Source),
            EtherType.Arp => ArpPacket.TryRead(packet, out ArpPacket arp) && arp.Sender == address && IsOwn(arp.SenderAddress)
                && (!arp.SenderAddress.IsAny || IsOwn(arp.TargetAddress)),
            EtherType.IPv6 => IPv6Header.TryReadQuoted(packet, out IPv6Header ip) && IsOwn(ip.Source)
                && IsHonest(ip, packet),
            _ => false,
        };
    }

    /// <summary>Whether a packet does not say of another's IPv6 address that it is here, nor of this host that it is a router.</summary>
    private bool IsHonest(in IPv6Header ip, ReadOnlySpan<byte> packet)
    {
        IPv6HeaderChain chain = IPv6HeaderChain.Walk(packet, IPv6Header.Size, ip.NextHeader, isMulticast: true);
        if (chain.Result != IPv6ChainResult.Whole)
        {
            return chain.Protocol == ProtocolNumber.NoNextHeader;
        }

        ReadOnlySpan<byte> payload = packet[chain.Offset..];
        switch (chain.Protocol)
        {
            case ProtocolNumber.Fragment:
                // Neighbour messages come in one piece (RFC 6980). Further headers in a fragment could hide them.
                IPv6FragmentHeader fragment = IPv6FragmentHeader.Read(payload);
                payload = payload[IPv6FragmentHeader.Size..];
                return fragment.NextHeader is ProtocolNumber.Tcp or ProtocolNumber.Udp
                    || (fragment.NextHeader == ProtocolNumber.IcmpV6
                        && (fragment.Offset != 0 || (!payload.IsEmpty && payload[0] is IcmpV6Type.EchoRequest or IcmpV6Type.EchoReply)));
            case ProtocolNumber.IcmpV6:
                break;
            default:
                return true;
        }

        return !payload.IsEmpty && payload[0] switch
        {
            IcmpV6Type.RouterAdvertisement or IcmpV6Type.Redirect => false,
            IcmpV6Type.NeighbourAdvertisement => NeighbourMessage.TryRead(payload, out NeighbourMessage message)
                && IsOwn(message.Target) && HasOwnLinkAddresses(payload[NeighbourMessage.Size..]),
            IcmpV6Type.NeighbourSolicitation => NeighbourMessage.TryRead(payload, out NeighbourMessage message)
                && (!ip.Source.IsAny || IsOwn(message.Target)) && HasOwnLinkAddresses(payload[NeighbourMessage.Size..]),
            IcmpV6Type.RouterSolicitation => payload.Length >= IcmpHeader.Size && HasOwnLinkAddresses(payload[IcmpHeader.Size..]),
            _ => true,
        };
    }

    /// <summary>Whether options name no other hardware address. A receiver may take any of several.</summary>
    private bool HasOwnLinkAddresses(ReadOnlySpan<byte> options)
    {
        NeighbourOptions each = new(options);
        while (each.TryNext(out byte type, out ReadOnlySpan<byte> body))
        {
            if (type is NeighbourOptions.SourceLinkAddress or NeighbourOptions.TargetLinkAddress
                && new MacAddress(body[..MacAddress.Size]) != address)
            {
                return false;
            }
        }

        return true;
    }

    private bool IsOwn(InternetAddress source)
    {
        if (source.IsAny || source == _linkLocal)
        {
            return true;
        }

        foreach (InternetAddress own in addresses)
        {
            if (own == source)
            {
                return true;
            }
        }

        return false;
    }
}
