namespace Xenlet.Net.Base;

/// <summary>A limit for answers that anybody can ask for: so many a second, and so many at once.</summary>
internal sealed class TokenBucket(int burst, long interval)
{
    private long _tokens = burst;
    private long _filledAt = long.MinValue;

    /// <summary>Takes so many tokens when there are as many.</summary>
    public bool TryTake(long now, int count = 1)
    {
        if (_filledAt == long.MinValue)
        {
            _filledAt = now;
        }

        long fresh = (now - _filledAt) / interval;
        if (fresh > 0)
        {
            _tokens = Math.Min(burst, _tokens + fresh);
            _filledAt += fresh * interval;
        }

        if (_tokens < count)
        {
            return false;
        }

        _tokens -= count;
        return true;
    }
}
