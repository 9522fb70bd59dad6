using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <summary>The round-trip time of a path and the retransmission time-out that follows from it (RFC 6298), in nanoseconds.</summary>
internal struct RoundTripEstimator
{
    private const uint MinimumLife = 300;
    private const int LongestBackoff = 20;

    // In seconds of the clock: nanoseconds would take another word.
    private uint _minimumSince;
    private byte _backoff;
    private bool _isSynLost;

    /// <summary>The smoothed round-trip time; 0 before the first sample.</summary>
    public long Smoothed { get; private set; }

    /// <summary>How much samples deviate from it.</summary>
    public long Variation { get; private set; }

    /// <summary>The least of the last minutes (RFC 8985, section 6.2).</summary>
    public long Minimum { get; private set; }

    /// <summary>The retransmission time-out, doubled for each one that has passed in vain.</summary>
    public readonly long Timeout => Math.Min(FirstTimeout << _backoff, TcpTimes.LongestTimeout);

    /// <summary>Whether the SYN was sent in vain, and no other.</summary>
    public readonly bool IsSynLost => _isSynLost;

    private readonly long FirstTimeout =>
        Smoothed != 0 ? Smoothed + Math.Max(TcpTimes.LeastVariation, 4 * Variation)
        : _isSynLost ? TcpTimes.TimeoutAfterLostSyn
        : TcpTimes.InitialTimeout;

    /// <summary>Takes a sample from data that was sent once, or told by a timestamp (Karn's algorithm).</summary>
    public void AddSample(long sample, long now)
    {
        sample = Math.Max(sample, 1);
        if (Smoothed == 0)
        {
            Smoothed = sample;
            Variation = sample / 2;
        }
        else
        {
            Variation += (Math.Abs(Smoothed - sample) - Variation) / 4;
            Smoothed += (sample - Smoothed) / 8;
        }

        if (Minimum == 0 || sample <= Minimum || (uint)(now / StackTime.Second) - _minimumSince > MinimumLife)
        {
            Minimum = sample;
            _minimumSince = (uint)(now / StackTime.Second);
        }

        _backoff = 0;
    }

    /// <summary>Doubles the time-out.</summary>
    public void BackOff() => _backoff = (byte)Math.Min(_backoff + 1, LongestBackoff);

    /// <summary>Something new was acknowledged: the path works.</summary>
    public void ResetBackoff() => _backoff = 0;

    /// <summary>The SYN was lost: nothing is known but that the path may be slow.</summary>
    public void OnSynLost()
    {
        _isSynLost = true;
        _backoff = 0;
    }
}
