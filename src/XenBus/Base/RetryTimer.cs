using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Base;

/// <summary>Retries something after a pause. Each pause is longer than the last, until <see cref="Reset"/>.</summary>
internal sealed class RetryTimer(TimeProvider clock, Action again) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly XenStoreRetryPause _pause = new();
    private ITimer? _timer;
    private bool _isSet;
    private bool _isDisposed;

    /// <summary>Retries after the next pause, unless a retry is due already.</summary>
    public void Schedule()
    {
        lock (_lock)
        {
            if (_isSet || _isDisposed)
            {
                return;
            }

            _isSet = true;
            // Most timers are never needed, because most requests never fail.
            _timer ??= clock.CreateTimer(_ => Fire(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(_pause.Next(), Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Cancels the retry that is due, and makes the next pause a short one.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _pause.Reset();
            _isSet = false;
            _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _timer?.Dispose();
        }
    }

    private void Fire()
    {
        lock (_lock)
        {
            if (!_isSet || _isDisposed)
            {
                return;
            }

            _isSet = false;
        }

        again();
    }
}
