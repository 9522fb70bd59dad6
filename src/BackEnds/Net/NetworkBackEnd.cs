using System.Globalization;
using Xenlet.Drivers.Net;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.XenBus;

namespace Xenlet.BackEnds.Net;

/// <summary>The back end of one interface (Xen's <c>io/netif.h</c>).</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable", Justification = "DisconnectAsync disposes of them.")]
internal sealed class NetworkBackEnd : BackEnd
{
    private static readonly IReadOnlyList<string> Offered =
    [
        "tx-ring-ref", "rx-ring-ref", "event-channel", "event-channel-tx", "event-channel-rx", "protocol", .. FrontEndFeatures.Nodes,
    ];

    private readonly NetworkBackEndDriver _driver;
    private readonly IFrameNetwork _network;
    private readonly PortCounters _counters = new();
    private readonly SendRate _rate = new(TimeProvider.System);
    private readonly FrontEndPort _port;
    private readonly List<IEventChannel> _channels = [];
    private IFramePort? _behind;
    private MacAddress _address;
    private FrontEndPages? _pages;
    private NetworkServer? _server;

    public NetworkBackEnd(NetworkBackEndDriver driver, XenDevice device, IFrameNetwork network)
        : base(driver, device)
    {
        _driver = driver;
        _network = network;
        _port = new(driver.Limits, _counters);
    }

    protected override IReadOnlyList<string> OfferedNodes => Offered;

    public override string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{XenDevice.Name}: {_address}, {(IsConnected ? "connected" : "not connected")}, {_counters}{_rate}");

    /// <summary>Also uses a <c>rate</c> that somebody has written since.</summary>
    public override async ValueTask LocalEndChangedAsync(string path, CancellationToken cancellationToken)
    {
        if (path is "" or "/rate")
        {
            try
            {
                await ReadRateAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (FormatException error)
            {
                await XenDevice.ReportErrorAsync("the rate stays as it is", error).ConfigureAwait(EventLoop.IsCurrent);
            }
        }

        await base.LocalEndChangedAsync(path, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    protected override async ValueTask<IReadOnlyList<BackEndNode>> OpenAsync(CancellationToken cancellationToken)
    {
        string mac = await ReadAsync("mac", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        _address = MacAddress.TryParse(mac, out MacAddress address) ? address
            : throw new FormatException($"the node mac holds '{ForeignText.Escape(mac)}', which is no Ethernet address");
        string handle = await ReadAsync("handle", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        string bridge = await ReadAsync("bridge", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        string ip = await ReadAsync("ip", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        IReadOnlyList<AddressAssignment> addresses = ToolStackAddresses.Parse(ip, out string? refused);
        if (refused is not null)
        {
            throw new FormatException($"the node ip has {refused}");
        }

        await ReadRateAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        _ = int.TryParse(handle, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
        _behind = _network.Connect(new(Domain, number, address, addresses, bridge), _port);
        return
        [
            new("feature-rx-copy", 1),
            new("feature-rx-flip", 0),
            new("feature-sg", 1),
            new("feature-gso-tcpv4", 1),
            new("feature-gso-tcpv6", 1),
            new("feature-ipv6-csum-offload", 1),
            new("feature-multicast-control", 1),
            new("feature-split-event-channels", 1),
            new("multi-queue-max-queues", 1),
        ];
    }

    protected override ValueTask CloseAsync()
    {
        if (_behind is not null)
        {
            _behind = null;
            _network.Disconnect(_port);
        }

        return default;
    }

    protected override async ValueTask<IReadOnlyList<BackEndNode>> ConnectAsync(FrontEndOffer offer, CancellationToken cancellationToken)
    {
        offer.RequireNativeProtocol();
        FrontEndFeatures features = FrontEndFeatures.Read(offer);
        uint transmitReference = offer.GetReference("tx-ring-ref");
        uint receiveReference = offer.GetReference("rx-ring-ref");
        bool isSplit = offer.GetText("event-channel-tx") is not null;
        uint[] ports = isSplit
            ? [offer.GetPort("event-channel-tx"), offer.GetPort("event-channel-rx")]
            : [offer.GetPort()];

        _pages = new FrontEndPages(_driver.ForeignPages, Domain, _driver.Limits.MappedPages);
        IForeignPage[] pages = await _pages.MapAsync(new[] { transmitReference, receiveReference }, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        foreach (uint port in ports)
        {
            _channels.Add(_driver.Channels.BindInterdomain(Domain, port));
        }

        MulticastFilter filter = new(features.FiltersMulticast);
        TransmitServer transmit = new(
            new BackRing<TransmitRequest, TransmitResponse>([pages[0]]), _driver.ForeignPages, Domain, _channels[0], _driver.Frames, filter,
            _behind!, _counters, _rate);
        ReceiveServer receive = new(
            new BackRing<ReceiveRequest, ReceiveResponse>([pages[1]]), _driver.ForeignPages, Domain, _channels[^1], _port.Queue, features,
            _counters);
        _server = new NetworkServer(transmit, _channels[0], receive, _channels[^1], XenDevice.ReportSpuriousEvent);
        _port.Open(filter, receive);
        _server.Start(error => _ = FailAsync(error));
        return [];
    }

    protected override async ValueTask DisconnectAsync()
    {
        if (_server is { } server)
        {
            await server.StopAsync().ConfigureAwait(EventLoop.IsCurrent);
        }

        _server = null;
        _port.Close();
        _pages?.Dispose();
        _pages = null;
        _channels.ForEach(channel => channel.Dispose());
        _channels.Clear();
    }

    private async ValueTask ReadRateAsync(CancellationToken cancellationToken) => _rate.Set(
        await Store.TryReadAsync($"{XenDevice.Node}/rate", cancellationToken).ConfigureAwait(EventLoop.IsCurrent));

    private async ValueTask<string> ReadAsync(string name, CancellationToken cancellationToken) =>
        await Store.TryReadAsync($"{XenDevice.Node}/{name}", cancellationToken).ConfigureAwait(EventLoop.IsCurrent) ?? "";
}
