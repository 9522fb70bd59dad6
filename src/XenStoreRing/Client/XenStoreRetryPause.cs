namespace Xenlet.XenStoreRing;

/// <summary>
/// The pause before retrying a request that xenstore did not answer: one second, then doubled each time up to 30 seconds. Not thread-safe.
/// </summary>
public sealed class XenStoreRetryPause
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private TimeSpan _next = First;

    /// <summary>The next pause.</summary>
    public TimeSpan Next()
    {
        TimeSpan pause = _next;
        _next = pause * 2 < Longest ? pause * 2 : Longest;
        return pause;
    }

    /// <summary>It answered: the next pause is short again.</summary>
    public void Reset() => _next = First;
}
