using System.Runtime.InteropServices;
using Xenlet.Net.Internet;
using Xenlet.Net.Wire;

namespace Xenlet.Net;

/// <summary>An interface of a stack: a link, with addresses.</summary>
public sealed class IpInterface
{
    /// <summary>The smallest MTU that IPv6 goes over (RFC 8200, section 5): a link with less carries IPv4 alone.</summary>
    public const int SmallestIPv6Mtu = 1_280;

    /// <summary>The smallest MTU that IPv4 goes over (RFC 791).</summary>
    public const int SmallestIPv4Mtu = 68;

    /// <summary>The byte of TCP's header with the length of the header, in words, in its upper half (RFC 9293, section 3.1).</summary>
    private const int TcpDataOffset = 12;

    /// <summary>Frames that wait for the link: each may have 64 KiB.</summary>
    private const int MostWaiting = 32;

    private readonly InternetLayer _layer;
    private readonly Queue<PacketBuffer> _waiting = new(MostWaiting);
    private readonly List<InterfaceAddress> _addresses = [];
    private bool _isStarved;
    private bool _isWithinPacket;

    internal IpInterface(InternetLayer layer, int index, string name, ILink link)
    {
        _layer = layer;
        Index = index;
        Name = name;
        Link = link;
        Neighbours = new NeighbourCache(layer, this);
        Groups = new GroupMembership(layer, this);
    }

    /// <summary>The interface's number: 1 is the loopback, which every stack has; the others begin at 2.</summary>
    public int Index { get; }

    /// <summary>The interface's name, such as eth0.</summary>
    public string Name { get; }

    /// <summary>What carries its frames.</summary>
    public ILink Link { get; }

    /// <summary>The largest IP packet that the link carries, in bytes.</summary>
    public int Mtu => Math.Clamp(Link.Mtu, SmallestIPv4Mtu, PacketBuffer.LargestPacket);

    /// <summary>Its addresses, those that are not used yet among them.</summary>
    public IReadOnlyList<InterfaceAddress> Addresses => _addresses;

    /// <summary>The hosts of its link that are known.</summary>
    public IReadOnlyCollection<Neighbour> KnownNeighbours => Neighbours.Neighbours;

    /// <summary>The multicast groups that it has joined.</summary>
    public IEnumerable<InternetAddress> JoinedGroups => Groups.Joined;

    /// <summary>What it has sent and received.</summary>
    public InterfaceStatistics Statistics { get; } = new();

    internal NeighbourCache Neighbours { get; }

    internal GroupMembership Groups { get; }

    /// <summary>Whether it has left the stack.</summary>
    internal bool IsRemoved { get; set; }

    /// <summary>
    /// Whether UDP packets to port 68 are taken whatever their destination: a DHCP server answers to the address that it offers.
    /// </summary>
    internal bool ExpectsLease { get; set; }

    /// <summary>The MTU for IPv6 that a router has told, or 0.</summary>
    internal int RouterMtu { get; set; }

    /// <summary>The hop limit for IPv6 that a router has told, or 0.</summary>
    internal byte RouterHopLimit { get; set; }

    /// <summary>The largest packet of a family, in bytes; 0 when the link does not carry the family.</summary>
    internal int MtuOf(bool isIPv4)
    {
        if (isIPv4)
        {
            return Mtu;
        }

        int mtu = RouterMtu == 0 ? Mtu : Math.Min(Mtu, RouterMtu);
        return mtu < SmallestIPv6Mtu ? 0 : mtu;
    }

    internal void Add(InterfaceAddress address)
    {
        _layer.Destinations.Forget();
        _addresses.Add(address);
    }

    internal void Remove(InterfaceAddress address)
    {
        _layer.Destinations.Forget();
        _addresses.Remove(address);
    }

    internal InterfaceAddress? FindAddress(InternetAddress address)
    {
        foreach (InterfaceAddress each in CollectionsMarshal.AsSpan(_addresses))
        {
            if (each.Address == address)
            {
                return each;
            }
        }

        return null;
    }

    /// <summary>Whether the address means all hosts of the link, or of a prefix of ours.</summary>
    internal bool IsBroadcast(InternetAddress address)
    {
        if (!address.IsIPv4)
        {
            return false;
        }

        foreach (InterfaceAddress each in CollectionsMarshal.AsSpan(_addresses))
        {
            if (each.Broadcast == address)
            {
                return true;
            }
        }

        return address == InternetAddress.LimitedBroadcast;
    }

    /// <summary>Whether a packet finds room. Whoever is answered no is told when there is some.</summary>
    internal bool HasRoom()
    {
        bool hasRoom = _waiting.Count < MostWaiting;
        _isStarved |= !hasRoom;
        return hasRoom;
    }

    /// <summary>The frames from here to <see cref="EndPacket"/> are pieces of one packet, which are nothing without each other.</summary>
    internal void BeginPacket() => _isWithinPacket = true;

    /// <summary>The packet's last piece was sent.</summary>
    internal void EndPacket() => _isWithinPacket = false;

    /// <summary>Sends an IP packet in a frame, and takes the buffer over.</summary>
    internal InternetSendResult SendPacket(PacketBuffer packet, MacAddress destination) =>
        SendFrame(packet, destination, packet.Head[0] >> 4 == 4 ? EtherType.IPv4 : EtherType.IPv6);

    /// <summary>Puts the frame's header in front, sends it, and takes the buffer over.</summary>
    internal InternetSendResult SendFrame(PacketBuffer packet, MacAddress destination, ushort type)
    {
        new EthernetHeader(destination, Link.Address, type).Write(packet.Prepend(EthernetHeader.Size));
        int length = packet.Length;
        if (!Link.Gathers)
        {
            packet.Settle();
        }

        if (_waiting.Count > 0 || !Link.TrySend(packet))
        {
            if (_waiting.Count >= MostWaiting && !_isWithinPacket)
            {
                _isStarved = true;
                Statistics.TxDropped++;
                _layer.Pool.Return(packet);
                return InternetSendResult.NoRoom;
            }

            packet.Settle();
            _waiting.Enqueue(packet);
        }

        Statistics.TxPackets++;
        Statistics.TxBytes += length;
        return InternetSendResult.Sent;
    }

    /// <summary>Gives waiting frames to the link.</summary>
    /// <returns>Whether somebody was refused for want of room, and there is some again.</returns>
    internal bool Drain()
    {
        while (_waiting.TryPeek(out PacketBuffer? frame) && Link.TrySend(frame))
        {
            _waiting.Dequeue();
        }

        bool hasRoomAgain = _isStarved && _waiting.Count <= MostWaiting / 2;
        _isStarved &= !hasRoomAgain;
        return hasRoomAgain;
    }

    /// <summary>
    /// Whether packets wait for the link, or for a neighbour that was asked for once: whoever does not answer then is hardly there.
    /// </summary>
    internal bool HasWaiting => _waiting.Count > 0 || Neighbours.HasWaiting;

    /// <summary>
    /// The link may be another one, which carries less: drops the waiting frames that it would not take. TCP cuts what was in them anew.
    /// </summary>
    internal void DropUnfit()
    {
        for (int count = _waiting.Count; count > 0; count--)
        {
            PacketBuffer frame = _waiting.Dequeue();
            if (IsFit(frame))
            {
                _waiting.Enqueue(frame);
            }
            else
            {
                Statistics.TxDropped++;
                _layer.Pool.Return(frame);
            }
        }
    }

    private bool IsFit(PacketBuffer frame)
    {
        if (frame.Offload.SegmentSize == 0)
        {
            return frame.Length - EthernetHeader.Size <= Mtu;
        }

        ReadOnlySpan<byte> packet = frame.Data[EthernetHeader.Size..];
        bool isIPv4 = packet[0] >> 4 == 4;
        int headers = isIPv4 ? IPv4Header.Size : IPv6Header.Size;
        headers += (packet[headers + TcpDataOffset] >> 4) * 4;
        return InternetOutput.CanSegment(this, isIPv4) && headers + frame.Offload.SegmentSize <= MtuOf(isIPv4);
    }

    /// <summary>Drops what waits for the link.</summary>
    internal void DropWaiting()
    {
        while (_waiting.TryDequeue(out PacketBuffer? frame))
        {
            _layer.Pool.Return(frame);
        }
    }

    public override string ToString() => Name;
}
