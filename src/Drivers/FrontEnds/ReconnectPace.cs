namespace Xenlet.Drivers.FrontEnds;

/// <summary>
/// How soon after a connection another one may be made: an other end that connects and disconnects without end must not keep the guest
/// busy. Used by one thread at a time.
/// </summary>
internal sealed class ReconnectPace(TimeProvider clock)
{
    /// <summary>The first pause; each further one is twice as long.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>Attempts in a row without a pause: other ends are restarted, and may announce more than once that they close.</summary>
    public const int Free = 5;

    // The time without an attempt after which all are forgotten. It is longer than the longest pause, which would reset it otherwise.
    private static readonly TimeSpan Forgetting = TimeSpan.FromMinutes(5);

    private int _attempts;
    private long _last;

    /// <summary>The time to wait before the next attempt.</summary>
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

    /// <summary>Counts an attempt.</summary>
    public void Attempt()
    {
        _attempts = _attempts > 0 && clock.GetElapsedTime(_last) >= Forgetting ? 1 : _attempts + 1;
        _last = clock.GetTimestamp();
    }

    /// <summary>Forgets all attempts: the next one is with a new other end.</summary>
    public void Reset() => _attempts = 0;
}
