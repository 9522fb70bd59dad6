using Xenlet.Drivers;
using Xenlet.Net;

namespace Xenlet.BackEnds.Net;

/// <summary>The frames that wait for a front end. It lives as long as the device, and is open while the front end is connected.</summary>
internal sealed class FrontEndPort(BackEndLimits limits, PortCounters counters) : IFramePort
{
    private volatile MulticastFilter? _filter;

    /// <summary>What waits.</summary>
    public FairFrameQueue Queue { get; } = new(limits.WaitingFrames, limits.WaitingBytes);

    /// <summary>Accepts frames from now on, those that the filter lets pass.</summary>
    public void Open(MulticastFilter filter)
    {
        Queue.Clear();
        _filter = filter;
    }

    /// <summary>Drops all frames, those that wait included.</summary>
    public void Close()
    {
        _filter = null;
        Queue.Clear();
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
        else
        {
            Interlocked.Add(ref counters.Dropped, Queue.Add(frame));
            Queue.Wake();
        }
    }
}
