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

    private static readonly IReadOnlyList<string> Offered =
        [.. FrontEndOffer.RingNodes(MaximumRingOrder), "event-channel", "protocol", "feature-persistent"];

    private IBlockStore? _store;
    private bool _isReadOnly;
    private string _name = "";
    private FrontEndPages? _pages;
    private IEventChannel? _channel;
    private BlockServer? _server;

    protected override IReadOnlyList<string> OfferedNodes => Offered;

    public override string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{XenDevice.Name}: {_name}{(_isReadOnly ? ", read-only" : "")}, {(_server is { } server ? server.Describe() : "not connected")}");

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

        return nodes;
    }

    protected override async ValueTask<IReadOnlyList<BackEndNode>> ConnectAsync(FrontEndOffer offer, CancellationToken cancellationToken)
    {
        offer.RequireNativeProtocol();
        uint[] references = offer.GetRing(MaximumRingOrder);
        uint port = offer.GetPort();
        _pages = new FrontEndPages(Driver.ForeignPages, Domain, Driver.Limits.MappedPages);
        IForeignPage[] ringPages = await _pages.MapAsync(references, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        BackRing<BlockRequest, BlockResponse> ring = new(ringPages);
        _channel = Driver.Channels.BindInterdomain(Domain, port);
        BlockTransfer transfer = new(
            _store!, _isReadOnly, Driver.ForeignPages, Domain, offer.GetFlag("feature-persistent") ? _pages : null);
        _server = new BlockServer(ring, transfer, _channel, Driver.Limits, XenDevice.ReportSpuriousEvent);
        _server.Start(error => _ = FailAsync(error));
        return
        [
            new("sectors", _store!.Length / BlockProtocol.Unit),
            new("sector-size", _store.SectorSize),
            new("physical-sector-size", _store.SectorSize),
            new("info", _isReadOnly ? BlockProtocol.InfoReadOnly : 0),
        ];
    }

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
}
