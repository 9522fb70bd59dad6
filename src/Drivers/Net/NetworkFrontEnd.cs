using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Xenlet.Drivers.FrontEnds;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Net;

/// <summary>The front end of one interface: it connects the interface to its back end, each time that the back end appears.</summary>
[SuppressMessage(
    "Reliability",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "The semaphore has no wait handle.")]
internal sealed class NetworkFrontEnd : FrontEnd<NetworkInterface>
{
    // How long the end of the domain waits for the back end to take the last frames. It is short: a network may lose frames at any time,
    // and closing the device needs a part of the same time limit.
    private static readonly TimeSpan LastFramesLimit = TimeSpan.FromSeconds(1);

    private readonly NetworkDriver _driver;

    // Serialises connecting and disconnecting. It is entered without a token: with one, the waiter would need the pool to continue.
    private readonly SemaphoreSlim _transition = new(1);

    // Both are guarded by _transition.
    private readonly ReconnectPace _pace;
    private bool _isWaitingToConnect;

    public NetworkFrontEnd(NetworkDriver driver, XenDevice device, MacAddress address)
        : base(driver, device)
    {
        _driver = driver;
        _pace = new ReconnectPace(driver.Options.TimeProvider);
        Device = new(device, address, driver.Options, driver.Frames) { Changed = OnReadyChanged };
    }

    public override NetworkInterface Device { get; }

    public override string Name => Device.Name;

    public override bool IsReady => Device.IsUp;

    /// <summary>Whether the next connection is delayed.</summary>
    public bool IsWaitingToConnect => _isWaitingToConnect;

    private NetworkOptions Options => _driver.Options;

    public override string Describe() =>
        $"{Device}, MTU {Device.Mtu.ToString(CultureInfo.InvariantCulture)}, {Device.Statistics}";

    public override string DescribeForReport() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Device}, MTU {Device.Mtu}, {Device.WaitingFrames} frames wait for the program, {Device.Statistics}");

    public override async ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken)
    {
        await _transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            switch (state)
            {
                case XenBusState.InitWait when XenDevice.State is XenBusState.Initialising or XenBusState.Closed && !Device.HasFailed:
                    await ConnectInTimeAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                    break;
                case XenBusState.Connected when Device.Connection is not null:
                    Device.Change(NetworkState.Up);
                    break;
                case XenBusState.Closing or XenBusState.Closed:
                    // A back end goes to Closing, Closed, Closing and Closed again; the answer is the same each time.
                    await Device.DisconnectAsync(NetworkState.Closed).ConfigureAwait(EventLoop.IsCurrent);
                    await XenDevice.SetStateAsync(XenBusState.Closed, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                    break;
            }
        }
        finally
        {
            _transition.Release();
        }
    }

    public override async ValueTask LocalEndChangedAsync(string path, CancellationToken cancellationToken)
    {
        if (path is "" or "/mtu")
        {
            await ReadMtuAsync(Device.Connection?.Features.Mtu, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    public override ValueTask<bool> SuspendAsync(CancellationToken cancellationToken)
    {
        Device.Suspend();
        return new(true);
    }

    public override async ValueTask<bool> ResumeAsync(CancellationToken cancellationToken)
    {
        await _transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            // Frames that the old back end had taken but not sent are lost, as on any network.
            await Device.DisconnectAsync(NetworkState.Connecting).ConfigureAwait(EventLoop.IsCurrent);
            Device.ForgetFailure();
            _pace.Reset();
        }
        finally
        {
            _transition.Release();
        }

        return true;
    }

    public override ValueTask SuspendCancelledAsync(CancellationToken cancellationToken)
    {
        Device.CancelSuspend();
        return default;
    }

    public override async ValueTask ShutdownAsync(CancellationToken cancellationToken)
    {
        // From here on senders wait, and no connection is made.
        Device.Suspend();
        Device.Flush();
        TimeProvider clock = Options.TimeProvider;
        long began = clock.GetTimestamp();
        while (Device.Connection is { HasFramesUnderWay: true } && clock.GetElapsedTime(began) < LastFramesLimit)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), clock, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    protected internal override ValueTask StartAsync(CancellationToken cancellationToken)
    {
        // Before the first connection, whose rings are driven by whoever uses the interface.
        Device.OfferLink(Options.LinkUser);
        Offer();
        return _driver.StartCaptureAsync(Device, Store, cancellationToken);
    }

    protected internal override async ValueTask EndAsync(string reason)
    {
        Device.CancelWaits();
        await _transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            await Device.DisconnectAsync(NetworkState.Gone).ConfigureAwait(EventLoop.IsCurrent);
        }
        finally
        {
            _transition.Release();
        }

        Device.Capture?.End();
        Device.Capture = null;
        Withdraw();
    }

    /// <summary>Reads the MTU that the tool stack wrote to this end's directory, or else to that of the back end.</summary>
    public async ValueTask ReadMtuAsync(int? ofBackEnd, CancellationToken cancellationToken)
    {
        // RFC 791 requires every link to carry 68 bytes; the protocol has 16 bits for the size of a frame.
        const int Least = 68;
        const int Most = NetProtocol.MaximumFrameSize - EthernetHeader.Size;
        int? mtu;
        try
        {
            mtu = await Store.TryReadInt32Async(XenDevice.Node + "/mtu", cancellationToken).ConfigureAwait(EventLoop.IsCurrent)
                ?? ofBackEnd;
        }
        catch (XenStoreException error) when (error.Error == XenStoreError.BadValue)
        {
            mtu = -1;
        }

        if (mtu is < Least or > Most)
        {
            Device.Report("its MTU is out of range and taken for 1500");
            mtu = null;
        }

        Device.Mtu = mtu ?? 1500;
    }

    /// <summary>
    /// Makes a connection. If the back end connects and disconnects too fast, or keeps pages of earlier connections mapped, it does so
    /// later: this limits the cost of connections, and how much of the guest's memory and grants another domain can keep.
    /// </summary>
    private async ValueTask ConnectInTimeAsync(CancellationToken cancellationToken)
    {
        // A domain may serve several interfaces, and may keep the pages of a second connection before that can be noticed.
        const int ConnectionsOfDomain = 4;
        TimeSpan pause = _pace.Pause;
        if (pause == TimeSpan.Zero)
        {
            (int ofDevice, int ofDomain) = _driver.Held.Count(XenDevice.Node, (ushort)XenDevice.OtherEndId);
            _pace.Attempt();
            if (ofDevice < Options.PagesPerConnection && ofDomain < ConnectionsOfDomain * Options.PagesPerConnection)
            {
                await ConnectAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                return;
            }

            pause = _pace.Pause > ReconnectPace.Shortest ? _pace.Pause : ReconnectPace.Shortest;
            Device.Report("is not connected yet: " + string.Create(
                CultureInfo.InvariantCulture,
                $"domain {XenDevice.OtherEndId} keeps {ofDevice} pages of earlier connections mapped, {ofDomain} of all interfaces"));
        }

        if (!_isWaitingToConnect)
        {
            _isWaitingToConnect = true;
            _ = ConnectLaterAsync(pause);
        }
    }

    private async Task ConnectLaterAsync(TimeSpan pause)
    {
        try
        {
            do
            {
                await Task.Delay(pause, Options.TimeProvider, Device.Removal).ConfigureAwait(EventLoop.IsCurrent);
                pause = ReconnectPace.Shortest;
            }
            while (Device.IsSuspended);

            await _transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
            try
            {
                Device.Removal.ThrowIfCancellationRequested();
                _isWaitingToConnect = false;
                if (XenDevice.OtherEndState == XenBusState.InitWait && XenDevice.State is XenBusState.Initialising or XenBusState.Closed
                    && !Device.HasFailed && Device.Connection is null)
                {
                    await ConnectInTimeAsync(Device.Removal).ConfigureAwait(EventLoop.IsCurrent);
                }
            }
            finally
            {
                _transition.Release();
            }
        }
        catch (OperationCanceledException) when (Device.Removal.IsCancellationRequested)
        {
        }
    }

    /// <summary>Makes a connection, and publishes it in xenstore.</summary>
    private async ValueTask ConnectAsync(CancellationToken cancellationToken)
    {
        NetworkConnection? connection = null;
        try
        {
            await Device.DisconnectAsync(NetworkState.Connecting).ConfigureAwait(EventLoop.IsCurrent);
            BackEndFeatures features = await BackEndFeatures.ReadAsync(Store, XenDevice.OtherEndPath, cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);
            if (!features.CopiesReceived)
            {
                await Device.RefuseAsync("the back end has no feature-rx-copy, and exchanging pages is not supported", null)
                    .ConfigureAwait(EventLoop.IsCurrent);
                return;
            }

            connection = new NetworkConnection(
                Device, Device.Counters, XenDevice, _driver.Channels, _driver.Pages, features, Options, _driver.Frames, _driver.Held,
                Device.Link)
            {
                FiltersMulticast = Options.FiltersMulticast && features.FiltersMulticast,
            };
            await ReadMtuAsync(features.Mtu, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            await ReadAddressesAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            if (!await PublishAsync(connection, cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
            {
                // The device was removed from the store, which the bus has noticed or will notice.
                await connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
                return;
            }

            Device.Report(Describe(connection));
            Device.Use(connection);
            connection = null;
            if (XenDevice.State == XenBusState.Closed)
            {
                await XenDevice.SetStateAsync(XenBusState.Initialising, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            await XenDevice.SetStateAsync(XenBusState.Connected, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception error) when (error is XenStoreException or XenException or OutOfMemoryException)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
            }

            await Device.DisconnectAsync(NetworkState.Closed).ConfigureAwait(EventLoop.IsCurrent);
            await Device.RefuseAsync("cannot be connected", error).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Reads <c>ip=</c> of the vif line, which libxl leaves in the back end's directory.</summary>
    private async ValueTask ReadAddressesAsync(CancellationToken cancellationToken)
    {
        string text = await Store.TryReadAsync(XenDevice.OtherEndPath + "/ip", cancellationToken).ConfigureAwait(EventLoop.IsCurrent) ?? "";
        Device.ToolStackAddresses = ToolStackAddresses.Parse(text, out string? refused);
        if (refused is not null)
        {
            Device.Report($"ip has {refused}");
        }
    }

    private ValueTask<bool> PublishAsync(NetworkConnection connection, CancellationToken cancellationToken)
    {
        int blank = Options.TakesBlankChecksums ? 1 : 0;
        int large = Options.TakesLargeSegments ? blank : 0;
        FrontEndNode[] nodes =
        [
            .. connection.Nodes,
            new("request-rx-copy", 1),
            new("feature-rx-notify", 1),
            new("feature-sg", 1),
            new("feature-gso-tcpv4", large),
            new("feature-gso-tcpv6", large),
            new("feature-no-csum-offload", 1 - blank),
            new("feature-ipv6-csum-offload", blank),
            new("request-multicast-control", connection.FiltersMulticast ? 1 : 0),
        ];

        // An earlier connection may have left the nodes of the other kind of channels.
        string[] others = connection.SplitsEventChannels ? ["event-channel"] : ["event-channel-tx", "event-channel-rx"];
        return PublishAsync(nodes, others, cancellationToken);
    }

    private string Describe(NetworkConnection connection)
    {
        BackEndFeatures features = connection.Features;
        string queues = features.Queues > 1
            ? string.Create(CultureInfo.InvariantCulture, $", one queue of the {features.Queues} offered since there is one processor")
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Device.Address}, MTU {Device.Mtu}, back end does {features.Offloads}"
                + $"{(connection.FiltersMulticast ? ", filters multicast" : "")}{queues}");
    }
}
