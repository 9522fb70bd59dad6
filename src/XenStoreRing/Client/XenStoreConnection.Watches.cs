using System.Globalization;
using System.Text;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>The connection's watches: found by a number in their tokens.</summary>
internal sealed partial class XenStoreConnection
{
    private readonly Dictionary<uint, XenStoreWatch> _watches = [];

    // Tokens differ from those of a predecessor on the same ring, whose events may still come.
    private readonly uint _tokenPrefix;
    private uint _lastWatch;
    private long _watchEvents;
    private long _unmatchedEvents;
    private long _malformedEvents;

    internal async ValueTask<XenStoreWatch> WatchAsync(string path, CancellationToken cancellationToken)
    {
        XenStoreWatch watch;
        lock (_gate)
        {
            do
            {
                _lastWatch++;
            }
            while (_watches.ContainsKey(_lastWatch));

            string token = string.Create(CultureInfo.InvariantCulture, $"{_tokenPrefix:x8}.{_lastWatch:x8}");
            watch = new(this, path, token, _lastWatch);
            // Before the request: the first event may come before its reply.
            _watches.Add(watch.Number, watch);
        }

        try
        {
            await Request<bool>
                .Rent(this, XenStoreMessageType.Watch, 0, path, watch.Token, default, Decoders.Done, default, false)
                .Start(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch
        {
            lock (_gate)
            {
                _watches.Remove(watch.Number);
            }

            throw;
        }

        return watch;
    }

    /// <summary>The server has the watch: from here on it is registered again after a suspend.</summary>
    private void ConfirmWatch(string token)
    {
        foreach (XenStoreWatch watch in _watches.Values)
        {
            if (watch.Token == token)
            {
                watch.IsRegistered = true;
            }
        }
    }

    /// <summary>Forgets a watch and tells the server. Failures do not matter: no event can reach the watch any more.</summary>
    internal async ValueTask UnwatchAsync(XenStoreWatch watch)
    {
        lock (_gate)
        {
            if (!_watches.Remove(watch.Number) || !watch.IsRegistered || _failure is not null)
            {
                return;
            }

            if (_state is RunState.Suspended or RunState.Lost or RunState.Resuming)
            {
                // Nobody can be asked now, and whoever disposes of the watch must not wait for that. Another xenstored does not know it.
                Enqueue(XenStoreMessageType.Unwatch, 0, watch.Path, watch.Token);
                return;
            }
        }

        try
        {
            await Request<bool>
                .Rent(this, XenStoreMessageType.Unwatch, 0, watch.Path, watch.Token, default, Decoders.Done, default, true)
                .Start(CancellationToken.None).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (XenStoreException)
        {
        }
    }

    private void TakeWatchEvent(ReadOnlySpan<byte> body)
    {
        XenStoreStrings strings = new(body);
        if (!strings.MoveNext())
        {
            _malformedEvents++;
            return;
        }

        ReadOnlySpan<byte> path = strings.Current;
        if (!strings.MoveNext() || !strings.IsTerminated || !strings.Rest.IsEmpty)
        {
            _malformedEvents++;
            return;
        }

        if (FindWatch(strings.Current) is not { } watch)
        {
            _unmatchedEvents++;
            return;
        }

        _watchEvents++;
        if (!XenStorePath.IsValid(path))
        {
            _malformedEvents++;
            path = default;
        }

        watch.Add(path);
    }

    private XenStoreWatch? FindWatch(ReadOnlySpan<byte> token) =>
        token.Length == 17
        && uint.TryParse(token[9..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint number)
        && _watches.TryGetValue(number, out XenStoreWatch? watch)
        && Ascii.Equals(token, watch.Token)
            ? watch
            : null;
}
