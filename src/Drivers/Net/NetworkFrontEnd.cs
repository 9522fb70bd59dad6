using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Net;

/// <summary>The front end of one interface: it connects the interface to its back end, as often as that comes and goes.</summary>
[SuppressMessage(
    "Reliability",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "The semaphore has no wait handle.")]
internal sealed class NetworkFrontEnd : DeviceSession
{
    // How long the end of the domain waits for the back end to take the last frames: a network may lose some at any time, and the device
    // has to be closed in the same time.
    private static readonly TimeSpan LastFramesLimit = TimeSpan.FromSeconds(1);

    private readonly NetworkDriver _driver;
    private readonly XenDevice _device;

    // Serialises what connects and disconnects. It is entered without a token: with one, the waiter would need the pool to go on.
    private readonly SemaphoreSlim _transition = new(1);

    // Both are guarded by _transition.
    private readonly ReconnectPace _pace;
    private bool _isWaitingToConnect;

    public NetworkFrontEnd(NetworkDriver driver, XenDevice device, MacAddress address)
    {
        _driver = driver;
        _device = device;
        _pace = new ReconnectPace(driver.Options.TimeProvider);
        Network = new(device, address, driver.Options, driver.Frames) { Changed = driver.Announce };
    }

    /// <summary>What the program sees of the device.</summary>
    public NetworkInterface Network { get; }

    /// <summary>Whether a connection waits for its time.</summary>
    public bool IsWaitingToConnect => _isWaitingToConnect;

    private XenStoreClient Store => _device.Bus.Store;

    private NetworkOptions Options => _driver.Options;

    public override string Describe() =>
        $"{Network}, MTU {Network.Mtu.ToString(CultureInfo.InvariantCulture)}, {Network.Statistics}";

    public override async ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken)
    {
        await _transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            switch (state)
            {
                case XenBusState.InitWait when _device.State is XenBusState.Initialising or XenBusState.Closed && !Network.HasFailed:
                    await ConnectInTimeAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                    break;
                case XenBusState.Connected when Network.Connection is not null:
                    Network.Change(NetworkState.Up);
                    break;
                case XenBusState.Closing or XenBusState.Closed:
                    // A back end goes to Closing, Closed, Closing and Closed again; the answer is the same each time.
                    await Network.DisconnectAsync(NetworkState.Closed).ConfigureAwait(EventLoop.IsCurrent);
                    await _device.SetStateAsync(XenBusState.Closed, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
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
            await ReadMtuAsync(Network.Connection?.Features.Mtu, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    public override ValueTask<bool> SuspendAsync(CancellationToken cancellationToken)
    {
        Network.Suspend();
        return new(true);
    }

    public override async ValueTask<bool> ResumeAsync(CancellationToken cancellationToken)
    {
        await _transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            // Frames that the old back end had taken and not sent yet are lost, as on any network.
            await Network.DisconnectAsync(NetworkState.Connecting).ConfigureAwait(EventLoop.IsCurrent);
            Network.ForgetFailure();
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
        Network.GoOn();
        return default;
    }

    public override async ValueTask ShutdownAsync(CancellationToken cancellationToken)
    {
        // Frames that are sent from here on wait, and no connection is made any more.
        Network.Suspend();
        Network.Flush();
        TimeProvider clock = Options.TimeProvider;
        long began = clock.GetTimestamp();
        while (Network.Connection is { HasFramesUnderWay: true } && clock.GetElapsedTime(began) < LastFramesLimit)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), clock, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    public override async ValueTask<bool> DetachAsync()
    {
        await EndAsync().ConfigureAwait(EventLoop.IsCurrent);
        return true;
    }

    /// <summary>Ends the interface.</summary>
    public async ValueTask EndAsync()
    {
        Network.CancelWaits();
        await _transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            await Network.DisconnectAsync(NetworkState.Gone).ConfigureAwait(EventLoop.IsCurrent);
        }
        finally
        {
            _transition.Release();
        }

        Network.Capture?.End();
        Network.Capture = null;
        _driver.OnDetached(this);
    }

    /// <summary>Reads the MTU that the tool stack wrote: to this end's directory, else the one that it wrote to the back end's.</summary>
    public async ValueTask ReadMtuAsync(int? ofBackEnd, CancellationToken cancellationToken)
    {
        // RFC 791 requires every link to carry 68 bytes; the protocol has 16 bits for a frame's size.
        const int Least = 68;
        const int Most = NetProtocol.MaximumFrameSize - NetProtocol.HeaderSize;
        int? mtu;
        try
        {
            mtu = await Store.TryReadInt32Async(_device.Node + "/mtu", cancellationToken).ConfigureAwait(EventLoop.IsCurrent) ?? ofBackEnd;
        }
        catch (XenStoreException error) when (error.Error == XenStoreError.BadValue)
        {
            mtu = -1;
        }

        if (mtu is < Least or > Most)
        {
            Network.Report("its MTU is out of range and taken for 1500");
            mtu = null;
        }

        Network.Mtu = mtu ?? 1500;
    }

    /// <summary>
    /// Makes a connection. Where the back end comes and goes too fast, or keeps pages of earlier connections mapped, it does so later:
    /// this bounds what connections cost, and how much of the guest's memory and grants a domain can keep.
    /// </summary>
    private async ValueTask ConnectInTimeAsync(CancellationToken cancellationToken)
    {
        // A domain may serve several interfaces, and may keep a second connection's pages before anybody can see that it does.
        const int ConnectionsOfDomain = 4;
        TimeSpan pause = _pace.Pause;
        if (pause == TimeSpan.Zero)
        {
            (int ofDevice, int ofDomain) = _driver.Held.Count(_device.Node, (ushort)_device.OtherEndId);
            _pace.Attempt();
            if (ofDevice < Options.PagesPerConnection && ofDomain < ConnectionsOfDomain * Options.PagesPerConnection)
            {
                await ConnectAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                return;
            }

            pause = _pace.Pause > ReconnectPace.Shortest ? _pace.Pause : ReconnectPace.Shortest;
            Network.Report("is not connected yet: " + string.Create(
                CultureInfo.InvariantCulture,
                $"domain {_device.OtherEndId} keeps {ofDevice} pages of earlier connections mapped, {ofDomain} of all interfaces"));
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
                await Task.Delay(pause, Options.TimeProvider, Network.Removal).ConfigureAwait(EventLoop.IsCurrent);
                pause = ReconnectPace.Shortest;
            }
            while (Network.IsSuspended);

            await _transition.WaitAsync(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
            try
            {
                Network.Removal.ThrowIfCancellationRequested();
                _isWaitingToConnect = false;
                if (_device.OtherEndState == XenBusState.InitWait && _device.State is XenBusState.Initialising or XenBusState.Closed
                    && !Network.HasFailed && Network.Connection is null)
                {
                    await ConnectInTimeAsync(Network.Removal).ConfigureAwait(EventLoop.IsCurrent);
                }
            }
            finally
            {
                _transition.Release();
            }
        }
        catch (OperationCanceledException) when (Network.Removal.IsCancellationRequested)
        {
        }
    }

    /// <summary>Makes a connection, and publishes in xenstore where it is.</summary>
    private async ValueTask ConnectAsync(CancellationToken cancellationToken)
    {
        NetworkConnection? connection = null;
        try
        {
            await Network.DisconnectAsync(NetworkState.Connecting).ConfigureAwait(EventLoop.IsCurrent);
            BackEndFeatures features = await BackEndFeatures.ReadAsync(Store, _device.OtherEndPath, cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);
            if (!features.CopiesReceived)
            {
                await Network.RefuseAsync("the back end has no feature-rx-copy, and exchanging pages is not supported", null)
                    .ConfigureAwait(EventLoop.IsCurrent);
                return;
            }

            connection = new NetworkConnection(
                Network, _driver.Channels, _driver.Pages, (ushort)_device.OtherEndId, features, Options, _driver.Frames, _driver.Held)
            {
                FiltersMulticast = Options.FiltersMulticast && features.FiltersMulticast,
            };
            await ReadMtuAsync(features.Mtu, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            if (!await PublishAsync(connection, cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
            {
                // The bus has seen, or will see, that the device has left.
                await connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
                return;
            }

            Network.Report(Describe(connection));
            Network.Use(connection);
            connection = null;
            if (_device.State == XenBusState.Closed)
            {
                await _device.SetStateAsync(XenBusState.Initialising, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            await _device.SetStateAsync(XenBusState.Connected, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception error) when (error is XenStoreException or XenException or OutOfMemoryException)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
            }

            await Network.DisconnectAsync(NetworkState.Closed).ConfigureAwait(EventLoop.IsCurrent);
            await Network.RefuseAsync("cannot be connected", error).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>
    /// Writes what the back end has to know; false when the device has left the store meanwhile, since a write would make its directory
    /// anew.
    /// </summary>
    private async ValueTask<bool> PublishAsync(NetworkConnection connection, CancellationToken cancellationToken)
    {
        int blank = Options.TakesBlankChecksums ? 1 : 0;
        int large = Options.TakesLargeSegments ? blank : 0;
        (string Name, long Value)[] nodes =
        [
            .. connection.Nodes,
            ("request-rx-copy", 1),
            ("feature-rx-notify", 1),
            ("feature-sg", 1),
            ("feature-gso-tcpv4", large),
            ("feature-gso-tcpv6", large),
            ("feature-no-csum-offload", 1 - blank),
            ("feature-ipv6-csum-offload", blank),
            ("request-multicast-control", connection.FiltersMulticast ? 1 : 0),
        ];

        // An earlier connection may have had the other kind of channels.
        string[] others = connection.Nodes.Any(node => node.Name == "event-channel")
            ? ["event-channel-tx", "event-channel-rx"]
            : ["event-channel"];
        return await Store.TransactAsync(
            async (transaction, token) =>
            {
                if (!await transaction.ExistsAsync(_device.Node + "/state", token).ConfigureAwait(EventLoop.IsCurrent))
                {
                    return false;
                }

                foreach (string name in others)
                {
                    await transaction.TryRemoveAsync($"{_device.Node}/{name}", token).ConfigureAwait(EventLoop.IsCurrent);
                }

                foreach ((string name, long value) in nodes)
                {
                    await transaction.WriteAsync($"{_device.Node}/{name}", value, token).ConfigureAwait(EventLoop.IsCurrent);
                }

                return true;
            },
            cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    private string Describe(NetworkConnection connection)
    {
        BackEndFeatures features = connection.Features;
        string queues = features.Queues > 1
            ? string.Create(CultureInfo.InvariantCulture, $", one queue of the {features.Queues} offered since there is one processor")
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Network.Address}, MTU {Network.Mtu}, back end does {features.Offloads}"
                + $"{(connection.FiltersMulticast ? ", filters multicast" : "")}{queues}");
    }
}
