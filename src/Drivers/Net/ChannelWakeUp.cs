using Xenlet.Kernel;

namespace Xenlet.Drivers.Net;

/// <summary>
/// Has the events of a channel wake a thread that polls what they announce. One event wakes it; the next one is waited for when the thread
/// is about to rest again, so that a back end which signals without end does not keep the processor.
/// </summary>
/// <param name="channel">The channel. It stays the caller's.</param>
/// <param name="wake">Wakes the thread.</param>
internal sealed class ChannelWakeUp(RingChannel channel, Action wake)
{
    private readonly AsyncSignal _armed = new();
    private volatile bool _hasEvent;

    /// <summary>Waits for events until the token is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await channel.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            _hasEvent = true;
            wake();
            await _armed.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>The thread is about to rest: lets the next event through.</summary>
    /// <param name="hadCause">Whether there was anything since the last time that an event could have been sent for.</param>
    public void Arm(bool hadCause)
    {
        if (!_hasEvent)
        {
            return;
        }

        _hasEvent = false;
        if (!hadCause)
        {
            channel.ReportSpurious();
        }

        // Here and now if the loop is idle: its thread need not run for it.
        if (_armed.TrySet(out EventLoop? loop))
        {
            loop?.Run(_armed);
        }
    }
}
