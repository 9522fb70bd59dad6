namespace Xenlet.Samples;

/// <summary>
/// Answers what arrives at one interface: a frame in gives no frame, one, or the fragments of one answer. It makes no garbage. What comes
/// in may be anything; what is not plainly a question to us is passed over.
/// </summary>
/// <remarks>An answer goes to the station its question came from, so no table of neighbours and no route is needed.</remarks>
internal sealed class Responder
{
    /// <summary>The least MTU that IPv6 works with.</summary>
    public const int MinimumMtu = 1280;

    private readonly Outbox _outbox;
    private readonly Arp? _arp;
    private readonly Ipv4? _ipv4;
    private readonly Ipv6? _ipv6;

    /// <param name="station">The interface's Ethernet address.</param>
    /// <param name="addresses">The addresses to answer for.</param>
    /// <param name="mtu">Most bytes of a frame behind its Ethernet header.</param>
    /// <param name="send">Takes each frame that is to be sent.</param>
    public Responder(ReadOnlySpan<byte> station, Addresses addresses, int mtu, FrameSender send)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(station.Length, Ethernet.AddressLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(mtu, MinimumMtu);
        _outbox = new Outbox(station.ToArray(), mtu, send);
        if (addresses.Ipv4 is { } ipv4)
        {
            _arp = new Arp(ipv4, _outbox);
            _ipv4 = new Ipv4(ipv4, _outbox);
        }

        if (addresses.Ipv6 is { } ipv6)
        {
            _ipv6 = new Ipv6(ipv6, _outbox);
        }
    }

    /// <summary>What was answered until now.</summary>
    public string Summary =>
        $"answered {_arp?.Answers ?? 0} ARP requests, {_ipv4?.Answers ?? 0} echoes, "
        + $"{_ipv6?.NeighbourAnswers ?? 0} neighbour solicitations, {_ipv6?.Answers ?? 0} IPv6 echoes";

    /// <summary>Takes a frame.</summary>
    /// <param name="bytes">The frame.</param>
    /// <param name="isChecksumBlank">The sender left the checksum of its message to hardware, and it has not been filled in.</param>
    /// <param name="now">Milliseconds of any clock that does not go back.</param>
    public void Receive(ReadOnlySpan<byte> bytes, bool isChecksumBlank, long now)
    {
        if (!Ethernet.TryRead(bytes, out Ethernet frame) || Ethernet.IsGroup(frame.Source) || frame.Source.SequenceEqual(_outbox.Own))
        {
            return;
        }

        bool isForUs = frame.Destination.SequenceEqual(_outbox.Own);
        switch (frame.Type)
        {
            case Ethernet.Arp when isForUs || frame.Destination.SequenceEqual(Ethernet.Broadcast):
                _arp?.Receive(frame);
                break;

            case Ethernet.Ipv4 when isForUs:
                _ipv4?.Receive(frame, isChecksumBlank, now);
                break;

            // Solicitations come to a group.
            case Ethernet.Ipv6 when isForUs || Ethernet.IsGroup(frame.Destination):
                _ipv6?.Receive(frame, isChecksumBlank, now);
                break;
        }
    }

    /// <summary>Tells everybody where our addresses are: at the start, and when the guest has come to another host.</summary>
    public void Announce()
    {
        _arp?.Announce();
        _ipv6?.Announce();
    }
}
