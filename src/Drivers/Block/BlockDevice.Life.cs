using Xenlet.Drivers.Block;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>
/// The way of a disk: connections that begin and end, and its own end. The driver calls all of this, but for what callers of
/// <see cref="Use"/> set off.
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
    private bool _isClosing;
    private TaskCompletionSource? _shutdown;
    private string _end = "";

    /// <summary>
    /// Called with the gate held when the disk ends other than by <see cref="Close"/>: without an error when it was asked to close and has
    /// come to rest, with one when its back end has broken the protocol.
    /// </summary>
    internal Action<BlockDevice, Exception?>? Ended { get; init; }

    /// <summary>Told of each event of the ring's channel that brought no answer.</summary>
    internal Action<IEventChannel>? SpuriousEvent { get; init; }

    /// <summary>The event loop of its driver, or <see langword="null"/>.</summary>
    internal EventLoop? Loop { get; init; }

    /// <summary>What <see cref="Ended"/> has set off.</summary>
    internal Task Ending { get; set; } = Task.CompletedTask;

    /// <summary>Whether it has been connected before, so that the store may hold nodes of that time.</summary>
    internal bool WasConnected => _features is not null;

    /// <summary>Begins a connection, which carries nothing yet.</summary>
    internal void Open(BlockConnection connection)
    {
        lock (_gate)
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

    /// <summary>The back end is connected as well: what waits is sent.</summary>
    /// <exception cref="InvalidDataException">The disk is not the one it was.</exception>
    internal void Connect(BlockFeatures features)
    {
        BlockOperation? ended;
        BlockConnection? started = null;
        bool isResized = false;
        lock (_gate)
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

        Tell(ended);
        started?.StartWaiting();
        if (isResized)
        {
            RaiseLengthChanged();
        }
    }

    /// <summary>The disk has another length.</summary>
    internal void SetLength(long length)
    {
        if (Interlocked.Exchange(ref _length, length) != length)
        {
            RaiseLengthChanged();
        }
    }

    /// <summary>
    /// The disk is to be unplugged: new operations are refused, and when those under way are done it ends. While it is in use nothing is
    /// refused, and it ends afterwards.
    /// </summary>
    /// <returns>Whether it is in use.</returns>
    internal bool BeginClosing()
    {
        bool isInUse;
        lock (_gate)
        {
            _isClosing = true;
            isInUse = _users > 0 && _state != BlockState.Gone;
        }

        FinishClosing();
        return isInUse;
    }

    /// <summary>
    /// The domain ends, whether or not the disk is in use: what was submitted until now is carried out, what comes later waits, for ever
    /// or until the disk ends.
    /// </summary>
    /// <returns>Completes when nothing is under way any more; at once where there is no back end that would answer.</returns>
    internal Task ShutDown()
    {
        lock (_gate)
        {
            _shutdown ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        FinishClosing();
        return _shutdown.Task;
    }

    /// <summary>What is under way is not waited for any longer.</summary>
    internal void CancelShutDown()
    {
        lock (_gate)
        {
            _shutdown?.TrySetResult();
        }
    }

    /// <summary>The disk ends now; all operations end with <see cref="BlockDeviceGoneException"/>.</summary>
    internal void Close(string reason)
    {
        BlockOperation? ended;
        lock (_gate)
        {
            EndLocked(reason);
            ended = TakeEnded();
        }

        Tell(ended);
    }

    /// <summary>The connection cannot go on.</summary>
    internal void Break(BlockConnection connection, Exception error)
    {
        BlockOperation? ended;
        lock (_gate)
        {
            if (connection != _connection)
            {
                return;
            }

            BreakLocked(error);
            ended = TakeEnded();
        }

        Tell(ended);
    }

    /// <summary>From now on nothing is sent and no answer is taken. Operations wait.</summary>
    internal void Quiesce()
    {
        lock (_gate)
        {
            _isQuiet = true;
        }
    }

    /// <summary>Goes on over the connection of before.</summary>
    internal void GoOn()
    {
        BlockConnection? connection;
        BlockOperation? ended;
        lock (_gate)
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
                // The wait is under way, and what came meanwhile ends it.
                TryPump();
                connection = null;
            }

            ended = TakeEnded();
        }

        Tell(ended);

        // What came meanwhile has ended the wait, and no other event tells of it.
        connection?.ProcessNow();

        FinishClosing();
    }

    /// <summary>
    /// The connection is gone with the domain that had it. What was under way waits again, in its old order and before everything else, for
    /// the next connection.
    /// </summary>
    /// <returns>False when the disk had ended before.</returns>
    internal bool Disconnect()
    {
        BlockOperation? ended;
        lock (_gate)
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
                    // Its pages are not taken over: the next back end gets none that this one knew.
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

        Tell(ended);
        return true;
    }

    private void CheckPresent()
    {
        if (_state == BlockState.Gone || (_isClosing && _users == 0))
        {
            throw Gone();
        }
    }

    private void EndUse()
    {
        lock (_gate)
        {
            _users--;
        }

        FinishClosing();
    }

    /// <summary>Ends a disk that is to be unplugged, once nothing is under way, and says so where the domain ends.</summary>
    private void FinishClosing()
    {
        lock (_gate)
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
