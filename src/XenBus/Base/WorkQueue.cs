using Xenlet.Kernel;

namespace Xenlet.XenBus.Base;

/// <summary>
/// Runs work one piece at a time, in order. Work whose key waits already is not queued again; work posted under the key of the piece that
/// is running runs once more after it. So any number of changes costs two examinations at most.
/// </summary>
/// <typeparam name="TKey">
/// Identifies a piece of work by its value. A class, so that the compiler makes one queue for all types of keys.
/// </typeparam>
/// <param name="stepped">Whether work runs only when <see cref="StepAsync"/> asks for it.</param>
/// <param name="loop">Where work runs, or <see langword="null"/> for the thread pool.</param>
/// <param name="failed">Takes what work has thrown; the queue continues.</param>
internal sealed class WorkQueue<TKey>(bool stepped, EventLoop? loop, Action<Exception> failed)
    where TKey : class, IEquatable<TKey>
{
    private readonly Lock _lock = new();
    private readonly LinkedList<(TKey Key, Func<ValueTask> Work)> _waiting = new();
    private readonly HashSet<TKey> _keys = [];
    private bool _isPumping;
    private bool _isHeld;
    private bool _isClosed;

    /// <summary>Pieces of work that wait.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Queues work; <see langword="false"/> when its key waits already or the queue is closed.</summary>
    public bool Post(TKey key, Func<ValueTask> work)
    {
        lock (_lock)
        {
            if (_isClosed || !_keys.Add(key))
            {
                return false;
            }

            _waiting.AddLast((key, work));
        }

        StartPump();
        return true;
    }

    /// <summary>
    /// Starts no piece of work until <see cref="Release"/>; the one that is running ends. Work may be posted meanwhile.
    /// </summary>
    public void Hold()
    {
        lock (_lock)
        {
            _isHeld = true;
        }
    }

    /// <summary>
    /// Continues after <see cref="Hold"/>: with <paramref name="first"/>, if it is given and its key does not wait already.
    /// <see langword="false"/> when the queue is closed.
    /// </summary>
    public bool Release((TKey Key, Func<ValueTask> Work)? first = null)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return false;
            }

            _isHeld = false;
            if (first is { } piece && _keys.Add(piece.Key))
            {
                _waiting.AddFirst(piece);
            }
        }

        StartPump();
        return true;
    }

    /// <summary>Drops the work that waits under a key.</summary>
    public void Withdraw(TKey key)
    {
        lock (_lock)
        {
            if (_keys.Remove(key))
            {
                _waiting.Remove(_waiting.First(piece => piece.Key.Equals(key)));
            }
        }
    }

    /// <summary>Runs the next piece of work; <see langword="false"/> when there is none.</summary>
    public async ValueTask<bool> StepAsync()
    {
        if (!stepped)
        {
            throw new InvalidOperationException("The queue runs by itself; XenBusOptions.Stepped makes it run step by step.");
        }

        return await RunNextAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Drops the work that waits and takes no more; it does not wait for the piece that is running.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            _waiting.Clear();
            _keys.Clear();
        }
    }

    private void StartPump()
    {
        lock (_lock)
        {
            if (stepped || _isPumping || _isHeld || _waiting.Count == 0)
            {
                return;
            }

            _isPumping = true;
        }

        _ = EventLoop.Start(loop, PumpAsync);
    }

    private async Task PumpAsync()
    {
        while (await RunNextAsync().ConfigureAwait(EventLoop.IsCurrent))
        {
        }
    }

    private async ValueTask<bool> RunNextAsync()
    {
        (TKey Key, Func<ValueTask> Work) next;
        lock (_lock)
        {
            if (_isHeld || _waiting.First is not { } node)
            {
                _isPumping = false;
                return false;
            }

            next = node.Value;
            _waiting.RemoveFirst();
            _keys.Remove(next.Key);
        }

        try
        {
            await next.Work().ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception error)
        {
            failed(error);
        }

        return true;
    }
}
