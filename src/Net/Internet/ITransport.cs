namespace Xenlet.Net.Internet;

/// <summary>What the internet layer asks of a protocol above it: TCP, UDP. Called by the stack's thread; it must not wait.</summary>
internal interface ITransport
{
    /// <summary>
    /// A packet for one of our addresses, or a group or broadcast address of UDP, whole and without its IP headers. The transport takes the
    /// buffer over. It verifies the checksum unless <see cref="PacketBuffer.Offload"/> says that it need not.
    /// </summary>
    /// <param name="packet">The packet, from the transport's header on.</param>
    /// <param name="header">What the IP header says: the source is the peer's address, the destination ours.</param>
    void Receive(PacketBuffer packet, in InternetHeader header);

    /// <summary>
    /// An ICMP error quotes a packet that one of our addresses has sent, or a neighbour does not answer. Anybody can forge the former, so
    /// the transport compares what is quoted with what it has under way (RFC 5927).
    /// </summary>
    /// <param name="error">What it tells.</param>
    /// <param name="payload">What it quotes of the packet behind the ports and the four bytes that follow them.</param>
    /// <returns>
    /// Whether the packet may well have been ours. Only then the size that <see cref="IcmpErrorKind.PacketTooBig"/> tells of is believed.
    /// </returns>
    bool OnError(in IcmpError error, ReadOnlySpan<byte> payload);

    /// <summary>The largest packet that reaches <paramref name="remote"/> whole has changed: <c>PathMtu</c> says to what.</summary>
    void OnMtuChanged(InternetAddress remote);

    /// <summary>
    /// An interface had no room, and has some again: who was answered <see cref="InternetSendResult.NoRoom"/> tries again.
    /// </summary>
    void OnRoom();

    /// <summary>An address is ours no longer: its interface has gone, its lease has run out, or somebody else has it.</summary>
    void OnAddressRemoved(InternetAddress local);
}
