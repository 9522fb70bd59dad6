namespace Xenlet.Domain;

/// <summary>The time by which the domain must be suspended: one limit for preparations, drivers and xenstore together.</summary>
internal sealed class SuspendDeadline : IDisposable
{
    private readonly TimeSpan _limit;
    private readonly long _began;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _time;

    /// <param name="limit">The limit.</param>
    /// <param name="began">Its start, as a timestamp of the clock.</param>
    /// <param name="clock">The clock.</param>
    public SuspendDeadline(TimeSpan limit, long began, TimeProvider clock)
    {
        _limit = limit;
        _began = began;
        _clock = clock;
        _time = new(Left, clock);
    }

    /// <summary>Cancelled at the deadline.</summary>
    public CancellationToken Token => _time.Token;

    /// <summary>The time left, never negative.</summary>
    public TimeSpan Left => _limit - _clock.GetElapsedTime(_began) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    /// <summary>Whether the deadline has passed. This reads the clock; the token's timer may be late.</summary>
    public bool IsOver => Left == TimeSpan.Zero;

    /// <summary>The domain was suspended: the token is no longer cancelled at the deadline.</summary>
    public void Stop() => _time.CancelAfter(Timeout.InfiniteTimeSpan);

    public override string ToString() => FormattableString.Invariant(
        $"drivers and xenstore did not come to rest in {_limit.TotalSeconds:0.###} s after the request");

    public void Dispose() => _time.Dispose();
}
