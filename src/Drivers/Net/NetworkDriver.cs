using System.Globalization;
using Xenlet.Drivers.Net;
using Xenlet.Drivers.Rings;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers;

/// <summary>The front end of Xen's network protocol (<c>io/netif.h</c>), for the devices of type <c>vif</c>.</summary>
/// <remarks>
/// A back end that offers several queues gets one pair of rings: the guest has one processor. The driver is disposed of after the bus,
/// and ends the interfaces that are left.
/// </remarks>
public sealed class NetworkDriver : XenBusDriver, IReportSource, IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<NetworkFrontEnd> _frontEnds = [];

    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CaptureSwitch? _capture;

    /// <summary>Makes the driver; <see cref="DeviceBus.AddDriver"/> of the front bus takes it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number in the options is out of its range.</exception>
    public NetworkDriver(IEventChannels channels, ISharedPages pages, NetworkOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(channels);
        ArgumentNullException.ThrowIfNull(pages);
        Channels = channels;
        Pages = pages;
        Options = options ?? new();
        Options.Check();
    }

    /// <inheritdoc/>
    public override string Name => "network";

    /// <inheritdoc/>
    public override bool NeverBlocks => true;

    /// <inheritdoc/>
    public string ReportName => "network interfaces";

    /// <summary>The present interfaces, in the order in which they came.</summary>
    public IReadOnlyList<NetworkInterface> Interfaces
    {
        get
        {
            lock (_gate)
            {
                return [.. _frontEnds.Select(frontEnd => frontEnd.Network)];
            }
        }
    }

    internal IEventChannels Channels { get; }

    internal ISharedPages Pages { get; }

    internal NetworkOptions Options { get; }

    /// <summary>The frames of all interfaces.</summary>
    internal FramePool Frames { get; } = new();

    /// <summary>The grants of all interfaces that back ends do not let end.</summary>
    internal HeldGrants Held { get; } = new();

    /// <summary>Waits until an interface is there and up.</summary>
    /// <param name="name">Its name, such as <c>vif0</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public async ValueTask<NetworkInterface> WaitForAsync(string name, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                changed = _changed.Task;
                if (_frontEnds.Find(frontEnd => frontEnd.Network.Name == name && frontEnd.Network.IsUp) is { Network: { } found })
                {
                    return found;
                }
            }

            await EventLoop.OnLoop(changed).WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <inheritdoc/>
    public override int? Probe(XenDevice device) => device.Type == "vif" ? ProbePriority.Default : null;

    /// <inheritdoc/>
    public override async ValueTask<DeviceSession> AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        string mac = await device.Bus.Store.ReadAsync(device.Node + "/mac", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        if (!MacAddress.TryParse(mac, out MacAddress address))
        {
            throw new FormatException($"the node mac holds '{mac}', which is no Ethernet address");
        }

        NetworkFrontEnd frontEnd = new(this, device, address);
        await frontEnd.ReadMtuAsync(null, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        lock (_gate)
        {
            _frontEnds.Add(frontEnd);
        }

        Announce();
        try
        {
            await StartCaptureAsync(frontEnd.Network, device.Bus.Store, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch
        {
            await frontEnd.EndAsync().ConfigureAwait(EventLoop.IsCurrent);
            throw;
        }

        return frontEnd;
    }

    /// <inheritdoc/>
    public void WriteReport(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (NetworkInterface network in Interfaces)
        {
            writer.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{network}, MTU {network.Mtu}, {network.WaitingFrames} frames wait for the program, "
                    + $"{network.Statistics}"));
        }
    }

    /// <summary>Ends all interfaces and the watch for captures. The bus is disposed of before, or has detached its devices.</summary>
    public async ValueTask DisposeAsync()
    {
        NetworkFrontEnd[] left;
        lock (_gate)
        {
            left = [.. _frontEnds];
        }

        foreach (NetworkFrontEnd frontEnd in left)
        {
            await frontEnd.EndAsync().ConfigureAwait(EventLoop.IsCurrent);
        }

        if (_capture is not null)
        {
            await _capture.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    internal void OnDetached(NetworkFrontEnd frontEnd)
    {
        lock (_gate)
        {
            _frontEnds.Remove(frontEnd);
        }

        Announce();
    }

    /// <summary>An interface has come, has gone, or has another state.</summary>
    internal void Announce()
    {
        lock (_gate)
        {
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Captures the interface's frames if the store asks for it, and has the store watched for it.</summary>
    private async ValueTask StartCaptureAsync(NetworkInterface network, XenStoreClient store, CancellationToken cancellationToken)
    {
        CaptureSwitch? made = null;
        CaptureSwitch capture;
        lock (_gate)
        {
            capture = _capture ??= made = new CaptureSwitch(store, Options.CaptureOutput, () => Interfaces);
        }

        try
        {
            if (made is not null)
            {
                await made.StartAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            await capture.LookAsync(network).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error)
        {
            network.Report($"captures cannot be switched on: {error.Message}");
        }
    }
}
