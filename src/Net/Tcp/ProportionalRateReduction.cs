namespace Xenlet.Net.Tcp;

/// <summary>How much a sender may send while it recovers from a loss (RFC 6937): as much as arrives, less the reduction, evenly.</summary>
internal struct ProportionalRateReduction
{
    private long _delivered;
    private long _sent;
    private int _flightAtStart;

    /// <summary>A recovery begins with so many bytes unacknowledged.</summary>
    public void Start(int flight)
    {
        _delivered = 0;
        _sent = 0;
        _flightAtStart = Math.Max(flight, 1);
    }

    /// <summary>Something was sent.</summary>
    public void OnSent(int bytes) => _sent += bytes;

    /// <summary>The congestion window after an acknowledgment.</summary>
    /// <param name="delivered">Bytes that it says have arrived.</param>
    /// <param name="inFlight">Bytes in the network.</param>
    /// <param name="threshold">The slow start threshold.</param>
    /// <param name="segmentSize">Bytes of a segment.</param>
    /// <param name="isSafe">Whether the acknowledgment advanced and told of no further loss.</param>
    public int OnAcknowledged(int delivered, int inFlight, int threshold, int segmentSize, bool isSafe)
    {
        _delivered += delivered;
        long count;
        if (inFlight > threshold)
        {
            count = (((_delivered * threshold) + _flightAtStart - 1) / _flightAtStart) - _sent;
        }
        else
        {
            long limit = isSafe ? Math.Max(_delivered - _sent, delivered) + segmentSize : delivered;
            count = Math.Min(threshold - inFlight, limit);
        }

        // The first retransmission goes out whatever is in flight.
        return inFlight + (int)Math.Max(count, _sent == 0 ? segmentSize : 0);
    }
}
