namespace Xenlet.Net.Internet;

/// <summary>What TCP and UDP ask of the internet layer below them. The simulator stands in for it in tests.</summary>
internal interface IInternetOutput
{
    /// <summary>The buffers of the stack.</summary>
    PacketPool Pool { get; }

    /// <summary>
    /// Chooses the local address for packets to <paramref name="remote"/> (RFC 6724), by the interface with an index if that is not 0;
    /// false without a route.
    /// </summary>
    bool TrySelectSource(InternetAddress remote, int interfaceIndex, out InternetAddress local);

    /// <summary>
    /// The largest IP packet that reaches <paramref name="remote"/> whole, in bytes, as far as is known (RFC 1191, RFC 8201), by the
    /// interface with an index if that is not 0.
    /// </summary>
    int PathMtu(InternetAddress remote, int interfaceIndex);

    /// <summary>
    /// Whether the link to <paramref name="remote"/>, or the one with an index if that is not 0, cuts TCP packets of up to 65,535 bytes
    /// into segments.
    /// </summary>
    bool CanSegment(InternetAddress remote, int interfaceIndex);

    /// <summary>
    /// Sends a packet whose data begins with the header of TCP or UDP, and takes the buffer over, whatever comes of it. The checksum field
    /// holds the sum of the pseudo header, not complemented: the internet layer completes it, or leaves it to the device.
    /// </summary>
    InternetSendResult Send(PacketBuffer packet, in InternetHeader header);

    /// <summary>
    /// Tells that <paramref name="remote"/> is reachable, by the interface with an index if that is not 0, since it acknowledged something
    /// new (RFC 4861, section 7.3.1).
    /// </summary>
    void ConfirmReachable(InternetAddress remote, int interfaceIndex);

    /// <summary>
    /// Tells that <paramref name="remote"/> does not answer, by the interface with an index if that is not 0 (RFC 1122, section 3.3.1.4):
    /// its first hop is asked anew with the next packet, and a redirect is forgotten.
    /// </summary>
    void Doubt(InternetAddress remote, int interfaceIndex);
}
