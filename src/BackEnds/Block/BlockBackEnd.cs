using System.Globalization;
using Xenlet.Drivers.Block;
using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.BackEnds.Block;

/// <summary>The back end of one disk (Xen's <c>io/blkif.h</c>).</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "DisconnectAsync disposes of them.")]
internal sealed class BlockBackEnd(
    BlockBackEndDriver driver, XenDevice device, Func<BlockStoreRequest, CancellationToken, ValueTask<IBlockStore>> open)
    : BackEnd(driver, device)
{
    /// <summary>The binary logarithm of the largest number of pages of a ring.</summary>
    private const int MaximumRingOrder = 3;

    private const string Waits = "waits for requests of the store's other front ends";

    private static readonly IReadOnlyList<string> Offered =
        [.. FrontEndOffer.RingNodes(MaximumRingOrder), "event-channel", "protocol", "feature-persistent"];

    private IBlockStore? _store;
    private bool _isReadOnly;
    private string _name = "";
    private FrontEndPages? _pages;
    private IEventChannel? _channel;
    private BlockServer? _server;
    private bool _isWaiting;

    protected override IReadOnlyList<string> OfferedNodes => Offered;

    /// <summary>The server of a connection to a store, or null.</summary>
    public BlockServer? ServerOf(IBlockStore store) => ReferenceEquals(_store, store) ? _server : null;

    public override string Describe()
    {
        string connection = _server is { } server ? server.Describe() : _isWaiting ? Waits : "not connected";
        return $"{XenDevice.Name}: {_name}{(_isReadOnly ? ", read-only" : "")}, {connection}";
    }

    protected override async ValueTask<IReadOnlyList<BackEndNode>> OpenAsync(CancellationToken cancellationToken)
    {
        _name = await Store.TryReadAsync(XenDevice.Node + "/params", cancellationToken).ConfigureAwait(EventLoop.IsCurrent) ?? "";
        string? mode = await Store.TryReadAsync(XenDevice.Node + "/mode", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        BlockStoreRequest request = new(_name, Domain, mode is not ("w" or null));
        _store = await open(request, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        _isReadOnly = request.IsReadOnly || _store.IsReadOnly;
        List<BackEndNode> nodes =
        [
            new("feature-flush-cache", 1),
            new("feature-persistent", 1),
            new("feature-max-indirect-segments", BlockServer.MaximumSegments),
            new("max-ring-page-order", MaximumRingOrder),
        ];
        if (_store.CanDiscard && !_isReadOnly)
        {
            nodes.AddRange([new("feature-discard", 1), new("discard-granularity", _store.SectorSize), new("discard-alignment", 0)]);
        }

        _store.LengthChanged += OnLengthChanged;

        // A quota that is used up by others cannot have room for these when the front end connects.
        return [.. nodes, .. PresentNodes([])];
    }

    protected override ValueTask CloseAsync()
    {
        _store!.LengthChanged -= OnLengthChanged;
        return default;
    }

    protected override async ValueTask<IReadOnlyList<BackEndNode>> ConnectAsync(FrontEndOffer offer, CancellationToken cancellationToken)
    {
        offer.RequireNativeProtocol();
        uint[] references = offer.GetRing(MaximumRingOrder);
        uint port = offer.GetPort();
        _pages = new FrontEndPages(Driver.ForeignPages, Domain, Driver.Limits.MappedPages, Driver.DataPages);
        IForeignPage[] ringPages = await _pages.MapAsync(references, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        BackRing<BlockRequest, BlockResponse> ring = new(ringPages);
        _channel = Driver.Channels.BindInterdomain(Domain, port);
        await WaitForOthersAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        BlockTransfer transfer = new(
            _store!, _isReadOnly, Driver.ForeignPages, Domain, offer.GetFlag("feature-persistent") ? _pages : null);
        _server = new BlockServer(ring, transfer, _channel, Driver.Limits, XenDevice.ReportSpuriousEvent);
        _server.Start(error => _ = FailAsync(error));
        return PresentNodes([]);
    }

    protected override IReadOnlyList<BackEndNode> PresentNodes(IReadOnlyList<BackEndNode> published) =>
    [
        new("sectors", _store!.Length / BlockProtocol.Unit),
        new("sector-size", _store.SectorSize),
        new("physical-sector-size", _store.SectorSize),
        new("info", _isReadOnly ? BlockProtocol.InfoReadOnly : 0),
    ];

    protected override async ValueTask DisconnectAsync()
    {
        if (_server is { } server)
        {
            await server.StopAsync().ConfigureAwait(EventLoop.IsCurrent);
        }

        _server = null;
        _pages?.Dispose();
        _pages = null;
        _channel?.Dispose();
        _channel = null;
    }

    private BlockBackEndDriver Driver => driver;

    private void OnLengthChanged(object? sender, EventArgs arguments) => XenDevice.CallAgain();

    /// <summary>
    /// A migrated domain comes with a device of its own while the old one's still has requests under way. The new front end sends those
    /// again, and may then write the same sectors: an old write that is done later would undo that.
    /// </summary>
    private async Task WaitForOthersAsync(CancellationToken cancellationToken)
    {
        _isWaiting = true;
        try
        {
            await Task.WhenAll(Driver.ServersOf(_store!).Select(server => server.DrainAsync(cancellationToken)))
                .ConfigureAwait(EventLoop.IsCurrent);
        }
        finally
        {
            _isWaiting = false;
        }
    }
}
