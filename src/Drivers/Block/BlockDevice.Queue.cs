using Xenlet.Drivers.Block;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>Operations: they wait in order, become requests when the ring has room, and complete with the last response.</summary>
public sealed partial class BlockDevice
{
    // More than are ever in flight with the default ring. The collector frees those beyond it.
    private const int MaxSpare = 256;

    private readonly Lock _lock = new();
    private readonly FragmentQueue _waiting = new();

    // Operations that were submitted after the domain began to end.
    private readonly FragmentQueue _late = new();
    private readonly Stack<BlockOperation> _spare = new();
    private readonly BlockCounters _counters = new();
    private long _sequence;
    private BlockOperation? _firstEnded;
    private BlockOperation? _lastEnded;

    /// <summary>Takes all responses of a connection, and sends the waiting operations.</summary>
    /// <param name="connection">The connection, which may have ended.</param>
    /// <param name="ended">The operations that have ended, for <see cref="Complete"/>.</param>
    /// <param name="isAny">Whether there was a response.</param>
    /// <returns>Whether the connection has to wait for the next event.</returns>
    internal bool Process(BlockConnection connection, out BlockOperation? ended, out bool isAny)
    {
        bool goesOn = false;
        isAny = false;
        lock (_lock)
        {
            if (connection != _connection || _isQuiet)
            {
                connection.IsWaiting = false;
                ended = null;
                return false;
            }

            try
            {
                isAny = connection.TakeResponses();
                Pump();
                goesOn = true;
            }
            catch (Exception error) when (error is BrokenRingException or XenException or ObjectDisposedException)
            {
                BreakLocked(error);
            }

            ended = TakeEnded();
        }

        if (!goesOn)
        {
            Complete(ended);
            ended = null;
        }

        FinishClosing();
        return goesOn;
    }

    /// <summary>
    /// The next wait begins before the callers continue, so that a caller that blocks its thread delays nobody else. Therefore the last of
    /// them can continue in this call, without another thread, if this is a thread of the pool.
    /// </summary>
    bool IBlockSink.OnEvent(BlockConnection connection)
    {
        if (!Process(connection, out BlockOperation? ended, out bool isAny))
        {
            return false;
        }

        if (!isAny)
        {
            SpuriousEvent?.Invoke(connection.Channel);
        }

        bool hasEvent = false;
        try
        {
            hasEvent = connection.BeginWait();
        }
        catch (XenException error)
        {
            Break(connection, error);
        }

        Complete(ended, lastInline: !hasEvent && connection.Loop is null);
        return hasEvent;
    }

    private void StartWaiting(BlockConnection connection)
    {
        try
        {
            connection.StartWaiting();
        }
        catch (XenException error)
        {
            Break(connection, error);
        }
    }

    /// <summary>
    /// Completes a chain of operations for their callers. The last caller may continue in this call, if nothing else depends on its return.
    /// </summary>
    internal static void Complete(BlockOperation? first, bool lastInline = false)
    {
        while (first is { } operation)
        {
            first = operation.Next;
            operation.Next = null;
            operation.Complete(inline: lastInline && first is null);
        }
    }

    /// <summary>The caller's token was cancelled.</summary>
    internal void Cancel(BlockOperation operation, CancellationToken cancellationToken)
    {
        BlockOperation? ended;
        lock (_lock)
        {
            // A late callback must not end the operation that uses the object next.
            if (operation.HasEnded || operation.Token != cancellationToken)
            {
                return;
            }

            operation.Pending -= _waiting.Remove(operation) + _late.Remove(operation);
            operation.Error = new OperationCanceledException(cancellationToken);
            End(operation);
            TryPump();
            ended = TakeEnded();
        }

        Complete(ended);
        FinishClosing();
    }

    /// <summary>The caller has taken the result.</summary>
    internal void OnTaken(BlockOperation operation)
    {
        lock (_lock)
        {
            if (!operation.IsTaken)
            {
                operation.SetTaken();
                KeepSpare(operation);
            }
        }
    }

    private ValueTask Submit(
        BlockRequestKind kind, long offset, long length, Memory<byte> destination, ReadOnlyMemory<byte> source,
        CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        BlockOperation? ended;
        ValueTask task;
        lock (_lock)
        {
            CheckPresent();
            BlockOperation operation = _spare.TryPop(out BlockOperation? spare) ? spare : new BlockOperation(this);
            operation.Begin(kind, offset, length, cancellationToken);
            task = operation.Task;
            if (!operation.HasEnded)
            {
                operation.Destination = destination;
                operation.Source = source;
                operation.Pending = 1;
                (_shutdown is null ? _waiting : _late).AddLast(new BlockFragment(operation, 0, length));
                TryPump();
            }

            ended = TakeEnded();
        }

        Complete(ended);
        return task;
    }

    private void TryPump()
    {
        try
        {
            Pump();
        }
        catch (Exception error) when (error is XenException or ObjectDisposedException)
        {
            BreakLocked(error);
        }
    }

    /// <summary>Sends as much as there is room for, and notifies the back end once for all of it.</summary>
    private void Pump()
    {
        if (_connection is not { } connection || _state != BlockState.Connected || _isQuiet)
        {
            return;
        }

        while (_waiting.Count > 0 && connection.HasFreeSlot)
        {
            ref BlockFragment next = ref _waiting.First;
            BlockOperation operation = next.Operation;
            try
            {
                if (operation.Error is null && !connection.TrySend(ref next, _sequence++))
                {
                    break;
                }
            }
            catch (Exception error)
            {
                // There is no page at all, or the caller's buffer cannot be read. Other operations are not affected.
                operation.Error ??= error;
            }

            if (next.Length == 0 || operation.Error is not null)
            {
                _waiting.RemoveFirst();
                EndPart(operation);
            }
        }

        connection.Publish();
    }

    void IBlockSink.Completed(BlockSlot slot, BlockStatus status)
    {
        BlockOperation operation = slot.Operation!;
        if (!operation.HasEnded)
        {
            TakeResponse(slot, operation, status);
        }

        EndPart(operation);
    }

    private void TakeResponse(BlockSlot slot, BlockOperation operation, BlockStatus status)
    {
        switch (status)
        {
            case BlockStatus.Okay when slot.Kind == BlockRequestKind.Read:
                try
                {
                    slot.CopyTo(operation.Destination);
                }
                catch (Exception error)
                {
                    // The caller made the memory itself, and it cannot be written.
                    operation.Error ??= error;
                }

                break;

            case BlockStatus.Okay:
                break;

            case BlockStatus.NotSupported when slot.Kind == BlockRequestKind.Discard:
                _canDiscard = false;
                operation.Error ??= NotSupported("discard");
                break;

            case BlockStatus.NotSupported when slot.Kind is BlockRequestKind.FlushDiskCache or BlockRequestKind.WriteBarrier:
                _flush = null;
                operation.Error ??= NotSupported("flush");
                break;

            default:
                string name = slot.Kind switch
                {
                    BlockRequestKind.Read => "read",
                    BlockRequestKind.Write => "write",
                    BlockRequestKind.Discard => "discard",
                    _ => "flush",
                };
                operation.Error ??= new BlockIOException(Name, name, operation.Offset + slot.From, slot.Length, status);
                break;
        }
    }

    /// <summary>A request or a fragment of an operation has ended.</summary>
    private void EndPart(BlockOperation operation)
    {
        if (--operation.Pending > 0)
        {
            return;
        }

        if (!operation.HasEnded)
        {
            End(operation);
        }
        else if (operation.IsTaken)
        {
            KeepSpare(operation);
        }
    }

    private void End(BlockOperation operation)
    {
        operation.End();
        _counters.Count(operation);
        if (_lastEnded is null)
        {
            _firstEnded = operation;
        }
        else
        {
            _lastEnded.Next = operation;
        }

        _lastEnded = operation;
    }

    private BlockOperation? TakeEnded()
    {
        BlockOperation? first = _firstEnded;
        (_firstEnded, _lastEnded) = (null, null);
        return first;
    }

    /// <summary>Keeps an operation for reuse when neither its caller nor a request refers to it any more.</summary>
    private void KeepSpare(BlockOperation operation)
    {
        if (operation.Pending == 0 && _spare.Count < MaxSpare)
        {
            _spare.Push(operation);
        }
    }
}
