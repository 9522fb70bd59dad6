namespace Xenlet.Net.Base;

/// <summary>
/// A clock that can be held. A segment asks for the time some ten times, which would be a large part of what it costs; so the stack holds
/// the time while it deals with a few frames or calls, and nothing takes longer than that. Otherwise it is the clock below.
/// </summary>
internal sealed class HeldClock(IStackClock clock) : IStackClock
{
    private const int Few = 8;

    private long _now;
    private bool _isHeld;

    /// <inheritdoc/>
    public long Now => _isHeld ? _now : clock.Now;

    /// <inheritdoc/>
    public DateTime UtcNow => clock.UtcNow;

    /// <summary>It is what it is now, until <see cref="Release"/> or the next call.</summary>
    public void Hold()
    {
        _now = clock.Now;
        _isHeld = true;
    }

    /// <summary>Holds it in a series of frames or calls: a look at the clock is a large part of what a small one costs.</summary>
    /// <param name="number">How many of the series there were before.</param>
    public void HoldInSeries(int number)
    {
        if (number % Few == 0)
        {
            Hold();
        }
    }

    /// <summary>The time goes on.</summary>
    public void Release() => _isHeld = false;
}
