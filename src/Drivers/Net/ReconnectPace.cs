namespace Xenlet.Drivers.Net;

/// <summary>
/// How soon after a connection another one may be made: a back end that comes and goes without end shall not keep the guest busy. Used by
/// one at a time.
/// </summary>
internal sealed class ReconnectPace(TimeProvider clock)
{
    /// <summary>The first pause; each following one is twice as long.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>Attempts in a row without a pause: back ends are restarted, and say more than once that they close.</summary>
    public const int Free = 5;

    // So long without an attempt, and all is forgotten. Longer than the longest pause, or that would count as good behaviour.
    private static readonly TimeSpan Forgetting = TimeSpan.FromMinutes(5);

    private int _attempts;
    private long _last;

    /// <summary>How long to wait before the next attempt.</summary>
    public TimeSpan Pause
    {
        get
        {
            if (_attempts < Free)
            {
                return TimeSpan.Zero;
            }

            TimeSpan pause = Shortest * (1L << Math.Min(_attempts - Free, 20));
            TimeSpan left = (pause < Longest ? pause : Longest) - clock.GetElapsedTime(_last);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>An attempt is made.</summary>
    public void Attempt()
    {
        _attempts = _attempts > 0 && clock.GetElapsedTime(_last) >= Forgetting ? 1 : _attempts + 1;
        _last = clock.GetTimestamp();
    }

    /// <summary>What comes is not the doing of the back end that was there.</summary>
    public void Reset() => _attempts = 0;
}
