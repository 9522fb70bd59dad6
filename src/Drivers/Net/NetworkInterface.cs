using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Xenlet.Drivers.Net;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.XenBus;

namespace Xenlet.Drivers;

/// <summary>
/// A network interface (<c>vif</c>) of the domain. It sends and receives whole Ethernet frames, from the destination address on, without
/// the check sequence at their end.
/// </summary>
/// <remarks>
/// <para>
/// Frames are received whether or not their destination is <see cref="Address"/>; a reader that wants only those must check. Received
/// frames wait in a bounded queue, from which one reader at a time takes them. Any thread may send at any time.
/// </para>
/// <para>
/// The object stays the same over suspends, migrations and reconnections, which <see cref="StateChanged"/> announces.
/// </para>
/// </remarks>
[SuppressMessage(
    "Reliability",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "The semaphores have no wait handles; the driver ends the interface.")]
public sealed class NetworkInterface : INetworkSink
{
    private readonly FramePool _pool;
    private readonly FrameQueue _received;

    // Set when a waiting sender should try again.
    private readonly AsyncSignal _room = new();
    private readonly SemaphoreSlim _senders = new(1);
    private readonly Lock _lock = new();
    private readonly HashSet<MacAddress> _multicast = [];

    // Guards _multicast, and keeps the requests for an address in order. The end of a connection does not wait for it, since its holder may
    // wait for the back end.
    private readonly SemaphoreSlim _joins = new(1);
    private NetworkConnection? _connection;
    private FrameCapture? _capture;
    private NetworkLink? _link;
    private IReadOnlyList<AddressAssignment> _toolStackAddresses = [];
    private readonly CancellationTokenSource _removal = new();
    private volatile bool _isSuspended;
    private volatile NetworkState _state;

    internal NetworkInterface(XenDevice device, MacAddress address, NetworkOptions options, FramePool pool)
    {
        Device = device;
        Name = "vif" + device.Id;
        Address = address;
        _pool = pool;
        _received = new FrameQueue(options.ReceiveQueueFrames, options.ReceiveQueueBytes);
    }

    /// <summary>
    /// Raised when <see cref="State"/> has changed, and for each new connection. With the domain's services the handler runs on a
    /// thread of the pool. It must not block.
    /// </summary>
    public event EventHandler<NetworkStateEventArgs>? StateChanged;

    /// <summary>Its name, such as <c>vif0</c> for <c>device/vif/0</c>.</summary>
    public string Name { get; }

    /// <summary>The address that the tool stack assigned.</summary>
    public MacAddress Address { get; }

    /// <summary>
    /// The largest number of bytes after the Ethernet header of a frame on its network: 1500 unless the tool stack sets another.
    /// </summary>
    public int Mtu { get; internal set; } = 1500;

    /// <summary>The interface's state.</summary>
    public NetworkState State => _state;

    /// <summary>Whether both ends are connected. The protocol has no other link state.</summary>
    public bool IsUp => _state == NetworkState.Up;

    /// <summary>
    /// The offloads that the back end supports for sent frames. A reconnection may change them: work that the new back end cannot do is
    /// done here, or the frame is dropped and counted.
    /// </summary>
    public NetworkOffloads Offloads => Volatile.Read(ref _connection)?.Features.Offloads ?? NetworkOffloads.None;

    /// <summary>The length of the longest frame that can be sent, in bytes.</summary>
    public int MaximumFrameLength =>
        Volatile.Read(ref _connection)?.Features.TakesChains == false ? NetProtocol.PageSize : NetProtocol.MaximumFrameSize;

    /// <summary>The number of received frames that wait for the reader.</summary>
    public int WaitingFrames => _received.Count;

    /// <summary>Counts since the interface was plugged.</summary>
    public NetworkStatistics Statistics => Counters.Read();

    /// <summary>The addresses that the tool stack gives the interface; never changed, but replaced with each connection.</summary>
    internal IReadOnlyList<AddressAssignment> ToolStackAddresses
    {
        get => Volatile.Read(ref _toolStackAddresses);
        set => Volatile.Write(ref _toolStackAddresses, value);
    }

    internal XenDevice Device { get; }

    /// <summary>The event loop that serves the interface, or <see langword="null"/>.</summary>
    internal EventLoop? Loop => Device.Bus.Store.Loop;

    /// <summary>Called when <see cref="State"/> has changed, before <see cref="StateChanged"/> is raised.</summary>
    internal Action? Changed { get; init; }

    internal NetworkCounters Counters { get; } = new();

    /// <summary>Whether the domain is suspended or ends, so that nothing is sent.</summary>
    internal bool IsSuspended => _isSuspended;

    /// <summary>Cancelled when the interface is removed.</summary>
    internal CancellationToken Removal => _removal.Token;

    internal FrameCapture? Capture
    {
        get => Volatile.Read(ref _capture);
        set => Volatile.Write(ref _capture, value);
    }

    /// <summary>Whether the back end has broken the protocol; then only the tool stack can set up the interface again.</summary>
    internal bool HasFailed { get; private set; }

    internal NetworkConnection? Connection => Volatile.Read(ref _connection);

    /// <summary>The link of the stack that uses the interface; <see langword="null"/> where the program uses it.</summary>
    internal NetworkLink? Link => _link;

    /// <summary>Rents a frame of length 0, for sending. It allocates nothing once the pool has grown.</summary>
    /// <param name="capacity">The largest length that it needs, up to 65535 bytes.</param>
    public FrameBuffer RentFrame(int capacity = 1514)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, NetProtocol.MaximumFrameSize);
        return _pool.Rent(capacity);
    }

    /// <summary>Takes a received frame if there is one. The caller disposes of it.</summary>
    /// <exception cref="InvalidOperationException">A TCP/IP stack uses the interface.</exception>
    public bool TryReceive([NotNullWhen(true)] out FrameBuffer? frame)
    {
        ThrowIfLink();
        return _received.TryTake(out frame);
    }

    /// <summary>
    /// Waits for a frame. One reader at a time. The caller disposes of the frame. <see cref="TryReceive"/> takes further ones that came
    /// with it.
    /// </summary>
    /// <exception cref="NetworkInterfaceGoneException">The interface was removed, and all received frames are taken.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    /// <exception cref="InvalidOperationException">A TCP/IP stack uses the interface.</exception>
    public ValueTask<FrameBuffer> ReceiveAsync(CancellationToken cancellationToken = default) =>
        TryReceive(out FrameBuffer? frame) ? new(frame) : WaitForFrameAsync(cancellationToken);

    /// <summary>
    /// Sends a frame, and waits while the ring is full or the interface is connecting. It takes over the frame in every case.
    /// </summary>
    /// <remarks>
    /// On return the frame is in the ring or, if there is no connection, dropped and counted. Frames of a sender keep their order if it
    /// awaits each of them before the next.
    /// </remarks>
    /// <exception cref="ArgumentException">It is shorter than an Ethernet header or longer than 65535 bytes.</exception>
    /// <exception cref="NetworkInterfaceGoneException">The interface was taken away.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled; the frame is not sent.</exception>
    /// <exception cref="InvalidOperationException">A TCP/IP stack uses the interface.</exception>
    public ValueTask SendAsync(FrameBuffer frame, CancellationToken cancellationToken = default) =>
        SendAsync(frame, hasMore: false, cancellationToken);

    /// <summary>
    /// The same; with <paramref name="hasMore"/> the back end is not notified before another frame is sent without it, or
    /// <see cref="Flush"/>.
    /// </summary>
    public ValueTask SendAsync(FrameBuffer frame, bool hasMore, CancellationToken cancellationToken = default)
    {
        Check(frame);
        SendResult result = Attempt(OutgoingFrame.Of(frame), hasMore);
        if (result == SendResult.Full)
        {
            return WaitAndSendAsync(frame, hasMore, cancellationToken);
        }

        frame.Dispose();
        return Count(result) ? default : ValueTask.FromException(Gone());
    }

    /// <summary>Sends a frame, or drops and counts it if there is no room now. It takes over the frame in every case.</summary>
    /// <param name="frame">What to send.</param>
    /// <param name="hasMore">Do not notify the back end before a frame is sent without this, or <see cref="Flush"/>.</param>
    /// <returns>Whether it is in the ring.</returns>
    /// <exception cref="ArgumentException">It is shorter than an Ethernet header or longer than 65535 bytes.</exception>
    /// <exception cref="InvalidOperationException">A TCP/IP stack uses the interface.</exception>
    public bool TrySend(FrameBuffer frame, bool hasMore = false)
    {
        Check(frame);
        SendResult result = Attempt(OutgoingFrame.Of(frame), hasMore);
        frame.Dispose();
        if (result == SendResult.Full)
        {
            Interlocked.Increment(ref Counters.SendRingDrops);
        }
        else
        {
            Count(result);
        }

        return result == SendResult.Sent;
    }

    /// <summary>Notifies the back end of frames that were sent with more to follow.</summary>
    public void Flush() => Connection?.Flush();

    /// <summary>
    /// Makes the back end deliver frames to a multicast address, on later connections too. It changes nothing without
    /// <see cref="NetworkOptions.FiltersMulticast"/>, since then all frames are delivered.
    /// </summary>
    /// <exception cref="ArgumentException">It is no multicast address, or the broadcast address, whose frames always come.</exception>
    public ValueTask JoinMulticastAsync(MacAddress address, CancellationToken cancellationToken = default) =>
        ChangeMulticastAsync(address, joins: true, cancellationToken);

    /// <summary>Makes the back end no longer deliver frames to a multicast address.</summary>
    /// <exception cref="ArgumentException">It is no multicast address, or it is the broadcast address.</exception>
    public ValueTask LeaveMulticastAsync(MacAddress address, CancellationToken cancellationToken = default) =>
        ChangeMulticastAsync(address, joins: false, cancellationToken);

    /// <summary>Its name and state.</summary>
    public override string ToString() => $"{Name} ({Address}): {_state}";

    bool INetworkSink.Deliver(FrameBuffer frame)
    {
        Capture?.Add(frame.Data);
        int length = frame.Length;
        if (!_received.TryAdd(frame))
        {
            frame.Dispose();
            Counters.ReceiveQueueDrops++;
            return false;
        }

        Counters.ReceivedFrames++;
        Counters.ReceivedBytes += length;
        return true;
    }

    void INetworkSink.WakeReader() => _received.Wake();

    void INetworkSink.OnSent(in OutgoingFrame frame) => Capture?.Add(frame.Data);

    void INetworkSink.WakeSenders() => Wake();

    /// <summary>Gives the interface to a stack, if there is one that takes it. Before the first connection.</summary>
    internal void OfferLink(INetworkLinkUser? user)
    {
        if (user is null)
        {
            return;
        }

        NetworkLink link = new(this, user);
        _link = link;
        if (!user.TryTake(link))
        {
            _link = null;
        }
    }

    /// <summary>Uses a new connection, to which the back end may connect from now on.</summary>
    internal void Use(NetworkConnection connection)
    {
        Counters.Connections++;
        HasFailed = false;
        _isSuspended = false;
        Volatile.Write(ref _connection, connection);
        connection.Start();
        _link?.Wake();
        _ = JoinAllAsync(connection);
    }

    /// <summary>Ends the connection, if there is one.</summary>
    internal async ValueTask DisconnectAsync(NetworkState state)
    {
        NetworkConnection? connection = Interlocked.Exchange(ref _connection, null);
        Change(state);
        if (connection is not null)
        {
            await connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }

        _received.Wake();
        Wake();
    }

    /// <summary>Ends the delay before the next connection.</summary>
    internal void CancelWaits() => _removal.Cancel();

    /// <summary>Makes senders wait until <see cref="CancelSuspend"/> or a new connection.</summary>
    internal void Suspend() => _isSuspended = true;

    internal void CancelSuspend()
    {
        _isSuspended = false;
        Wake();
    }

    void INetworkSink.Fail(NetworkConnection connection, Exception error)
    {
        if (Interlocked.CompareExchange(ref _connection, null, connection) == connection)
        {
            HasFailed = true;
            Change(NetworkState.Closed);
            _ = EventLoop.Start(Loop, () => FailAsync(connection, error));
        }
    }

    /// <summary>A resume ends the refusal of a back end that broke the protocol: it has a new back end.</summary>
    internal void ForgetFailure() => HasFailed = false;

    /// <summary>Adds a message to the bus's events.</summary>
    internal void Report(string text) => Device.Report(text);

    /// <summary>Reports an error to the administrator, and closes this end.</summary>
    internal async ValueTask RefuseAsync(string message, Exception? error)
    {
        HasFailed = true;
        Change(NetworkState.Closed);
        try
        {
            await Device.ReportFatalErrorAsync(message, error).ConfigureAwait(EventLoop.IsCurrent);
            await Device.SetStateAsync(XenBusState.Closed).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreRing.XenStoreException failure)
        {
            Report($"cannot be closed: {failure.Message}");
        }
    }

    internal void Change(NetworkState state)
    {
        lock (_lock)
        {
            if (_state == state || _state == NetworkState.Gone)
            {
                return;
            }

            _state = state;
        }

        _received.Wake();
        Wake();
        Changed?.Invoke();
        if (Loop is { } loop && StateChanged is not null)
        {
            loop.CallProgram(() => RaiseStateChanged(state));
        }
        else
        {
            RaiseStateChanged(state);
        }
    }

    private void RaiseStateChanged(NetworkState state)
    {
        try
        {
            StateChanged?.Invoke(this, new NetworkStateEventArgs(state));
        }
        catch (Exception error)
        {
            // A failure of the program's code must not affect the device or the bus.
            Report($"a handler of {nameof(StateChanged)} failed: {error.Message}");
        }
    }

    /// <summary>Has a sender that waits, or the stack, look again.</summary>
    private void Wake()
    {
        _room.Set();
        _link?.Wake();
    }

    private void ThrowIfLink()
    {
        if (_link is not null)
        {
            throw new InvalidOperationException($"{Name} is used by the TCP/IP stack: the program reaches the network by sockets");
        }
    }

    private void Check(FrameBuffer frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        if (_link is not null)
        {
            frame.Dispose();
            ThrowIfLink();
        }

        if (frame.Length is < EthernetHeader.Size or > NetProtocol.MaximumFrameSize)
        {
            int length = frame.Length;
            frame.Dispose();
            throw new ArgumentException(
                $"a frame has {EthernetHeader.Size} to {NetProtocol.MaximumFrameSize} bytes, not {length}", nameof(frame));
        }
    }

    private async Task FailAsync(NetworkConnection connection, Exception error)
    {
        await connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        await RefuseAsync("the connection was closed", error).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Tries to put a frame into the ring of the present connection. The frame remains the caller's.</summary>
    internal SendResult Attempt(OutgoingFrame frame, bool hasMore)
    {
        if (!_isSuspended && Connection is { } connection && connection.Send(frame, hasMore) is var result && result != SendResult.Ended)
        {
            return result;
        }

        NetworkState state = _state;
        return (_isSuspended && state != NetworkState.Gone) || state is NetworkState.Connecting or NetworkState.Up
            ? SendResult.Full
            : SendResult.Ended;
    }

    /// <summary>Counts a frame that was not sent. Returns false if the interface is gone.</summary>
    internal bool Count(SendResult result)
    {
        switch (result)
        {
            case SendResult.Unsupported:
                Interlocked.Increment(ref Counters.SendUnsupportedDrops);
                break;
            case SendResult.Ended:
                Interlocked.Increment(ref Counters.SendLinkDrops);
                break;
        }

        return result != SendResult.Ended || _state != NetworkState.Gone;
    }

    private NetworkInterfaceGoneException Gone() => new($"{Name} was taken away");

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WaitAndSendAsync(FrameBuffer frame, bool hasMore, CancellationToken cancellationToken)
    {
        try
        {
            Interlocked.Increment(ref Counters.SendWaits);
            await _senders.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            try
            {
                SendResult result;
                while ((result = Attempt(OutgoingFrame.Of(frame), hasMore)) == SendResult.Full)
                {
                    await _room.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
                }

                if (!Count(result))
                {
                    throw Gone();
                }
            }
            finally
            {
                _senders.Release();
            }
        }
        finally
        {
            frame.Dispose();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FrameBuffer> WaitForFrameAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            bool isGone = _state == NetworkState.Gone;
            if (TryReceive(out FrameBuffer? frame))
            {
                return frame;
            }

            if (isGone)
            {
                throw Gone();
            }

            await _received.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private async ValueTask ChangeMulticastAsync(MacAddress address, bool joins, CancellationToken cancellationToken)
    {
        if (!address.IsMulticast || address == MacAddress.Broadcast)
        {
            throw new ArgumentException($"{address} is no multicast address", nameof(address));
        }

        await _joins.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            if ((joins ? _multicast.Add(address) : _multicast.Remove(address)) && Connection is { } connection)
            {
                await SendMulticastAsync(connection, address, joins, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        finally
        {
            _joins.Release();
        }
    }

    /// <summary>Joins all addresses at a new back end.</summary>
    private async Task JoinAllAsync(NetworkConnection connection)
    {
        await _joins.WaitAsync().ConfigureAwait(EventLoop.IsCurrent);
        try
        {
            foreach (MacAddress address in _multicast)
            {
                await SendMulticastAsync(connection, address, joins: true, CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
            }
        }
        finally
        {
            _joins.Release();
        }
    }

    private async ValueTask SendMulticastAsync(
        NetworkConnection connection, MacAddress address, bool joins, CancellationToken cancellationToken)
    {
        while (Connection == connection && (_isSuspended || connection.SendMulticast(joins, address) == SendResult.Full))
        {
            // This is rare, so it tries a full ring again after a pause: a wait for room would take the wake-up of a sender.
            await Task.Delay(TimeSpan.FromMilliseconds(10), EventLoop.Clock, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }
}
