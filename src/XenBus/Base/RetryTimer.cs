using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Base;

/// <summary>Has something tried again after a pause, which grows until <see cref="Reset"/>.</summary>
internal sealed class RetryTimer(TimeProvider clock, Action again) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly XenStoreRetryPause _pause = new();
    private ITimer? _timer;
    private bool _isSet;
    private bool _isDisposed;

    /// <summary>Tries again after the next pause, if that is not due already.</summary>
    public void Schedule()
    {
        lock (_gate)
        {
            if (_isSet || _isDisposed)
            {
                return;
            }

            _isSet = true;
            // Most of what could fail never does, so most timers are never made.
            _timer ??= clock.CreateTimer(_ => Fire(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(_pause.Next(), Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Nothing is left to be tried again; the next pause is a short one.</summary>
    public void Reset()
    {
        lock (_gate)
        {
            _pause.Reset();
            _isSet = false;
            _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _timer?.Dispose();
        }
    }

    private void Fire()
    {
        lock (_gate)
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
