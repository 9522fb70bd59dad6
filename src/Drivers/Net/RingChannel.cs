using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.Drivers.Net;

/// <summary>The event channel of a ring, or of both rings if the back end does not support two.</summary>
/// <param name="channel">The channel, which this owns.</param>
/// <param name="device">The channel's device.</param>
/// <param name="fail">Ends the connection if Xen refuses a call.</param>
internal sealed class RingChannel(IEventChannel channel, XenDevice device, Action<Exception> fail) : IDisposable
{
    /// <summary>The channel itself.</summary>
    public IEventChannel Channel => channel;

    /// <summary>The port for the back end to bind to.</summary>
    public uint Port => channel.Port;

    /// <summary>Waits for the next event.</summary>
    public ValueTask WaitAsync(CancellationToken cancellationToken) => channel.WaitAsync(cancellationToken);

    /// <summary>Notifies the back end.</summary>
    /// <param name="counter">Counts notifications.</param>
    public void Notify(ref long counter)
    {
        try
        {
            Interlocked.Increment(ref counter);
            channel.Notify();
        }
        catch (ObjectDisposedException)
        {
            // The connection is ending, or the domain was resumed and has no new one yet.
        }
        catch (XenException error)
        {
            fail(error);
        }
    }

    /// <summary>Reports that the last event had no cause.</summary>
    public void ReportSpurious() => device.ReportSpuriousEvent(channel);

    public void Dispose() => channel.Dispose();
}
