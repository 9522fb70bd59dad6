using Xenlet.Drivers.Block;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>
/// The life cycle of the disk: its connections begin and end, and finally the disk ends. The front end calls all of these methods, except
/// for those that the end of a <see cref="Use"/> calls.
/// </summary>
public sealed partial class BlockDevice
{
    private volatile BlockState _state;
    private volatile BlockFeatures? _features;
    private BlockRequestKind? _flush;
    private BlockConnection? _connection;
    private long _length;
    private int _users;
    private bool _canDiscard;
    private bool _isQuiet;
    private volatile bool _isClosing;
    private TaskCompletionSource? _shutdown;
    private string _end = "";

    /// <summary>
    /// Called with the lock held when the disk ends other than by <see cref="Close"/>: without an error when it was unplugged and its last
    /// request has ended, with one when its back end has broken the protocol.
    /// </summary>
    internal Action<BlockDevice, Exception?>? Ended { get; init; }

    /// <summary>Called for each event of the ring's channel that brought no response.</summary>
    internal Action<IEventChannel>? SpuriousEvent { get; init; }

    /// <summary>The driver's event loop, or <see langword="null"/>.</summary>
    internal EventLoop? Loop { get; init; }

    /// <summary>The work that <see cref="Ended"/> has begun.</summary>
    internal Task Ending { get; set; } = Task.CompletedTask;

    /// <summary>Whether it has been connected, so that the store may have nodes of that connection.</summary>
    internal bool WasConnected => _features is not null;

    /// <summary>
    /// Whether it takes operations: it has not ended, and is not about to be unplugged. It takes no lock, as the driver asks below one.
    /// </summary>
    internal bool IsOpen => _state != BlockState.Gone && (!_isClosing || Volatile.Read(ref _users) > 0);

    /// <summary>Takes a new connection, to which it sends nothing before <see cref="Connect"/>.</summary>
    internal void Open(BlockConnection connection)
    {
        lock (_lock)
        {
            if (_state != BlockState.Gone)
            {
                _connection?.Dispose();
                _connection = connection;
                _state = BlockState.Connecting;
                return;
            }
        }

        connection.Dispose();
    }

    /// <summary>The back end is connected too: sends the waiting operations.</summary>
    /// <exception cref="InvalidDataException">It is not the same disk as before.</exception>
    internal void Connect(BlockFeatures features)
    {
        BlockOperation? ended;
        BlockConnection? started = null;
        bool isResized = false;
        lock (_lock)
        {
            if (_connection is not { } connection || _state != BlockState.Connecting)
            {
                return;
            }

            if (_features is { } before && before.SectorSize != features.SectorSize)
            {
                throw new InvalidDataException(
                    $"the disk has sectors of {features.SectorSize} bytes, where it had sectors of {before.SectorSize}");
            }

            isResized = WasConnected && _length != features.Length;
            _features = features;
            _flush = features.Flush;
            _canDiscard = features.CanDiscard;
            Volatile.Write(ref _length, features.Length);
            connection.IndirectSegments = features.IndirectSegments;
            _counters.Connections++;
            _state = BlockState.Connected;
            TryPump();
            ended = TakeEnded();
            if (_connection == connection)
            {
                connection.IsWaiting = true;
                started = connection;
            }
        }

        Complete(ended);
        if (started is not null)
        {
            StartWaiting(started);
        }

        if (isResized)
        {
            RaiseLengthChanged();
        }
    }

    /// <summary>The disk's length has changed.</summary>
    internal void SetLength(long length)
    {
        if (Interlocked.Exchange(ref _length, length) != length)
        {
            RaiseLengthChanged();
        }
    }

    /// <summary>
    /// The disk is to be unplugged: it refuses new operations, and ends with the last one in flight. While it is in use it refuses none and
    /// does not end.
    /// </summary>
    /// <returns>Whether it is in use.</returns>
    internal bool BeginClosing()
    {
        bool isInUse;
        lock (_lock)
        {
            _isClosing = true;
            isInUse = _users > 0 && _state != BlockState.Gone;
        }

        FinishClosing();
        return isInUse;
    }

    /// <summary>
    /// The domain ends, whether or not the disk is in use. Submitted operations are carried out; later ones wait until the disk ends, or
    /// for ever.
    /// </summary>
    /// <returns>Completes with the last operation; at once if there is no back end that could answer.</returns>
    internal Task ShutDown()
    {
        lock (_lock)
        {
            _shutdown ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        FinishClosing();
        return _shutdown.Task;
    }

    /// <summary>Ends the wait of <see cref="ShutDown"/>.</summary>
    internal void CancelShutDown()
    {
        lock (_lock)
        {
            _shutdown?.TrySetResult();
        }
    }

    /// <summary>Ends the disk, and fails all operations with <see cref="BlockDeviceGoneException"/>.</summary>
    internal void Close(string reason)
    {
        BlockOperation? ended;
        lock (_lock)
        {
            EndLocked(reason);
            ended = TakeEnded();
        }

        Complete(ended);
    }

    /// <summary>Ends the disk because its connection has failed.</summary>
    internal void Break(BlockConnection connection, Exception error)
    {
        BlockOperation? ended;
        lock (_lock)
        {
            if (connection != _connection)
            {
                return;
            }

            BreakLocked(error);
            ended = TakeEnded();
        }

        Complete(ended);
    }

    /// <summary>Stops sending requests and taking responses. Operations wait.</summary>
    internal void Quiesce()
    {
        lock (_lock)
        {
            _isQuiet = true;
        }
    }

    /// <summary>Continues after <see cref="Quiesce"/>, with the same connection.</summary>
    internal void Unquiesce()
    {
        BlockConnection? connection;
        BlockOperation? ended;
        lock (_lock)
        {
            _isQuiet = false;
            connection = _connection;
            if (_state != BlockState.Connected || connection is null)
            {
                connection = null;
            }
            else if (!connection.IsWaiting)
            {
                connection.IsWaiting = true;
            }
            else
            {
                // The wait is still pending: an event that has come since ends it.
                TryPump();
                connection = null;
            }

            ended = TakeEnded();
        }

        Complete(ended);

        // Responses that have come since have ended the wait, and cause no other event.
        if (connection is not null && Process(connection, out ended, out _))
        {
            StartWaiting(connection);
            Complete(ended);
        }

        FinishClosing();
    }

    /// <summary>
    /// The connection has ended with a suspend. Its requests wait for the next connection, in their old order and before all others.
    /// </summary>
    /// <returns>False if the disk had already ended.</returns>
    internal bool Disconnect()
    {
        BlockOperation? ended;
        lock (_lock)
        {
            _isQuiet = false;
            _isClosing = false;
            if (_state == BlockState.Gone)
            {
                return false;
            }

            _state = BlockState.Connecting;
            if (_connection is { } connection)
            {
                _connection = null;
                foreach (BlockSlot slot in connection.NewestFirst())
                {
                    // Without its pages: the next back end gets no page that this one had mapped.
                    if (slot.Operation!.HasEnded)
                    {
                        EndPart(slot.Operation);
                    }
                    else
                    {
                        _waiting.AddFirst(new BlockFragment(slot.Operation, slot.From, slot.Length));
                    }
                }

                connection.Dispose();
            }

            ended = TakeEnded();
        }

        Complete(ended);
        return true;
    }

    private void CheckPresent()
    {
        if (!IsOpen)
        {
            throw Gone();
        }
    }

    private void EndUse()
    {
        lock (_lock)
        {
            _users--;
        }

        FinishClosing();
    }

    /// <summary>If no operation is left: ends a disk that is to be unplugged, and the wait of <see cref="ShutDown"/>.</summary>
    private void FinishClosing()
    {
        lock (_lock)
        {
            if (_shutdown is not null
                && (_state != BlockState.Connected || (_waiting.Count == 0 && _connection is null or { UnderWay: 0 })))
            {
                _shutdown.TrySetResult();
            }

            if (_isClosing
                && !_isQuiet
                && _state != BlockState.Gone
                && _users == 0
                && _waiting.Count == 0
                && _connection is null or { UnderWay: 0 })
            {
                EndLocked("it was unplugged");
                Ended?.Invoke(this, null);
            }
        }
    }

    private void BreakLocked(Exception error)
    {
        EndLocked(error.Message);
        Ended?.Invoke(this, error);
    }

    private void EndLocked(string reason)
    {
        if (_state == BlockState.Gone)
        {
            return;
        }

        _state = BlockState.Gone;
        _end = reason;
        if (_connection is { } connection)
        {
            _connection = null;
            foreach (BlockSlot slot in connection.NewestFirst().Reverse())
            {
                slot.Operation!.Error ??= Gone();
                EndPart(slot.Operation);
            }

            connection.Dispose();
        }

        foreach (FragmentQueue waiting in (FragmentQueue[])[_waiting, _late])
        {
            while (waiting.Count > 0)
            {
                BlockOperation operation = waiting.RemoveFirst().Operation;
                operation.Error ??= Gone();
                EndPart(operation);
            }
        }

        _shutdown?.TrySetResult();
    }

    private BlockDeviceGoneException Gone() => new($"{Name} is gone: {(_state == BlockState.Gone ? _end : "it is being unplugged")}");

    private void RaiseLengthChanged()
    {
        if (LengthChanged is not null)
        {
            ThreadPool.QueueUserWorkItem(static device => device.LengthChanged?.Invoke(device, EventArgs.Empty), this, preferLocal: false);
        }
    }
}
