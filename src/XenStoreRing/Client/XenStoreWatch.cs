using System.Text;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing;

/// <summary>
/// A registered watch. It returns one event at once, and then events for changes of the node and of those below it. Pending events are a
/// set of paths of bounded size; beyond the bound they become one event with <c>MustRescan</c>. One reader at a time.
/// </summary>
/// <remarks>
/// When the connection ends, the pending events are still returned, and then its reason is thrown. After <see cref="DisposeAsync"/> no
/// event is returned; a loop over the watch ends.
/// </remarks>
public sealed class XenStoreWatch : IAsyncEnumerable<XenStoreWatchEvent>, IAsyncDisposable
{
    private readonly XenStoreClientOptions _options;
    private readonly Func<XenStoreWatch, ValueTask> _unwatch;
    private readonly Lock _lock = new();
    private readonly Queue<string> _paths = new();
    private readonly AsyncSignal _signal = new();
    private int _characters;
    private bool _coversEverything;
    private bool _hasEnded;
    private XenStoreException? _failure;

    internal XenStoreWatch(XenStoreClientOptions options, Func<XenStoreWatch, ValueTask> unwatch, string path, string token, uint number)
    {
        _options = options;
        _unwatch = unwatch;
        Path = path;
        Token = token;
        Number = number;
    }

    /// <summary>The watched path, as the caller gave it.</summary>
    public string Path { get; }

    /// <summary>The watch's unique token on this connection.</summary>
    public string Token { get; }

    internal uint Number { get; }

    /// <summary>Whether the server has confirmed the watch. Guarded by the connection's lock.</summary>
    internal bool IsRegistered { get; set; }

    /// <summary>Takes the next event without waiting, if there is one.</summary>
    public bool TryRead(out XenStoreWatchEvent watchEvent)
    {
        lock (_lock)
        {
            if (_coversEverything)
            {
                _coversEverything = false;
                watchEvent = new(Path, MustRescan: true);
                return true;
            }

            if (_paths.TryDequeue(out string? path))
            {
                _characters -= path.Length;
                watchEvent = new(path, MustRescan: false);
                return true;
            }
        }

        watchEvent = default;
        return false;
    }

    /// <summary>
    /// Waits for an event: <see langword="true"/> when <see cref="TryRead"/> has one, <see langword="false"/> after
    /// <see cref="DisposeAsync"/>.
    /// </summary>
    /// <exception cref="XenStoreException">
    /// The connection has ended, or the watch could not be registered again after a suspend.
    /// </exception>
    /// <exception cref="InvalidOperationException">Somebody is waiting already.</exception>
    public async ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            lock (_lock)
            {
                if (_coversEverything || _paths.Count > 0)
                {
                    return true;
                }

                if (_hasEnded)
                {
                    return _failure is null ? false : throw new XenStoreException(
                        XenStoreMessageType.Watch, Path, _failure.Error, _failure.ErrorName, _failure.Message, _failure);
                }
            }

            await _signal.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    /// <summary>Returns the events as they arrive, until the watch is disposed.</summary>
    public async IAsyncEnumerator<XenStoreWatchEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        while (await WaitToReadAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent))
        {
            while (TryRead(out XenStoreWatchEvent watchEvent))
            {
                yield return watchEvent;
            }
        }
    }

    /// <summary>Ends the watch: pending events are dropped, and none follows. Does not wait for the body of a loop over it.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _hasEnded = true;
            _failure = null;
            _coversEverything = false;
            _paths.Clear();
            _characters = 0;
        }

        _signal.Set();
        return _unwatch(this);
    }

    /// <summary>Adds an event. A path that is empty, or not at or below the watched one, sets <c>MustRescan</c>.</summary>
    internal void Add(ReadOnlySpan<byte> path)
    {
        lock (_lock)
        {
            if (_hasEnded || _coversEverything || IsPending(path))
            {
                return;
            }

            if (!IsAtOrBelowRoot(path)
                || _paths.Count >= _options.WatchCapacity
                || _characters + path.Length > _options.WatchCharacters)
            {
                _paths.Clear();
                _characters = 0;
                _coversEverything = true;
            }
            else
            {
                // The watched path itself is the most frequent one, and needs no new string.
                _paths.Enqueue(path.Length == Path.Length ? Path : Encoding.ASCII.GetString(path));
                _characters += path.Length;
            }
        }

        _signal.Set();
    }

    /// <summary>Adds an event with <c>MustRescan</c>: changes may have been missed.</summary>
    internal void AddEverything() => Add(default);

    /// <summary>Ends the watch with a reason. Pending events can still be read.</summary>
    internal void End(XenStoreException? failure)
    {
        lock (_lock)
        {
            if (_hasEnded)
            {
                return;
            }

            _hasEnded = true;
            _failure = failure;
        }

        _signal.Set();
    }

    private bool IsPending(ReadOnlySpan<byte> path)
    {
        foreach (string pending in _paths)
        {
            if (Ascii.Equals(path, pending))
            {
                return true;
            }
        }

        return false;
    }

    private bool IsAtOrBelowRoot(ReadOnlySpan<byte> path) =>
        path.Length >= Path.Length
        && Ascii.Equals(path[..Path.Length], Path)
        && (path.Length == Path.Length || Path == "/" || path[Path.Length] == (byte)'/');
}
