using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <summary>
/// Timers that no connection has. A connection has them only while one of them is set: most connections wait for their peers, and have
/// nothing to wait for by time.
/// </summary>
internal sealed class TcpConnectionTimerPool(TcpLayer layer)
{
    // Some 12 KiB of them.
    private const int Limit = 128;

    private readonly ObjectPool<TcpConnectionTimers> _kept = new(Limit);

    public TcpConnectionTimers Take(TcpConnection owner)
    {
        TcpConnectionTimers timers = _kept.TryTake(out TcpConnectionTimers? kept) ? kept : new TcpConnectionTimers(layer);
        timers.Serve(owner);
        return timers;
    }

    /// <summary>Nobody refers to it any more, and none of its timers is set.</summary>
    public void Return(TcpConnectionTimers timers) => _kept.Return(timers);
}
