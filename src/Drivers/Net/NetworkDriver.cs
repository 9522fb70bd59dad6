using Xenlet.Drivers.Net;
using Xenlet.Drivers.Rings;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers;

/// <summary>The front end of Xen's network protocol (<c>io/netif.h</c>), for the devices of type <c>vif</c>.</summary>
/// <remarks>
/// A back end that offers several queues gets one pair of rings: the guest has one processor. Dispose of the driver after the bus; it ends
/// the remaining interfaces.
/// </remarks>
public sealed class NetworkDriver : FrontEndDriver<NetworkInterface>
{
    private readonly Lock _lock = new();
    private CaptureSwitch? _capture;

    /// <summary>Creates the driver; <see cref="DeviceBus.AddDriver"/> of the front bus takes it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public NetworkDriver(IEventChannels channels, ISharedPages pages, NetworkOptions? options = null)
        : base("vif", channels, pages)
    {
        Options = options ?? new();
        Options.Check();
    }

    /// <inheritdoc/>
    public override string Name => "network";

    /// <inheritdoc/>
    public override string ReportName => "network interfaces";

    /// <summary>The present interfaces, connected or not, in the order in which they were plugged.</summary>
    public IReadOnlyList<NetworkInterface> Interfaces => Offered;

    internal NetworkOptions Options { get; }

    /// <summary>The frames of all interfaces.</summary>
    internal FramePool Frames { get; } = new();

    /// <summary>The grants of all interfaces that cannot end because back ends still have the pages mapped.</summary>
    internal HeldGrants Held { get; } = new();

    /// <summary>Ends all interfaces and the watch for captures. The bus must be disposed of first, or have detached its devices.</summary>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        if (_capture is not null)
        {
            await _capture.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<FrontEnd<NetworkInterface>> CreateAsync(XenDevice device, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(device);
        string mac = await device.Bus.Store.ReadAsync(device.Node + "/mac", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        if (!MacAddress.TryParse(mac, out MacAddress address))
        {
            throw new FormatException($"the node mac holds '{mac}', which is no Ethernet address");
        }

        NetworkFrontEnd frontEnd = new(this, device, address);
        await frontEnd.ReadMtuAsync(null, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        return frontEnd;
    }

    /// <summary>Starts a capture if the store requests one for the interface, and watches the store for such requests.</summary>
    internal async ValueTask StartCaptureAsync(NetworkInterface network, XenStoreClient store, CancellationToken cancellationToken)
    {
        CaptureSwitch? made = null;
        CaptureSwitch capture;
        lock (_lock)
        {
            capture = _capture ??= made = new CaptureSwitch(store, Options.CaptureOutput, () => Interfaces);
        }

        try
        {
            if (made is not null)
            {
                await made.StartAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            await capture.ApplyAsync(network).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error)
        {
            network.Report($"captures cannot be switched on: {error.Message}");
        }
    }
}
