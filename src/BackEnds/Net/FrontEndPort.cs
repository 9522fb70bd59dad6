using Xenlet.Drivers;
using Xenlet.Net;

namespace Xenlet.BackEnds.Net;

/// <summary>The frames that wait for a front end. It lives as long as the device, and is open while the front end is connected.</summary>
internal sealed class FrontEndPort(BackEndLimits limits, PortCounters counters) : IFramePort
{
    private volatile MulticastFilter? _filter;
    private volatile ReceiveServer? _server;

    /// <summary>What waits.</summary>
    public FairFrameQueue Queue { get; } = new(limits.WaitingFrames, limits.WaitingBytes);

    /// <summary>Accepts frames from now on, those that the filter lets pass.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="server">Delivers them.</param>
    public void Open(MulticastFilter filter, ReceiveServer server)
    {
        Queue.Clear();
        _filter = filter;
        _server = server;
    }

    /// <summary>Drops all frames, those that wait included.</summary>
    public void Close()
    {
        _filter = null;
        _server = null;
        Queue.Clear();
    }

    /// <summary>Delivers a frame at once, as <see cref="ReceiveServer.TryDeliver"/> does. It goes to no group.</summary>
    public bool TryDeliver(in StraightFrame frame) => _server is { } server && server.TryDeliver(frame);

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
