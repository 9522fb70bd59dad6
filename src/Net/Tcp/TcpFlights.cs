using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <summary>
/// Flights that no connection has: a connection takes one with the first segment that it sends, and gives it back when all is
/// acknowledged, so that a round of answers makes no garbage.
/// </summary>
internal sealed class TcpFlights(SegmentRings rings)
{
    // Some 12 KiB of them.
    private const int Limit = 64;

    private readonly ObjectPool<TcpFlight> _kept = new(Limit);

    public TcpFlight Take() => _kept.TryTake(out TcpFlight? flight) ? flight : new TcpFlight();

    /// <summary>Nobody refers to a flight any more.</summary>
    public void Return(TcpFlight flight)
    {
        flight.Reset(rings);
        _kept.Return(flight);
    }
}
