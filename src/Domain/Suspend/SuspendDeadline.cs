namespace Xenlet.Domain;

/// <summary>The time by which the domain must be suspended: one for preparations, drivers and xenstore together.</summary>
internal sealed class SuspendDeadline : IDisposable
{
    private readonly TimeSpan _limit;
    private readonly long _began;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _time;

    /// <param name="limit">How long it may take.</param>
    /// <param name="began">From when on, as a timestamp of the clock.</param>
    /// <param name="clock">The clock.</param>
    public SuspendDeadline(TimeSpan limit, long began, TimeProvider clock)
    {
        _limit = limit;
        _began = began;
        _clock = clock;
        _time = new(Left, clock);
    }

    /// <summary>Cancelled when the time is up.</summary>
    public CancellationToken Token => _time.Token;

    /// <summary>How much is left, never less than nothing.</summary>
    public TimeSpan Left => _limit - _clock.GetElapsedTime(_began) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    /// <summary>Whether the time is up, by the clock itself.</summary>
    public bool IsOver => Left == TimeSpan.Zero;

    /// <summary>The domain was suspended: the token is not cancelled any more.</summary>
    public void Stop() => _time.CancelAfter(Timeout.InfiniteTimeSpan);

    public override string ToString() => FormattableString.Invariant(
        $"drivers and xenstore did not come to rest in {_limit.TotalSeconds:0.###} s after the request");

    public void Dispose() => _time.Dispose();
}
