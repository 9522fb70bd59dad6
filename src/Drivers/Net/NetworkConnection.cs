using System.Globalization;
using Xenlet.Drivers.Rings;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.XenBus;

namespace Xenlet.Drivers.Net;

/// <summary>
/// One connection to one back end: a transmit and a receive ring, their event channels, and pages that stay granted until it ends. Each
/// resume or reconnection makes another.
/// </summary>
internal sealed class NetworkConnection : IAsyncDisposable
{
    private readonly INetworkSink _sink;
    private readonly XenDevice _device;
    private readonly HeldGrants _held;
    private readonly List<ISharedPage> _ringPages = [];
    private readonly List<IGrant> _ringGrants = [];
    private readonly List<FrontEndNode> _nodes = [];
    private readonly GrantedPagePool _transmitPages;
    private readonly GrantedPagePool _receivePages;
    private readonly RingChannel _receiveChannel;

    // The transmit ring's own channel, if the back end supports two.
    private readonly RingChannel? _transmitChannel;
    private readonly TransmitRing _transmit;

    // One of the two: frames go to the interface's queue, or a stack's thread takes them.
    private readonly ReceiveRing? _receive;
    private readonly PolledRings? _polled;
    private readonly CancellationTokenSource _stop = new();
    private Task _loops = Task.CompletedTask;

    /// <summary>Creates rings, channels and pages for a back end. If it fails, it has released all of them.</summary>
    /// <exception cref="XenException">Xen refused an event channel or a grant.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for the pages.</exception>
    public NetworkConnection(
        INetworkSink sink, NetworkCounters counters, XenDevice device, IEventChannels channels, ISharedPages pages,
        BackEndFeatures features, NetworkOptions options, FramePool pool, HeldGrants held, NetworkLink? link = null)
    {
        _sink = sink;
        _device = device;
        _held = held;
        Features = features;
        ushort domain = (ushort)device.OtherEndId;
        _transmitPages = new GrantedPagePool(pages, domain, options.TransmitPages);
        _receivePages = new GrantedPagePool(pages, domain, options.ReceivePages);
        try
        {
            TransmitQueue queue = new(new([MakeRingPage("tx-ring-ref")]), _transmitPages, features, counters)
            {
                MulticastRefused = (address, status) => device.Report(
                    $"the back end does not take multicast address {address}: status {status.ToString(CultureInfo.InvariantCulture)}"),
            };
            FrontRing<ReceiveRequest, ReceiveResponse> ring = new([MakeRingPage("rx-ring-ref")]);
            _receiveChannel = new(channels.AllocateUnbound(domain), device, Fail);
            if (features.SplitsEventChannels && options.SplitsEventChannels)
            {
                _transmitChannel = new(channels.AllocateUnbound(domain), device, Fail);
                _nodes.Add(new("event-channel-tx", _transmitChannel.Port));
                _nodes.Add(new("event-channel-rx", _receiveChannel.Port));
            }
            else
            {
                _nodes.Add(new("event-channel", _receiveChannel.Port));
            }

            _transmit = new(queue, _transmitChannel ?? _receiveChannel, sink, counters, Fail);
            if (link is null)
            {
                _receive = new(new(ring, _receivePages, new(pool, counters)), _receiveChannel, sink, counters);
            }
            else
            {
                PacketMemory memory = new();
                ReceiveQueue<PacketBuffer> received = new(ring, _receivePages, new(memory, counters));
                _polled = new(received, memory, _receiveChannel, _transmit, _transmitChannel, counters, link.Wake, Fail);
            }
        }
        catch
        {
            Release();
            throw;
        }

        ISharedPage MakeRingPage(string node)
        {
            ISharedPage page = pages.Allocate();
            _ringPages.Add(page);
            IGrant grant = page.Grant(domain);
            _ringGrants.Add(grant);
            _nodes.Add(new(node, grant.Reference));
            return page;
        }
    }

    /// <summary>The nodes by which the back end finds rings and channels.</summary>
    public IReadOnlyList<FrontEndNode> Nodes => _nodes;

    /// <summary>Whether each ring has an event channel of its own.</summary>
    public bool SplitsEventChannels => _transmitChannel is not null;

    public BackEndFeatures Features { get; }

    /// <summary>Whether the back end delivers multicast frames of joined addresses only.</summary>
    public bool FiltersMulticast { get; init; }

    /// <summary>Whether the back end has frames that it has not answered.</summary>
    public bool HasFramesUnderWay => _transmit.HasFramesUnderWay;

    /// <summary>The rings as a stack's thread drives them; <see langword="null"/> where the program reads the interface.</summary>
    public PolledRings? Polled => _polled;

    /// <summary>Begins to receive and to send. The back end may not know of it yet.</summary>
    public void Start() => _loops = _polled is not null ? Task.WhenAll(_polled.WakeUps.Select(RunAsync)) : Task.WhenAll(
        RunAsync(stop => _receive!.RunAsync(SplitsEventChannels ? null : _transmit, stop)),
        SplitsEventChannels ? RunAsync(_transmit.RunAsync) : Task.CompletedTask);

    /// <summary>Puts a copy of a frame into the ring. The caller keeps the frame.</summary>
    /// <param name="frame">What to send.</param>
    /// <param name="hasMore">Another frame follows at once, or <see cref="Flush"/>: the back end is not notified yet.</param>
    public SendResult Send(OutgoingFrame frame, bool hasMore) => _transmit.Send(frame, hasMore);

    /// <summary>Notifies the back end of frames that were sent with more to follow.</summary>
    public void Flush() => _transmit.Flush();

    /// <summary>Makes the back end deliver, or no longer deliver, frames to a multicast address, if it filters them.</summary>
    public SendResult SendMulticast(bool joins, MacAddress address) =>
        FiltersMulticast ? _transmit.SendMulticast(joins, address) : SendResult.Sent;

    /// <summary>
    /// Ends everything and releases the pages. The kernel keeps those that the back end still has mapped, until it unmaps them.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _stop.Cancel();
        await _loops.ConfigureAwait(EventLoop.IsCurrent);
        if (_transmit.Close())
        {
            _polled?.Close();
            Release();
            _receive?.Abandon();
            _stop.Dispose();
        }
    }

    private void Release()
    {
        _receiveChannel?.Dispose();
        _transmitChannel?.Dispose();
        string device = _device.Node;
        _transmitPages.Dispose(device, _held);
        _receivePages.Dispose(device, _held);
        foreach (IGrant grant in _ringGrants)
        {
            _held.End(device, grant);
        }

        foreach (ISharedPage page in _ringPages)
        {
            page.Dispose();
        }
    }

    private void Fail(Exception error) => _sink.Fail(this, error);

    private Task RunAsync(Func<CancellationToken, Task> serve) => EventLoop.Start(_device.Bus.Store.Loop, async () =>
    {
        try
        {
            await serve(_stop.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception error) when (
            error is ObjectDisposedException || (error is OperationCanceledException && _stop.IsCancellationRequested))
        {
        }
        catch (Exception error)
        {
            Fail(error);
        }
    });
}
