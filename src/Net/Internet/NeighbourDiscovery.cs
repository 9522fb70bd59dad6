using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>Neighbour discovery's messages of IPv6 (RFC 4861): solicitations, advertisements, and what routers tell.</summary>
internal sealed class NeighbourDiscovery(InternetLayer layer)
{
    /// <summary>A router between would have taken one off: whoever sends with 255 is on the link (RFC 4861, section 11.2).</summary>
    public const byte HopLimit = 255;

    public static readonly InternetAddress AllNodes = InternetAddress.FromIPv6(0xFF02_0000_0000_0000, 1);
    public static readonly InternetAddress AllRouters = InternetAddress.FromIPv6(0xFF02_0000_0000_0000, 2);

    /// <summary>A message has arrived whose checksum is right. The buffer stays the caller's.</summary>
    public void Receive(IpInterface from, ReadOnlySpan<byte> message, in InternetHeader header)
    {
        if (header.HopLimit != HopLimit)
        {
            layer.IcmpV6Statistics.InErrors++;
            return;
        }

        switch (message[0])
        {
            case IcmpV6Type.NeighbourSolicitation when NeighbourMessage.TryRead(message, out NeighbourMessage asked):
                OnSolicitation(from, asked, header);
                break;
            case IcmpV6Type.NeighbourAdvertisement when NeighbourMessage.TryRead(message, out NeighbourMessage told):
                OnAdvertisement(from, told, header);
                break;
            case IcmpV6Type.RouterAdvertisement when header.Source.IsIPv6LinkLocal && RouterAdvertisement.TryRead(message, out _):
                layer.RouterListener?.OnAdvertisement(from, header.Source, message);
                break;

            case IcmpV6Type.Redirect when header.Source.IsIPv6LinkLocal && RedirectMessage.TryRead(message, out RedirectMessage told):
                layer.IcmpV6Statistics.InRedirects++;
                layer.Redirects.OnIPv6(from, told, header);
                break;
            case IcmpV6Type.RouterSolicitation:
                break;
            default:
                layer.IcmpV6Statistics.InErrors++;
                break;
        }
    }

    /// <summary>Asks for a neighbour's hardware address: its group, or the neighbour itself whether it still has it.</summary>
    public void SendSolicitation(IpInterface by, InternetAddress target, MacAddress? hardware)
    {
        if (layer.Output.SelectSourceOn(by, target) is { } source)
        {
            InternetAddress destination = hardware is null ? target.SolicitedNode : target;
            Send(by, IcmpV6Type.NeighbourSolicitation, source, destination, new(0, target, by.Link.Address), hardware);
        }
    }

    /// <summary>Asks whether somebody has an address that we want (RFC 4862, section 5.4.2).</summary>
    public void SendProbe(IpInterface by, InternetAddress address) => Send(
        by, IcmpV6Type.NeighbourSolicitation, InternetAddress.AnyIPv6, address.SolicitedNode, new(0, address, null), null);

    /// <summary>Tells everybody that we have an address (RFC 4861, section 7.2.6).</summary>
    public void SendUnsolicited(IpInterface by, InternetAddress address) => Send(
        by, IcmpV6Type.NeighbourAdvertisement, address, AllNodes, new(NeighbourMessage.Override, address, by.Link.Address), null);

    /// <summary>Asks routers to advertise (RFC 4861, section 6.3.7).</summary>
    public void SendRouterSolicitation(IpInterface by)
    {
        InternetAddress source = layer.Output.SelectSourceOn(by, AllRouters) ?? InternetAddress.AnyIPv6;
        PacketBuffer packet = layer.Pool.Rent(IcmpHeader.Size + 8);
        new IcmpHeader(IcmpV6Type.RouterSolicitation, 0, 0).Write(packet.Append(IcmpHeader.Size));
        if (!source.IsAny)
        {
            Span<byte> option = packet.Append(8);
            option[0] = NeighbourOptions.SourceLinkAddress;
            option[1] = 1;
            by.Link.Address.CopyTo(option[2..]);
        }

        layer.IcmpV6.SendOn(by, packet, source, AllRouters, HopLimit, null);
    }

    private void OnSolicitation(IpInterface from, in NeighbourMessage asked, in InternetHeader header)
    {
        if (from.FindAddress(asked.Target) is not { } target)
        {
            return;
        }

        bool isProbe = header.Source.IsAny;
        if (target.State == AddressState.Tentative)
        {
            if (isProbe)
            {
                layer.Addresses.OnConflict(target);
            }

            return;
        }

        // A probe goes to the group and has no link address (RFC 4861, section 7.1.1).
        if (!target.IsUsable || (isProbe && (asked.LinkAddress is not null || !header.Destination.IsMulticast)))
        {
            return;
        }

        if (isProbe)
        {
            Send(
                from,
                IcmpV6Type.NeighbourAdvertisement,
                target.Address,
                AllNodes,
                new(NeighbourMessage.Override, target.Address, from.Link.Address),
                null);
            return;
        }

        if (asked.LinkAddress is { IsMulticast: false } hardware && IsOnLink(from, header.Source))
        {
            from.Neighbours.OnTold(header.Source, hardware, isForUs: true);
        }

        Send(
            from,
            IcmpV6Type.NeighbourAdvertisement,
            target.Address,
            header.Source,
            new(NeighbourMessage.Solicited | NeighbourMessage.Override, target.Address, from.Link.Address),
            asked.LinkAddress is { IsMulticast: false } reply ? reply : null);
    }

    private void OnAdvertisement(IpInterface from, in NeighbourMessage told, in InternetHeader header)
    {
        bool isSolicited = (told.Flags & NeighbourMessage.Solicited) != 0;
        if (told.LinkAddress is { IsMulticast: true } || (isSolicited && header.Destination.IsMulticast))
        {
            layer.IcmpV6Statistics.InErrors++;
            return;
        }

        if (from.FindAddress(told.Target) is { } ours)
        {
            layer.Addresses.OnConflict(ours);
            return;
        }

        from.Neighbours.OnAnswer(
            told.Target,
            told.LinkAddress,
            isSolicited,
            isOverride: (told.Flags & NeighbourMessage.Override) != 0,
            isRouter: (told.Flags & NeighbourMessage.Router) != 0);
    }

    private bool IsOnLink(IpInterface from, InternetAddress address) =>
        address.IsIPv6LinkLocal || layer.Routes.Lookup(address, layer.Clock.Now, from.Index) is { Gateway: null };

    private void Send(
        IpInterface by,
        byte type,
        InternetAddress source,
        InternetAddress destination,
        in NeighbourMessage message,
        MacAddress? hardware)
    {
        PacketBuffer packet = layer.Pool.Rent(NeighbourMessage.SizeWithAddress);
        packet.Truncate(message.Write(packet.Append(NeighbourMessage.SizeWithAddress), type));
        layer.IcmpV6.SendOn(by, packet, source, destination, HopLimit, hardware);
    }
}
