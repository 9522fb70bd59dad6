using System.Globalization;
using Xenlet.Drivers.Net;
using Xenlet.Drivers.Rings;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers;

/// <summary>The front end of Xen's network protocol (<c>io/netif.h</c>): takes on the devices of type <c>vif</c>.</summary>
/// <remarks>
/// A back end that offers several queues gets one pair of rings: the guest has one processor. Disposing ends all interfaces.
/// </remarks>
public sealed class NetworkDriver : XenBusDriver, IReportSource, IAsyncDisposable
{
    // How long the end of the domain waits for the back end to take the last frames: a network loses some at any time, and the device is
    // to be closed yet.
    private static readonly TimeSpan LastFramesLimit = TimeSpan.FromSeconds(1);

    private readonly IEventChannels _channels;
    private readonly ISharedPages _pages;
    private readonly NetworkOptions _options;
    private readonly FramePool _pool = new();
    private readonly HeldGrants _held = new();
    private readonly Lock _gate = new();
    private readonly List<NetworkInterface> _interfaces = [];

    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CaptureSwitch? _capture;

    /// <summary>Makes the driver; <see cref="DeviceBus.AddDriver"/> of the front bus takes it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number in the options is out of its range.</exception>
    public NetworkDriver(IEventChannels channels, ISharedPages pages, NetworkOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(channels);
        ArgumentNullException.ThrowIfNull(pages);
        _channels = channels;
        _pages = pages;
        _options = options ?? new();
        _options.Check();
    }

    /// <inheritdoc/>
    public override string Name => "network";

    /// <inheritdoc/>
    public override bool NeverBlocks => true;

    /// <summary>The interfaces there are now, in the order in which they came.</summary>
    public IReadOnlyList<NetworkInterface> Interfaces
    {
        get
        {
            lock (_gate)
            {
                return [.. _interfaces];
            }
        }
    }

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
                if (_interfaces.Find(network => network.Name == name && network.IsUp) is { } found)
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
    public override string? Describe(XenDevice device) =>
        device.DriverData is NetworkInterface network
            ? $"{network}, MTU {network.Mtu.ToString(CultureInfo.InvariantCulture)}, {network.Statistics}"
            : null;

    /// <inheritdoc/>
    public override async ValueTask AttachAsync(XenDevice device, CancellationToken cancellationToken)
    {
        XenStoreClient store = device.Bus.Store;
        string mac = await store.ReadAsync(device.Node + "/mac", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        if (!MacAddress.TryParse(mac, out MacAddress address))
        {
            throw new FormatException($"the node mac holds '{mac}', which is no Ethernet address");
        }

        NetworkInterface network = new(device, address, _options, _pool) { Changed = Announce };
        await ReadMtuAsync(network, null, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        device.DriverData = network;
        CaptureSwitch? made = null;
        CaptureSwitch capture;
        lock (_gate)
        {
            _interfaces.Add(network);
            capture = _capture ??= made = new CaptureSwitch(store, _options.CaptureOutput, () => Interfaces);
        }

        Announce();
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

    /// <inheritdoc/>
    public override async ValueTask OtherEndChangedAsync(XenDevice device, XenBusState state, CancellationToken cancellationToken)
    {
        if (device.DriverData is not NetworkInterface network)
        {
            return;
        }

        await network.Transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            switch (state)
            {
                case XenBusState.InitWait when device.State is XenBusState.Initialising or XenBusState.Closed && !network.HasFailed:
                    await ConnectInTimeAsync(network, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                    break;
                case XenBusState.Connected when network.Connection is not null:
                    network.Change(NetworkState.Up);
                    break;
                case XenBusState.Closing or XenBusState.Closed:
                    // A back end says Closing, Closed, Closing and Closed again; each time the answer is the same.
                    await network.DisconnectAsync(NetworkState.Closed).ConfigureAwait(EventLoop.IsCurrent);
                    await device.SetStateAsync(XenBusState.Closed, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                    break;
            }
        }
        finally
        {
            network.Transition.Release();
        }
    }

    /// <inheritdoc/>
    public override async ValueTask LocalEndChangedAsync(XenDevice device, string path, CancellationToken cancellationToken)
    {
        if (path is "" or "/mtu" && device.DriverData is NetworkInterface network)
        {
            await ReadMtuAsync(network, network.Connection?.Features.Mtu, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<bool> DetachAsync(XenDevice device)
    {
        if (device.DriverData is NetworkInterface network)
        {
            device.DriverData = null;
            await RemoveAsync(network).ConfigureAwait(EventLoop.IsCurrent);
        }

        return true;
    }

    /// <inheritdoc/>
    public override ValueTask<bool> SuspendAsync(XenDevice device, CancellationToken cancellationToken)
    {
        (device.DriverData as NetworkInterface)?.Suspend();
        return new(true);
    }

    /// <inheritdoc/>
    public override async ValueTask ResumeAsync(XenDevice device, CancellationToken cancellationToken)
    {
        if (device.DriverData is not NetworkInterface network)
        {
            return;
        }

        await network.Transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            // Frames that the old back end had taken and not sent yet are lost, as on any network.
            await network.DisconnectAsync(NetworkState.Connecting).ConfigureAwait(EventLoop.IsCurrent);
            network.ForgetFailure();
            network.Pace.Reset();
        }
        finally
        {
            network.Transition.Release();
        }
    }

    /// <inheritdoc/>
    public override ValueTask SuspendCancelledAsync(XenDevice device, CancellationToken cancellationToken)
    {
        (device.DriverData as NetworkInterface)?.GoOn();
        return default;
    }

    /// <inheritdoc/>
    public override async ValueTask ShutdownAsync(XenDevice device, CancellationToken cancellationToken)
    {
        if (device.DriverData is not NetworkInterface network)
        {
            return;
        }

        // What comes now waits; no connection is made any more.
        network.Suspend();
        network.Flush();
        long began = _options.TimeProvider.GetTimestamp();
        while (network.Connection is { HasFramesUnderWay: true } && _options.TimeProvider.GetElapsedTime(began) < LastFramesLimit)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), _options.TimeProvider, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Ends all interfaces and the watch for captures. The bus is disposed of first, or has let go of its devices.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (NetworkInterface network in Interfaces)
        {
            await RemoveAsync(network).ConfigureAwait(EventLoop.IsCurrent);
        }

        if (_capture is not null)
        {
            await _capture.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private async ValueTask RemoveAsync(NetworkInterface network)
    {
        network.CancelWaits();
        await network.Transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            await network.DisconnectAsync(NetworkState.Gone).ConfigureAwait(EventLoop.IsCurrent);
        }
        finally
        {
            network.Transition.Release();
        }

        network.Capture?.End();
        network.Capture = null;
        lock (_gate)
        {
            _interfaces.Remove(network);
        }

        Announce();
    }

    /// <summary>
    /// Makes a connection, or, where the back end comes and goes too fast or keeps the pages of earlier ones, later: what a connection
    /// costs, and what a domain can keep of the guest's memory and grants, is bounded.
    /// </summary>
    private async ValueTask ConnectInTimeAsync(NetworkInterface network, CancellationToken cancellationToken)
    {
        // A second connection may be held too before anybody can see that it is; and a domain may serve several interfaces.
        const int ConnectionsOfDomain = 4;
        TimeSpan pause = network.Pace.Pause;
        if (pause == TimeSpan.Zero)
        {
            (int ofDevice, int ofDomain) = _held.Count(network.Device.Node, (ushort)network.Device.OtherEndId);
            network.Pace.Attempt();
            if (ofDevice < _options.PagesPerConnection && ofDomain < ConnectionsOfDomain * _options.PagesPerConnection)
            {
                await ConnectAsync(network, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                return;
            }

            pause = network.Pace.Pause > ReconnectPace.Shortest ? network.Pace.Pause : ReconnectPace.Shortest;
            network.Report("is not connected yet: " + string.Create(
                CultureInfo.InvariantCulture,
                $"domain {network.Device.OtherEndId} keeps {ofDevice} pages of earlier connections mapped, {ofDomain} of all interfaces"));
        }

        if (!network.WaitsToConnect)
        {
            network.WaitsToConnect = true;
            _ = ConnectLaterAsync(network, pause);
        }
    }

    private async Task ConnectLaterAsync(NetworkInterface network, TimeSpan pause)
    {
        XenDevice device = network.Device;
        try
        {
            do
            {
                await Task.Delay(pause, _options.TimeProvider, network.Removal).ConfigureAwait(EventLoop.IsCurrent);
                pause = ReconnectPace.Shortest;
            }
            while (network.IsSuspended);

            await network.Transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
            try
            {
                network.Removal.ThrowIfCancellationRequested();
                network.WaitsToConnect = false;
                if (device.OtherEndState == XenBusState.InitWait && device.State is XenBusState.Initialising or XenBusState.Closed
                    && !network.HasFailed && network.Connection is null)
                {
                    await ConnectInTimeAsync(network, network.Removal).ConfigureAwait(EventLoop.IsCurrent);
                }
            }
            finally
            {
                network.Transition.Release();
            }
        }
        catch (OperationCanceledException) when (network.Removal.IsCancellationRequested)
        {
        }
    }

    /// <summary>Makes a connection and tells the back end of it, in one transaction.</summary>
    private async ValueTask ConnectAsync(NetworkInterface network, CancellationToken cancellationToken)
    {
        XenDevice device = network.Device;
        NetworkConnection? connection = null;
        try
        {
            await network.DisconnectAsync(NetworkState.Connecting).ConfigureAwait(EventLoop.IsCurrent);
            BackEndFeatures features = await BackEndFeatures.ReadAsync(device.Bus.Store, device.OtherEndPath, cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);
            if (!features.CopiesReceived)
            {
                await network.RefuseAsync("the back end has no feature-rx-copy, and exchanging pages is not supported", null)
                    .ConfigureAwait(EventLoop.IsCurrent);
                return;
            }

            bool filters = _options.FiltersMulticast && features.FiltersMulticast;
            connection = new NetworkConnection(network, _channels, _pages, (ushort)device.OtherEndId, features, _options, _pool, _held)
            {
                FiltersMulticast = filters,
            };
            await ReadMtuAsync(network, features.Mtu, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            if (!await TellAsync(device, connection, cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
            {
                // Its end has been noticed, or will be.
                await connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
                return;
            }

            network.Report(Describe(network, connection));
            network.Use(connection);
            connection = null;
            if (device.State == XenBusState.Closed)
            {
                await device.SetStateAsync(XenBusState.Initialising, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            await device.SetStateAsync(XenBusState.Connected, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception error) when (error is XenStoreException or XenException or OutOfMemoryException)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
            }

            await network.DisconnectAsync(NetworkState.Closed).ConfigureAwait(EventLoop.IsCurrent);
            await network.RefuseAsync("cannot be connected", error).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>
    /// Writes what the back end needs to know; false when the device has left the store meanwhile: writing would make its directory anew.
    /// </summary>
    private async ValueTask<bool> TellAsync(XenDevice device, NetworkConnection connection, CancellationToken cancellationToken)
    {
        int blank = _options.TakesBlankChecksums ? 1 : 0;
        int large = _options.TakesLargeSegments ? blank : 0;
        (string Name, long Value)[] nodes =
        [
            .. connection.Nodes, ("request-rx-copy",
                1), ("feature-rx-notify", 1), ("feature-sg", 1), ("feature-gso-tcpv4", large), ("feature-gso-tcpv6", large),
            ("feature-no-csum-offload",
                1 - blank), ("feature-ipv6-csum-offload", blank), ("request-multicast-control", connection.FiltersMulticast ? 1 : 0),
        ];

        // A connection before this one may have had the other kind of channels.
        string[] others = connection.Nodes.Any(node => node.Name == "event-channel")
            ? ["event-channel-tx", "event-channel-rx"]
            : ["event-channel"];
        return await device.Bus.Store.TransactAsync(
            async (transaction, token) =>
            {
                if (!await transaction.ExistsAsync(device.Node + "/state", token).ConfigureAwait(EventLoop.IsCurrent))
                {
                    return false;
                }

                foreach (string name in others)
                {
                    await transaction.TryRemoveAsync($"{device.Node}/{name}", token).ConfigureAwait(EventLoop.IsCurrent);
                }

                foreach ((string name, long value) in nodes)
                {
                    await transaction.WriteAsync($"{device.Node}/{name}", value, token).ConfigureAwait(EventLoop.IsCurrent);
                }

                return true;
            },
            cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    private static string Describe(NetworkInterface network, NetworkConnection connection)
    {
        BackEndFeatures features = connection.Features;
        string queues = features.Queues > 1
            ? string.Create(CultureInfo.InvariantCulture, $", one queue of the {features.Queues} offered since there is one processor")
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{network.Address}, MTU {network.Mtu}, back end does {features.Offloads}"
                + $"{(connection.FiltersMulticast ? ", filters multicast" : "")}{queues}");
    }

    /// <summary>Reads what the tool stack says of the network: in this end's directory, else what it said to the back end.</summary>
    private static async ValueTask ReadMtuAsync(NetworkInterface network, int? other, CancellationToken cancellationToken)
    {
        // RFC 791 has every link carry 68 bytes; a frame's size stands in 16 bits.
        const int Least = 68;
        const int Most = NetProtocol.MaximumFrameSize - NetProtocol.HeaderSize;
        int? mtu;
        try
        {
            mtu = await network.Device.Bus.Store.TryReadInt32Async(network.Device.Node + "/mtu", cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent) ?? other;
        }
        catch (XenStoreException error) when (error.Error == XenStoreError.BadValue)
        {
            mtu = -1;
        }

        if (mtu is < Least or > Most)
        {
            network.Report("its MTU is out of range and taken for 1500");
            mtu = null;
        }

        network.Mtu = mtu ?? 1500;
    }

    /// <inheritdoc/>
    public string ReportName => "network interfaces";

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

    private void Announce()
    {
        lock (_gate)
        {
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
