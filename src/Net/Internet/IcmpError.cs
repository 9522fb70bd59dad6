namespace Xenlet.Net.Internet;

/// <summary>What an ICMP error tells of a packet that was sent.</summary>
/// <param name="Kind">What happened to it.</param>
/// <param name="Flow">The packet's two ends, ours the local one.</param>
/// <param name="SequenceNumber">The four bytes behind the packet's ports: TCP's sequence number.</param>
/// <param name="Mtu">Of <see cref="IcmpErrorKind.PacketTooBig"/>: the largest packet that gets through, in bytes.</param>
internal readonly record struct IcmpError(IcmpErrorKind Kind, Flow Flow, uint SequenceNumber, int Mtu)
{
    /// <summary>The message that has told it.</summary>
    public IcmpOrigin Origin { get; init; }
}
