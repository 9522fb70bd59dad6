using Xenlet.Drivers.Block;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>The way of an operation: it waits in order, becomes requests as there is room, and ends with the last answer.</summary>
public sealed partial class BlockDevice
{
    // More than are ever under way with the usual ring; beyond it the collector has them.
    private const int MaxSpare = 256;

    private readonly Lock _gate = new();
    private readonly FragmentQueue _waiting = new();

    // What was submitted after the domain began to end.
    private readonly FragmentQueue _late = new();
    private readonly Stack<BlockOperation> _spare = new();
    private readonly BlockCounters _counters = new();
    private long _sequence;
    private BlockOperation? _firstEnded;
    private BlockOperation? _lastEnded;

    /// <summary>An event has come, or may have: takes all answers and sends what waits.</summary>
    /// <param name="connection">Whose event it is.</param>
    /// <param name="ended">Operations that have ended, to be given to <see cref="Tell"/>.</param>
    /// <param name="isAny">Whether there was an answer.</param>
    /// <returns>Whether the connection is to wait for the next event.</returns>
    internal bool Process(BlockConnection connection, out BlockOperation? ended, out bool isAny)
    {
        bool goesOn = false;
        isAny = false;
        lock (_gate)
        {
            if (connection != _connection || _isQuiet)
            {
                connection.IsWaiting = false;
                ended = null;
                return false;
            }

            try
            {
                isAny = Drain(connection);
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
            Tell(ended);
            ended = null;
        }

        FinishClosing();
        return goesOn;
    }

    /// <summary>
    /// Tells the callers of a chain of operations. The last of them may go on in this call, if nothing else depends on its return.
    /// </summary>
    internal static void Tell(BlockOperation? first, bool lastInline = false)
    {
        while (first is { } operation)
        {
            first = operation.Next;
            operation.Next = null;
            operation.Tell(inline: lastInline && first is null);
        }
    }

    /// <summary>The caller's token was cancelled.</summary>
    internal void Cancel(BlockOperation operation, CancellationToken cancellationToken)
    {
        BlockOperation? ended;
        lock (_gate)
        {
            // A callback that comes late must not end the next use.
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

        Tell(ended);
        FinishClosing();
    }

    /// <summary>The caller has taken the result.</summary>
    internal void OnTaken(BlockOperation operation)
    {
        lock (_gate)
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
        lock (_gate)
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

        Tell(ended);
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

    /// <summary>Sends what there is room for, and wakes the back end once for all of it.</summary>
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
                // No page at all, or a buffer that cannot be read: this operation's affair alone.
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

    /// <summary>Takes all answers; whether there were any.</summary>
    private bool Drain(BlockConnection connection)
    {
        bool isAny = false;
        do
        {
            while (connection.TryTake(out BlockStatus status) is { } slot)
            {
                isAny = true;
                BlockOperation operation = slot.Operation!;
                if (!operation.HasEnded)
                {
                    TakeAnswer(slot, operation, status);
                }

                connection.Finish(slot);
                EndPart(operation);
            }
        }
        while (connection.FinalCheck());
        return isAny;
    }

    private void TakeAnswer(BlockSlot slot, BlockOperation operation, BlockStatus status)
    {
        switch (status)
        {
            case BlockStatus.Okay when slot.Kind == BlockRequestKind.Read:
                try
                {
                    BlockConnection.CopyOut(slot, operation.Destination);
                }
                catch (Exception error)
                {
                    // The caller's memory, by its own making, does not let itself be written.
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

    /// <summary>A request or fragment of an operation is done with.</summary>
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

    /// <summary>Keeps an operation for another use once neither its caller nor a request knows it.</summary>
    private void KeepSpare(BlockOperation operation)
    {
        if (operation.Pending == 0 && _spare.Count < MaxSpare)
        {
            _spare.Push(operation);
        }
    }
}
