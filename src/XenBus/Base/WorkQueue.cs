using Xenlet.Kernel;

namespace Xenlet.XenBus.Base;

/// <summary>
/// Runs work one piece at a time, in order. Work that waits under a key already is not queued again; work posted under the key of the
/// piece that runs now is run once more after it. So any number of changes costs two looks at most.
/// </summary>
/// <param name="stepped">Whether work runs only when <see cref="StepAsync"/> asks for it.</param>
/// <param name="loop">Where work runs, or <see langword="null"/> for the thread pool.</param>
/// <param name="failed">Told what work has thrown; the queue goes on.</param>
internal sealed class WorkQueue(bool stepped, EventLoop? loop, Action<Exception> failed)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<(string Key, Func<ValueTask> Work)> _waiting = new();
    private readonly HashSet<string> _keys = [];
    private bool _isPumping;
    private bool _isHeld;
    private bool _isClosed;

    /// <summary>Pieces of work that wait.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Queues work; <see langword="false"/> when its key waits already or the queue is closed.</summary>
    public bool Post(string key, Func<ValueTask> work)
    {
        lock (_gate)
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

    /// <summary>Lets the piece that runs now end, and starts no other until <see cref="Release"/>. Work may be posted meanwhile.</summary>
    public void Hold()
    {
        lock (_gate)
        {
            _isHeld = true;
        }
    }

    /// <summary>
    /// Goes on after <see cref="Hold"/>: with <paramref name="first"/>, if it is given and its key does not wait already.
    /// <see langword="false"/> when the queue is closed.
    /// </summary>
    public bool Release((string Key, Func<ValueTask> Work)? first = null)
    {
        lock (_gate)
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
    public void Withdraw(string key)
    {
        lock (_gate)
        {
            if (_keys.Remove(key))
            {
                _waiting.Remove(_waiting.First(piece => piece.Key == key));
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

    /// <summary>Drops what waits and takes nothing more; the piece that runs is not waited for.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            _waiting.Clear();
            _keys.Clear();
        }
    }

    private void StartPump()
    {
        lock (_gate)
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
        (string Key, Func<ValueTask> Work) next;
        lock (_gate)
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
