using System.Text;
using System.Threading.Channels;
using Xenlet.XenStoreRing;

namespace XenletDriver.Tests;

/// <summary>
/// A xenstore in memory, as domain 1 sees it, for one client. It knows what drivers ask for; a transaction takes effect at once, which
/// is as good as any while nobody else writes the same nodes.
/// </summary>
internal sealed class MemoryStore : IXenStoreTransport
{
    private const string Home = "/local/domain/1";

    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, string> _nodes = new(StringComparer.Ordinal);
    private readonly List<(string Path, string Token)> _watches = [];
    private readonly Channel<byte[]> _replies = Channel.CreateUnbounded<byte[]>();
    private readonly List<byte> _received = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ReadOnlyMemory<byte> _unread;

    public bool OutlivesClient => false;

    public XenStoreServerFeatures ServerFeatures => XenStoreServerFeatures.None;

    /// <summary>The value of a node, or null.</summary>
    public string? Read(string path)
    {
        lock (_lock)
        {
            return _nodes.GetValueOrDefault(path);
        }
    }

    /// <summary>Writes a node as another domain does.</summary>
    public void Write(string path, string value)
    {
        lock (_lock)
        {
            _nodes[path] = value;
            Fire(path);
        }
    }

    /// <summary>Waits until a node has a value.</summary>
    public async Task WaitForAsync(string path, string value)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_nodes.GetValueOrDefault(path) == value)
                {
                    return;
                }

                changed = _changed.Task;
            }

            try
            {
                await changed.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"{path} ought to become '{value}' within a minute, and is '{Read(path)}'");
            }
        }
    }

    public ValueTask OpenAsync(CancellationToken cancellationToken) => default;

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_unread.IsEmpty)
        {
            if (!await _replies.Reader.WaitToReadAsync(cancellationToken))
            {
                return 0;
            }

            _unread = await _replies.Reader.ReadAsync(cancellationToken);
        }

        int count = Math.Min(buffer.Length, _unread.Length);
        _unread[..count].CopyTo(buffer);
        _unread = _unread[count..];
        return count;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _received.AddRange(data.Span);
            while (_received.Count >= XenStoreHeader.Size)
            {
                XenStoreHeader header = XenStoreHeader.Read(_received.Take(XenStoreHeader.Size).ToArray());
                int size = XenStoreHeader.Size + (int)header.Length;
                if (_received.Count < size)
                {
                    break;
                }

                string payload = Encoding.UTF8.GetString(_received.Take(size).Skip(XenStoreHeader.Size).ToArray());
                _received.RemoveRange(0, size);
                Answer(header, payload);
            }
        }

        return default;
    }

    public XenStoreException? FindFault() => null;

    public string Describe() => "a xenstore in memory";

    public ValueTask DisposeAsync()
    {
        _replies.Writer.TryComplete();
        return default;
    }

    private static string Absolute(string path) => path.StartsWith('/') || path.StartsWith('@') ? path : $"{Home}/{path}";

    private static bool IsAtOrBelow(string path, string parent) =>
        path == parent || path.StartsWith(parent + "/", StringComparison.Ordinal);

    private void Answer(XenStoreHeader header, string payload)
    {
        string[] words = payload.Split('\0');
        string path = Absolute(words[0]);
        bool exists = _nodes.Keys.Any(node => IsAtOrBelow(node, path));
        switch (header.Type)
        {
            case XenStoreMessageType.Read or XenStoreMessageType.Directory or XenStoreMessageType.Remove when !exists:
                Send(header with { Type = XenStoreMessageType.Error }, "ENOENT\0");
                return;
            case XenStoreMessageType.Read:
                Send(header, _nodes.GetValueOrDefault(path, ""));
                return;
            case XenStoreMessageType.Directory:
                IEnumerable<string> children = _nodes.Keys.Where(node => node.StartsWith(path + "/", StringComparison.Ordinal))
                    .Select(node => node[(path.Length + 1)..].Split('/')[0]).Distinct();
                Send(header, string.Concat(children.Select(child => child + "\0")));
                return;
            case XenStoreMessageType.TransactionStart:
                Send(header, "1\0");
                return;
            case XenStoreMessageType.GetDomainPath:
                Send(header, $"/local/domain/{words[0]}\0");
                return;
            case XenStoreMessageType.GetPermissions:
                Send(header, "n0\0");
                return;
            case XenStoreMessageType.Watch:
                _watches.Add((words[0], words[1]));
                Send(header, "OK\0");
                Send(new XenStoreHeader(XenStoreMessageType.WatchEvent, 0, 0, 0), $"{words[0]}\0{words[1]}\0");
                return;
            case XenStoreMessageType.Unwatch:
                _watches.Remove((words[0], words[1]));
                break;
            case XenStoreMessageType.Write:
                _nodes[path] = string.Join('\0', words[1..]);
                Fire(path);
                break;
            case XenStoreMessageType.MakeDirectory:
                _nodes.TryAdd(path, "");
                Fire(path);
                break;
            case XenStoreMessageType.Remove:
                foreach (string node in _nodes.Keys.Where(node => IsAtOrBelow(node, path)).ToArray())
                {
                    _nodes.Remove(node);
                }

                Fire(path);
                break;
        }

        Send(header, "OK\0");
    }

    /// <summary>Tells the watches above a node, in the form in which each was set.</summary>
    private void Fire(string path)
    {
        foreach ((string watched, string token) in _watches.Where(watch => IsAtOrBelow(path, Absolute(watch.Path))))
        {
            string name = watched.StartsWith('/') ? path : path[(Home.Length + 1)..];
            Send(new XenStoreHeader(XenStoreMessageType.WatchEvent, 0, 0, 0), $"{name}\0{token}\0");
        }

        _changed.TrySetResult();
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private void Send(XenStoreHeader header, string payload)
    {
        byte[] body = Encoding.UTF8.GetBytes(payload);
        byte[] message = new byte[XenStoreHeader.Size + body.Length];
        (header with { Length = (uint)body.Length }).Write(message);
        body.CopyTo(message, XenStoreHeader.Size);
        _replies.Writer.TryWrite(message);
    }
}
