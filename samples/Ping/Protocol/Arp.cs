namespace Xenlet.Samples;

/// <summary>Tells who asks which Ethernet address our IPv4 address has (RFC 826; announcements: RFC 5227).</summary>
/// <param name="address">Our IPv4 address.</param>
/// <param name="outbox">Takes the answers.</param>
internal sealed class Arp(byte[] address, Outbox outbox)
{
    private const int Length = 28;
    private const byte Request = 1;
    private const byte Reply = 2;

    // Hardware Ethernet, protocol IPv4, addresses of 6 and 4 bytes, and the high byte of the operation.
    private static ReadOnlySpan<byte> Fixed => [0, 1, 8, 0, 6, 4, 0];

    /// <summary>Requests answered.</summary>
    public long Answers { get; private set; }

    public void Receive(in Ethernet frame)
    {
        ReadOnlySpan<byte> packet = frame.Payload;
        if (packet.Length < Length || !packet.StartsWith(Fixed) || packet[7] != Request)
        {
            return;
        }

        ReadOnlySpan<byte> sender = packet[8..14];
        ReadOnlySpan<byte> target = packet[24..28];
        if (target.SequenceEqual(address) && sender.SequenceEqual(frame.Source))
        {
            Answers++;
            Send(Reply, frame.Source, sender, packet[14..18]);
        }
    }

    /// <summary>Tells everybody, for those who knew another Ethernet address or another place of ours.</summary>
    public void Announce() => Send(Request, Ethernet.Broadcast, [0, 0, 0, 0, 0, 0], address);

    private void Send(byte operation, ReadOnlySpan<byte> to, ReadOnlySpan<byte> target, ReadOnlySpan<byte> targetAddress)
    {
        Span<byte> packet = outbox.Begin(to, Ethernet.Arp);
        Fixed.CopyTo(packet);
        packet[7] = operation;
        outbox.Own.CopyTo(packet[8..]);
        address.CopyTo(packet[14..]);
        target.CopyTo(packet[18..]);
        targetAddress.CopyTo(packet[24..]);
        outbox.Send(Length);
    }
}
