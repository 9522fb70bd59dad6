using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>Hardware addresses of IPv4's neighbours (RFC 826), and conflicts of addresses (RFC 5227).</summary>
internal sealed class ArpLayer(InternetLayer layer)
{
    /// <summary>A packet of ARP has arrived. The buffer stays the caller's.</summary>
    public void Receive(IpInterface from, ReadOnlySpan<byte> packet)
    {
        if (!ArpPacket.TryRead(packet, out ArpPacket arp) || arp.Sender.IsMulticast || arp.Sender == from.Link.Address)
        {
            from.Statistics.RxErrors++;
            return;
        }

        InterfaceAddress? target = from.FindAddress(arp.TargetAddress);
        if (arp.SenderAddress.IsAny)
        {
            // Somebody asks whether the address is free.
            if (arp.IsRequest && target is { State: AddressState.Tentative })
            {
                layer.Addresses.OnConflict(target);
            }
            else if (arp.IsRequest && target is { IsUsable: true })
            {
                Send(from, false, target.Address, arp.Sender, arp.SenderAddress, arp.Sender);
            }

            return;
        }

        if (from.FindAddress(arp.SenderAddress) is { } claimed)
        {
            layer.Addresses.OnConflict(claimed);
            return;
        }

        // Only hosts of the link are neighbours: an answer for another address would divert what goes elsewhere.
        if (arp.SenderAddress.IsMulticast || arp.SenderAddress.IsLoopback || from.IsBroadcast(arp.SenderAddress)
            || !IsOnLink(from, arp.SenderAddress))
        {
            return;
        }

        bool isForUs = target is { IsUsable: true };
        if (arp.IsRequest)
        {
            from.Neighbours.OnTold(arp.SenderAddress, arp.Sender, isForUs);
            if (isForUs)
            {
                Send(from, false, arp.TargetAddress, arp.Sender, arp.SenderAddress, arp.Sender);
            }
        }
        else
        {
            // A reply that everybody gets is an announcement: it says where a host is, and not that it hears us.
            from.Neighbours.OnAnswer(arp.SenderAddress, arp.Sender, isSolicited: isForUs, isOverride: true, isRouter: false);
        }
    }

    /// <summary>Asks for a neighbour's hardware address: everybody, or the neighbour itself whether it still has it.</summary>
    public void SendRequest(IpInterface by, InternetAddress target, MacAddress? hardware)
    {
        if (layer.Output.SelectSourceOn(by, target) is { } source)
        {
            Send(by, true, source, default, target, hardware ?? MacAddress.Broadcast);
        }
    }

    /// <summary>Asks whether somebody has an address that we want.</summary>
    public void SendProbe(IpInterface by, InternetAddress address) =>
        Send(by, true, InternetAddress.AnyIPv4, default, address, MacAddress.Broadcast);

    /// <summary>Tells everybody that we have an address.</summary>
    public void SendAnnouncement(IpInterface by, InternetAddress address) =>
        Send(by, true, address, default, address, MacAddress.Broadcast);

    private bool IsOnLink(IpInterface from, InternetAddress address) =>
        layer.Routes.Lookup(address, layer.Clock.Now, from.Index) is { Gateway: null } || from.Neighbours.Find(address) is not null;

    private void Send(
        IpInterface by, bool isRequest, InternetAddress sender, MacAddress target, InternetAddress targetAddress, MacAddress destination)
    {
        PacketBuffer packet = layer.Pool.Rent(ArpPacket.Size);
        new ArpPacket(isRequest, by.Link.Address, sender, target, targetAddress).Write(packet.Append(ArpPacket.Size));
        by.SendFrame(packet, destination, EtherType.Arp);
    }
}
