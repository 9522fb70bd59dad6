using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>What a packet's IP header says beyond its lengths.</summary>
/// <param name="Source">The address of the sender.</param>
/// <param name="Destination">The address of the receiver, of the same family.</param>
/// <param name="Protocol">The number of the protocol above: 6 is TCP, 17 UDP.</param>
/// <param name="HopLimit">The time to live of IPv4, the hop limit of IPv6; 0 for the stack's default.</param>
/// <param name="TrafficClass">The type of service of IPv4, the traffic class of IPv6, with ECN in its two lowest bits.</param>
/// <param name="CanFragment">Whether the packet may be cut into fragments; TCP's may not.</param>
internal readonly record struct InternetHeader(
    InternetAddress Source, InternetAddress Destination, byte Protocol, byte HopLimit, byte TrafficClass, bool CanFragment)
{
    /// <summary>
    /// The interface by which a packet has arrived, and by which one has to leave whose destination is a group, link-local or everybody;
    /// 0 where the stack chooses.
    /// </summary>
    public int InterfaceIndex { get; init; }

    /// <summary>
    /// Of a packet to be sent, the hosts that it goes through to its destination (IPv4); of one that has come by a source route, the way
    /// back. Null for the way that routers choose.
    /// </summary>
    public SourceRoute? Route { get; init; }

    /// <summary>Whether a packet to a group or to everybody is for us too, when we have joined the group.</summary>
    public bool IsLoopedBack { get; init; }
}
