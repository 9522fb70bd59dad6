using Xenlet.Drivers;
using Xenlet.Drivers.Net;
using Xenlet.Net;

namespace Xenlet.BackEnds.Net;

/// <summary>The frames that wait for a front end. It lives as long as the device, and is open while the front end is connected.</summary>
internal sealed class FrontEndPort(BackEndLimits limits, PortCounters counters) : IFramePort
{
    private volatile MulticastFilter? _filter;

    /// <summary>What waits.</summary>
    public FrameQueue Queue { get; } = new(limits.WaitingFrames, limits.WaitingBytes);

    /// <summary>Accepts frames from now on, those that the filter lets pass.</summary>
    public void Open(MulticastFilter filter)
    {
        Drain();
        _filter = filter;
    }

    /// <summary>Drops all frames, those that wait included.</summary>
    public void Close()
    {
        _filter = null;
        Drain();
    }

    /// <inheritdoc/>
    public void Send(FrameBuffer frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        if (_filter is not { } filter || !EthernetHeader.TryRead(frame.Data, out EthernetHeader header))
        {
            Interlocked.Increment(ref counters.Dropped);
            frame.Dispose();
        }
        else if (!filter.Passes(header.Destination))
        {
            frame.Dispose();
        }
        else if (Queue.TryAdd(frame))
        {
            Queue.Wake();
        }
        else
        {
            Interlocked.Increment(ref counters.Dropped);
            frame.Dispose();
        }
    }

    private void Drain()
    {
        while (Queue.TryTake(out FrameBuffer? frame))
        {
            frame!.Dispose();
        }
    }
}
