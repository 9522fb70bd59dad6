using Xenlet.Drivers.FrontEnds;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.BackEnds;

/// <summary>
/// The back end of one device: the part that all kinds of devices have in common, which is the order in which the two ends and the tool
/// stack come together and part. A derived class opens what it serves, connects, and disconnects.
/// </summary>
/// <remarks>
/// <para>The calls of a derived class come one after another. What throws in them ends the connection, never the device: the error is
/// written to the device's error node, the state becomes Closed, and a front end that starts again may connect again.</para>
/// <para>While a front end is connected, a suspend of this domain is refused: nobody could serve the front end meanwhile.</para>
/// </remarks>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Reliability", "CA1001:Types that own disposable fields should be disposable",
    Justification = "A semaphore without a wait handle has nothing to dispose of.")]
public abstract class BackEnd : DeviceSession
{
    private readonly BackEndDriver _driver;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly ReconnectPace _pace;
    private IReadOnlyList<BackEndNode>? _connected;
    private bool _isOpen;
    private bool _isDetached;

    /// <summary>Creates the back end of a device, for <see cref="BackEndDriver.Create"/>.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="xenDevice">The device.</param>
    protected BackEnd(BackEndDriver driver, XenDevice xenDevice)
    {
        ArgumentNullException.ThrowIfNull(driver);
        ArgumentNullException.ThrowIfNull(xenDevice);
        _driver = driver;
        XenDevice = xenDevice;
        _pace = new ReconnectPace(xenDevice.Bus.TimeProvider);
    }

    /// <summary>The device on the bus.</summary>
    public XenDevice XenDevice { get; }

    /// <summary>Whether the front end is served.</summary>
    public bool IsConnected => _connected is not null;

    /// <inheritdoc/>
    public sealed override bool CanServeAgain => _isOpen;

    /// <summary>The front end's domain.</summary>
    protected ushort Domain => (ushort)XenDevice.OtherEndId;

    /// <summary>The store that holds both ends.</summary>
    protected XenStoreClient Store => XenDevice.Bus.Store;

    /// <summary>The names of the front end's nodes that <see cref="ConnectAsync"/> needs.</summary>
    protected abstract IReadOnlyList<string> OfferedNodes { get; }

    /// <inheritdoc/>
    public abstract override string Describe();

    /// <inheritdoc/>
    public override async ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken)
    {
        using Turn turn = await TakeTurnAsync().ConfigureAwait(EventLoop.IsCurrent);
        switch (state)
        {
            case XenBusState.Initialised or XenBusState.Connected
                when XenDevice.State is XenBusState.InitWait or XenBusState.Initialised:
                await TryConnectAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                break;
            case XenBusState.Connected when IsConnected && XenDevice.State == XenBusState.Connected:
                await PublishChangesAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                break;
            case XenBusState.Closing when IsConnected:
                // The front end may still have requests under way: it is served until it is Closed.
                await XenDevice.SetStateAsync(XenBusState.Closing, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                break;
            case XenBusState.Closed:
            case XenBusState.Initialising or XenBusState.InitWait when IsConnected:
                // Also a front end that starts again without having closed, after a crash.
                await EndAsync().ConfigureAwait(EventLoop.IsCurrent);
                break;
        }
    }

    /// <summary>
    /// To have the device gone, the tool stack writes Closing into this end's state, which so has two writers, and 0 into <c>online</c>. A
    /// connected front end sees Closing and closes. Without one, nobody else would go on.
    /// </summary>
    public override async ValueTask LocalEndChangedAsync(string path, CancellationToken cancellationToken)
    {
        if (path is not ("" or "/state" or "/online"))
        {
            return;
        }

        using Turn turn = await TakeTurnAsync().ConfigureAwait(EventLoop.IsCurrent);
        int? state = await Store.TryReadInt32Async(XenDevice.Node + "/state", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        string? online = await Store.TryReadAsync(XenDevice.Node + "/online", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);

        // This end may have written Connected over the tool stack's Closing.
        if ((state == (int)XenBusState.Closing || online == "0") && state != (int)XenBusState.Closed)
        {
            XenBusState next = IsConnected ? XenBusState.Closing : XenBusState.Closed;
            await XenDevice.SetStateAsync(next, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <inheritdoc/>
    public sealed override async ValueTask<bool> SuspendAsync(CancellationToken cancellationToken)
    {
        if (!IsConnected)
        {
            return true;
        }

        await XenDevice.ReportErrorAsync($"this domain cannot be suspended while it serves domain {Domain}")
            .ConfigureAwait(EventLoop.IsCurrent);
        return false;
    }

    /// <summary>Ends the connection, and lets go of what is served.</summary>
    public sealed override async ValueTask<bool> DetachAsync()
    {
        using Turn turn = await TakeTurnAsync().ConfigureAwait(EventLoop.IsCurrent);
        _isDetached = true;
        try
        {
            await DropAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        finally
        {
            // The bus forgets the device, whatever a derived class throws here.
            _driver.Remove(this);
            await CloseOnceAsync().ConfigureAwait(EventLoop.IsCurrent);
        }

        return true;
    }

    /// <summary>
    /// Opens what is served, and finds the nodes that the front end reads before it connects. libxl gives the device 10 seconds until it is
    /// in InitWait.
    /// </summary>
    protected abstract ValueTask<IReadOnlyList<BackEndNode>> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Lets go of what <see cref="OpenAsync"/> opened. The default does nothing.</summary>
    protected virtual ValueTask CloseAsync() => default;

    /// <summary>
    /// Maps the rings, binds to the event channel, and starts to serve. Gives the nodes that the front end reads when it is Connected. If
    /// it throws, <see cref="DisconnectAsync"/> follows.
    /// </summary>
    /// <exception cref="InvalidDataException">The offer makes no sense.</exception>
    protected abstract ValueTask<IReadOnlyList<BackEndNode>> ConnectAsync(FrontEndOffer offer, CancellationToken cancellationToken);

    /// <summary>
    /// The nodes of a connected front end, as <see cref="ConnectAsync"/> gave them, or as they are by now. A class whose nodes change calls
    /// <see cref="XenBus.XenDevice.CallAgain"/> then: they are written, and Connected with them once more, at which a front end reads them.
    /// </summary>
    /// <param name="published">What is in the store.</param>
    protected virtual IReadOnlyList<BackEndNode> PresentNodes(IReadOnlyList<BackEndNode> published) => published;

    /// <summary>
    /// Ends the connection: stops events, completes what is under way, unmaps all pages and closes the event channel, in this order. There
    /// may be no connection, or only a part of one.
    /// </summary>
    protected abstract ValueTask DisconnectAsync();

    /// <summary>Ends the connection: the front end has broken the protocol, or something else has failed while it is served.</summary>
    protected async Task FailAsync(Exception error)
    {
        using Turn turn = await TakeTurnAsync().ConfigureAwait(EventLoop.IsCurrent);
        if (IsConnected)
        {
            await RefuseAsync("the connection has ended", error).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Completes an attach.</summary>
    internal async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            IReadOnlyList<BackEndNode> nodes = await OpenAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            _isOpen = true;

            // As a hot-plug script would: the tool stack, and netback's habits, wait for it.
            BackEndNode status = new("hotplug-status", "connected");
            if (await PublishAsync([.. nodes, status], cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
            {
                await XenDevice.SetStateAsync(XenBusState.InitWait, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        catch (Exception error) when (!IsForTheBus(error))
        {
            // Open, it would be offered to the next front end.
            await CloseOnceAsync().ConfigureAwait(EventLoop.IsCurrent);
            try
            {
                await PublishAsync([new("hotplug-error", error.Message), new("hotplug-status", "error")], cancellationToken)
                    .ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (XenStoreException more) when (!more.IsTemporary)
            {
                // There is no room for these nodes, which may be the error itself.
            }

            await RefuseAsync("it cannot be served", error).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>The bus repeats a call after a temporary error of xenstore, and after a cancellation nobody wants to know.</summary>
    private static bool IsForTheBus(Exception error) => error is OperationCanceledException or XenStoreException { IsTemporary: true };

    private async ValueTask TryConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!_isOpen)
            {
                return;
            }

            if (_connected is null)
            {
                if (_pace.Pause is { Ticks: > 0 } pause)
                {
                    XenDevice.CallAgain(pause);
                    return;
                }

                _pace.Attempt();
            }

            FrontEndOffer offer = await FrontEndOffer.ReadAsync(XenDevice, OfferedNodes, cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);

            // A repeated call may find the connection made.
            _connected ??= await ConnectAsync(offer, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            if (await PublishAsync(_connected, cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
            {
                await XenDevice.SetStateAsync(XenBusState.Connected, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        catch (Exception error) when (!IsForTheBus(error))
        {
            await RefuseAsync("the front end cannot be connected", error).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private async ValueTask PublishChangesAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<BackEndNode> nodes = PresentNodes(_connected!);
        if (nodes.SequenceEqual(_connected!))
        {
            return;
        }

        // Not over a Closing of the tool stack's, after which the size does not matter any more.
        BackEndNode state = new("state", (long)XenBusState.Connected);
        await PublishAsync([.. nodes, state], cancellationToken, state.Value).ConfigureAwait(EventLoop.IsCurrent);
        _connected = nodes;
    }

    private async ValueTask RefuseAsync(string what, Exception error)
    {
        await XenDevice.ReportErrorAsync(what, error).ConfigureAwait(EventLoop.IsCurrent);
        await DisconnectAsync().ConfigureAwait(EventLoop.IsCurrent);
        _connected = null;
        await XenDevice.SetStateAsync(XenBusState.Closed).ConfigureAwait(EventLoop.IsCurrent);
    }

    private async ValueTask EndAsync()
    {
        await DropAsync().ConfigureAwait(EventLoop.IsCurrent);
        await XenDevice.SetStateAsync(XenBusState.Closed).ConfigureAwait(EventLoop.IsCurrent);
    }

    private async ValueTask CloseOnceAsync()
    {
        if (_isOpen)
        {
            _isOpen = false;
            await CloseAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private async ValueTask DropAsync()
    {
        await DisconnectAsync().ConfigureAwait(EventLoop.IsCurrent);
        _connected = null;
    }

    /// <summary>Writes nodes in one transaction, unless the device has left the store or is in another state than expected.</summary>
    private ValueTask<bool> PublishAsync(
        IReadOnlyList<BackEndNode> nodes, CancellationToken cancellationToken, string? expectedState = null)
    {
        string home = XenDevice.Node;
        return Store.TransactAsync(
            async (transaction, token) =>
            {
                string? state = await transaction.TryReadAsync(home + "/state", token).ConfigureAwait(EventLoop.IsCurrent);
                if (_isDetached || state is null || (expectedState is not null && state != expectedState))
                {
                    return false;
                }

                await Task.WhenAll(nodes.Select(node => transaction.WriteAsync($"{home}/{node.Name}", node.Value, token).AsTask()))
                    .ConfigureAwait(EventLoop.IsCurrent);
                return true;
            },
            cancellationToken);
    }

    /// <summary>The bus's calls come one after another; a connection that fails does so at any time.</summary>
    private async ValueTask<Turn> TakeTurnAsync()
    {
        await EventLoop.OnLoop(_turn.WaitAsync()).ConfigureAwait(EventLoop.IsCurrent);
        return new Turn(_turn);
    }

    private readonly struct Turn(SemaphoreSlim turn) : IDisposable
    {
        public void Dispose() => turn.Release();
    }
}
