using Xenlet.Net.Wire;

namespace Xenlet.Net.Tcp;

/// <content>How large segments are: what the peer takes, the path carries, and a black hole lets through (RFC 2923, RFC 4821).</content>
internal sealed partial class TcpConnection
{
    /// <summary>
    /// The least segment size that is believed of a peer, as Linux has it: one of 1 byte would cost 60 bytes of headers each.
    /// </summary>
    public const int LeastSegmentSize = 48;

    private ushort _peerSegmentSize;
    private ushort _pathSegmentSize = LeastSegmentSize;
    private ushort _segmentSize = LeastSegmentSize;

    /// <summary>Ten segments (RFC 6928, section 2).</summary>
    private int InitialWindow => Math.Min(10 * _segmentSize, Math.Max(2 * _segmentSize, 14_600));

    /// <summary>The path carries larger or smaller packets than before, or the link does not cut large ones any more.</summary>
    public void OnMtuChanged()
    {
        if (State is TcpState.Closed or TcpState.SynSent)
        {
            return;
        }

        Enter();
        UpdateSegmentSize();
        bool isCut = CanSegment();
        for (int i = 0; i < _flight.Sent.Count; i++)
        {
            // What was too large is lost, and says nothing about congestion (RFC 1191, section 6.4).
            bool isTooLarge = _flight.Sent[i].DataLength > _segmentSize && (!isCut || _flight.Sent[i].SegmentSize > _segmentSize);
            if (isTooLarge && !_flight.Sent[i].Has(SentState.Sacked))
            {
                _flight.Sent.SetState(i, SentState.Lost, SentState.Retransmitted);
            }
        }

        IsOutputDue = true;
        Leave();
    }

    /// <summary>The data of a packet that the link cuts into segments, or of one segment.</summary>
    private int LargestPacket()
    {
        if (IsSendingUrgent || !CanSegment())
        {
            // An urgent pointer counts from its own segment: a device that cuts would repeat it.
            return _segmentSize;
        }

        // The IP header counts in IPv4's length, so both families leave room for the longest headers.
        int most = PacketBuffer.LargestPacket - 40 - TcpHeader.LargestSize;
        return Math.Max(most / _segmentSize * _segmentSize, _segmentSize);
    }

    /// <summary>Whether the link cuts packets. What it makes of options of IP is not known.</summary>
    private bool CanSegment() => Route is null && Layer.Output.CanSegment(Flow.Remote.Address, Settings.BoundInterface);

    /// <summary>What our options, of TCP and of IP, take of each segment.</summary>
    private int OptionsSize => (HasTimestamps ? TcpOptions.TimestampsSize : 0) + (Route?.Size ?? 0);

    private void TakeWayBack(SourceRoute? route)
    {
        if (route is not null)
        {
            Incidents.WayBack = route;
        }
    }

    private void UpdateSegmentSize()
    {
        int byDefault = Flow.Remote.Address.IsIPv4 ? 536 : 1_220;
        _pathSegmentSize = (ushort)Layer.AnnouncedSegmentSize(Flow, Settings, Route);
        int size = Math.Min(_peerSegmentSize == 0 ? byDefault : Math.Max((int)_peerSegmentSize, LeastSegmentSize), _pathSegmentSize);
        if (_incidents is { SizeLimit: not 0 and int limit })
        {
            size = Math.Min(size, limit);
        }

        // RFC 6691: the size is without options; ours take their part of it.
        _segmentSize = (ushort)Math.Max(size - OptionsSize, LeastSegmentSize - TcpOptions.TimestampsSize);
    }

    /// <summary>Segments of this size do not arrive, and nobody says why: smaller ones may.</summary>
    private void ReduceSegmentSize()
    {
        int size = _segmentSize + OptionsSize;
        int smaller = !Flow.Remote.Address.IsIPv4 ? 1_220 : size > 1_024 ? 1_024 : 536;
        if (smaller >= size)
        {
            return;
        }

        Layer.Counters.BlackHoles++;
        Incidents.SizeLimit = smaller;
        Incidents.SizeLimitUntil = Now + (TcpTimes.BlackHoleHold << Math.Min(Incidents.SizeHolds++, 6));
        UpdateSegmentSize();
    }

    /// <summary>Something was acknowledged. After a while large segments are tried again: the silence may have had another cause.</summary>
    private void OnSizeWorked()
    {
        if (_incidents is { SizeLimit: not 0 } && Now >= _incidents.SizeLimitUntil)
        {
            _incidents.SizeLimit = 0;
            UpdateSegmentSize();
        }
    }
}
