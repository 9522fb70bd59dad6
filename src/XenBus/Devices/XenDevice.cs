using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenBus.Base;
using Xenlet.XenBus.Devices;
using Xenlet.XenBus.Enumeration;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus;

/// <summary>
/// Our end of a split device, as the store describes it: its place, its state, and the other end. The bus owns it; a driver reads it, and
/// sets its state.
/// </summary>
public sealed partial class XenDevice : IKnownDevice
{
    private readonly AsyncLock _stateLock = new();
    private int _stateUsers;
    private int _stateUses;
    private bool _isCheckPending;
    private bool _isStateDoubtful;
    private long _stateSince;
    private long _spuriousEvents;
    private long _nextSpuriousReport;
    private volatile XenBusState _state = XenBusState.Initialising;
    private volatile XenBusState _otherEndState;

    internal XenDevice(DeviceBus bus, string type, string id, string node, OtherEnd otherEnd)
    {
        Bus = bus;
        Type = type;
        Id = id;
        Node = node;
        Arrived = _stateSince = Time.GetTimestamp();
        _otherEndWatch = new(Store, Time, otherEnd, PostOtherEnd, PostRetry, text => bus.Report(this, $"{Name}: {text}"));
        _queue = new(bus.Options.Stepped, bus.Loop, error => bus.Report(this, $"{Name}: {error}"));
    }

    /// <summary>The bus it is on.</summary>
    public DeviceBus Bus { get; }

    /// <summary>The kind of device, such as <c>vbd</c> or <c>vif</c>.</summary>
    public string Type { get; }

    /// <summary>
    /// Its id within the type: on the front bus a name, on the back bus the front end's domain and a name (<c>3/51712</c>).
    /// </summary>
    public string Id { get; }

    /// <summary>Its directory in the store, relative to our domain's: <c>device/vbd/51712</c>.</summary>
    public string Node { get; }

    /// <summary>Type and id, such as <c>vbd/51712</c>; messages use it.</summary>
    public string Name => $"{Type}/{Id}";

    /// <summary>
    /// The domain of the other end: smaller than 0x7FF0, the first of Xen's reserved numbers. A resume may change it.
    /// </summary>
    public uint OtherEndId => OtherEnd.Domain;

    /// <summary>The other end's directory in the store, an absolute path. A resume may change it.</summary>
    public string OtherEndPath => OtherEnd.Path;

    /// <summary>This end's state as it was last written or read.</summary>
    public XenBusState State => _state;

    /// <summary>The other end's state as the driver last got it; <see cref="XenBusState.Unknown"/> until then.</summary>
    public XenBusState OtherEndState => _otherEndState;

    /// <summary>The five variables that FreeBSD publishes of each device by sysctl, under its names, as they are now.</summary>
    public IReadOnlyDictionary<string, string> Variables => new Dictionary<string, string>
    {
        ["xenstore_path"] = Node,
        ["xenbus_dev_type"] = Type,
        ["xenbus_connection_state"] = State.ToString(),
        ["xenbus_peer_domid"] = OtherEndId.ToString(CultureInfo.InvariantCulture),
        ["xenstore_peer_path"] = OtherEndPath,
    };

    /// <summary>Spurious events, as its driver has reported them: <see cref="ReportSpuriousEvent"/>.</summary>
    public long SpuriousEvents => Interlocked.Read(ref _spuriousEvents);

    /// <summary>When it was found, by the bus's clock.</summary>
    internal long Arrived { get; }

    /// <summary>The other end's domain and path.</summary>
    internal OtherEnd OtherEnd => _otherEndWatch.OtherEnd;

    OtherEnd IKnownDevice.OtherEnd => OtherEnd;

    private XenStoreClient Store => Bus.Store;

    private TimeProvider Time => Bus.Options.TimeProvider;

    /// <summary>
    /// Sets this end's state, in the store as well. A state that is set already costs no request. <see langword="false"/> when this device
    /// does not exist any more: its node has vanished, which this does not create again, or the tool stack has set it up anew. While the
    /// domain ends, only Closing and Closed can be set (<see cref="FrontBus.ShutdownAsync"/>); other states give <see langword="false"/>
    /// too.
    /// </summary>
    /// <exception cref="XenStoreException">
    /// The state could not be written. The device's error node has the error, and the state is Closing if that could be written. Where the
    /// error is temporary (<see cref="XenStoreException.IsTemporary"/>) neither is done: a driver does not catch it, and is called again.
    /// Where the node holds no number (<see cref="XenStoreError.BadValue"/>) nothing was written.
    /// </exception>
    public async ValueTask<bool> SetStateAsync(XenBusState state, CancellationToken cancellationToken = default)
    {
        if ((uint)state > (uint)XenBusState.Reconfigured)
        {
            throw new ArgumentOutOfRangeException(nameof(state), state, "There is no such state.");
        }

        using StateHolder held = await EnterStateAsync().ConfigureAwait(EventLoop.IsCurrent);
        if (Phase is XenDevicePhase.Departing or XenDevicePhase.Gone
            || (_isShutDown && state is not (XenBusState.Closing or XenBusState.Closed)))
        {
            return false;
        }

        if (_state == state)
        {
            return true;
        }

        try
        {
            return await WriteStateAsync(state, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException error) when (error.IsTemporary)
        {
            // It may have been written or not.
            _isStateDoubtful = true;
            throw;
        }
        catch (XenStoreException error) when (error.Error != XenStoreError.BadValue && state != XenBusState.Closing)
        {
            await WriteErrorAsync("writing new state", error).ConfigureAwait(EventLoop.IsCurrent);
            await TryWriteStateAsync(XenBusState.Closing).ConfigureAwait(EventLoop.IsCurrent);
            throw;
        }
    }

    /// <summary>Adds a message about the device to the bus's events, such as what a driver has agreed on with the other end.</summary>
    public void Report(string message) => Bus.Report(this, $"{Name}: {message}");

    /// <summary>
    /// A driver reports that an event of one of the device's channels was spurious. The more of them come in a row, the longer the channel
    /// is silent (<see cref="IEventChannel.ReportSpurious"/>). They are counted; when they come in a row the bus's events name the device,
    /// and again whenever the count is ten times as high.
    /// </summary>
    public void ReportSpuriousEvent(IEventChannel channel)
    {
        ArgumentNullException.ThrowIfNull(channel);
        long count = Interlocked.Increment(ref _spuriousEvents);
        if (!channel.ReportSpurious())
        {
            return;
        }

        long due = Interlocked.Read(ref _nextSpuriousReport);
        if (count >= due && Interlocked.CompareExchange(ref _nextSpuriousReport, count * 10, due) == due)
        {
            Report(string.Create(
                CultureInfo.InvariantCulture,
                $"domain {OtherEndId} signals without cause: {count} events brought nothing, and are answered late"));
        }
    }

    /// <summary>Reports an error to the administrator: in the node <c>error/NODE/error</c>, and in the bus's events.</summary>
    public ValueTask ReportErrorAsync(string message, Exception? error = null) => WriteErrorAsync(message, error);

    /// <summary>Reports an error that ends the connection, and tries to set the state to Closing.</summary>
    public async ValueTask ReportFatalErrorAsync(string message, Exception? error = null)
    {
        await WriteErrorAsync(message, error).ConfigureAwait(EventLoop.IsCurrent);
        using StateHolder held = await EnterStateAsync().ConfigureAwait(EventLoop.IsCurrent);
        if (Phase is not (XenDevicePhase.Departing or XenDevicePhase.Gone) && _state != XenBusState.Closing)
        {
            await TryWriteStateAsync(XenBusState.Closing).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Node}: {State}";

    /// <summary>
    /// Reads this end's state from the store, and compares it with the state known here. Where somebody is writing it, such as a driver
    /// whose request is stalled, this does not wait: the bus checks again afterwards.
    /// </summary>
    async ValueTask<NodeCheck> IKnownDevice.CheckNodeAsync()
    {
        while (true)
        {
            int uses;
            lock (_lock)
            {
                if (_stateUsers > 0)
                {
                    _isCheckPending = true;
                    return NodeCheck.BeingWritten;
                }

                uses = _stateUses;
            }

            if (await Store.TryReadAsync(Node + "/state").ConfigureAwait(EventLoop.IsCurrent) is not { } value)
            {
                return NodeCheck.Gone;
            }

            XenBusState state = XenBusStates.Parse(value);
            lock (_lock)
            {
                if (_stateUsers > 0 || _stateUses != uses)
                {
                    // It has been written since, so that the value that was read may be the older one.
                    continue;
                }

                if (state == XenBusState.Initialising && _state != XenBusState.Initialising)
                {
                    return NodeCheck.SetUpAnew;
                }

                _isStateDoubtful = false;
                Remember(state);
            }

            return NodeCheck.Present;
        }
    }

    /// <summary>Reads this end's state if a write of it was not answered.</summary>
    private async ValueTask ResolveStateAsync()
    {
        if (!_isStateDoubtful)
        {
            return;
        }

        using StateHolder held = await EnterStateAsync().ConfigureAwait(EventLoop.IsCurrent);
        if (await Store.TryReadAsync(Node + "/state").ConfigureAwait(EventLoop.IsCurrent) is { } value
            && XenBusStates.Parse(value) is var state
            && (state != XenBusState.Initialising || _state == XenBusState.Initialising))
        {
            Remember(state);
        }

        // That another device is in its place, or none, is found by the bus.
        _isStateDoubtful = false;
    }

    /// <summary>Waits until nobody else writes the state, or reads it to write it. The caller disposes of the result afterwards.</summary>
    private async ValueTask<StateHolder> EnterStateAsync()
    {
        lock (_lock)
        {
            _stateUsers++;
        }

        return new(this, await _stateLock.EnterAsync().ConfigureAwait(EventLoop.IsCurrent));
    }

    private void LeaveState()
    {
        bool isCheckDue;
        lock (_lock)
        {
            _stateUsers--;
            _stateUses++;
            isCheckDue = _stateUsers == 0 && _isCheckPending;
            _isCheckPending &= !isCheckDue;
        }

        if (isCheckDue)
        {
            Bus.ExamineState(this);
        }
    }

    private readonly struct StateHolder(XenDevice device, AsyncLock.Holder held) : IDisposable
    {
        public void Dispose()
        {
            held.Dispose();
            device.LeaveState();
        }
    }

    /// <summary>Writes a state; the state lock is held.</summary>
    private async ValueTask<bool> WriteStateAsync(XenBusState state, CancellationToken cancellationToken)
    {
        bool written = await Store.TransactAsync(
            async (transaction, token) =>
            {
                // Read in the same transaction, so that the node cannot vanish, or become another device's, in between.
                int? found = await transaction.TryReadInt32Async(Node + "/state", token).ConfigureAwait(EventLoop.IsCurrent);
                if (found is null || ((XenBusState)found == XenBusState.Initialising && _state != XenBusState.Initialising))
                {
                    return false;
                }

                await transaction.WriteAsync(Node + "/state", (long)state, token).ConfigureAwait(EventLoop.IsCurrent);
                return true;
            },
            cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        if (written)
        {
            Remember(state);
        }

        return written;
    }

    /// <summary>
    /// Writes a state where nothing can be done about a failure, which is reported; <see langword="false"/> when xenstored refused it. A
    /// device that does not exist any more is no failure.
    /// </summary>
    private async ValueTask<bool> TryWriteStateAsync(XenBusState state)
    {
        try
        {
            if (_state != state)
            {
                await WriteStateAsync(state, CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
            }

            return true;
        }
        catch (XenStoreException error)
        {
            Bus.Report(this, $"{Name}: the state cannot be set to {state}: {error.Message}");
            return false;
        }
    }

    private void Remember(XenBusState state)
    {
        XenBusState before = _state;
        if (before == state)
        {
            return;
        }

        long now = Time.GetTimestamp();
        TimeSpan elapsed = Time.GetElapsedTime(_stateSince, now);
        _state = state;
        _stateSince = now;
        Bus.Emit(XenBusEventKind.StateChanged, this, string.Create(CultureInfo.InvariantCulture,
            $"{Name}: {before} -> {state} {elapsed.TotalMilliseconds:0.0} ms{(XenBusStates.IsUsual(before, state) ? "" : " (unusual)")}"));
        if (state is XenBusState.Connected or XenBusState.Closed)
        {
            Bus.Hold.Release(this);
        }
    }

    private async ValueTask WriteErrorAsync(string message, Exception? error)
    {
        // A node holds 2048 bytes with its name and permissions.
        const int Limit = 1000;
        string text = string.Create(
            CultureInfo.InvariantCulture, $"{ErrorNumber.Of(error)} {message}{(error is null ? "" : ": " + error.Message)}");
        text = text.Length <= Limit ? text : string.Concat(text.AsSpan(0, Limit - 3), "...");
        Bus.Report(this, $"{Name}: {text}");
        try
        {
            await Bus.Errors.WriteAsync(Node, System.Text.Encoding.ASCII.GetBytes(text)).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException failure)
        {
            Bus.Report(this, $"{Name}: the error cannot be written to the store: {failure.Message}");
        }
    }
}
