using System.Globalization;
using System.Text;

namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// A connection's watches by the number in their tokens, and the delivery of events to them. Guarded by the connection's lock.
/// </summary>
/// <param name="options">How many events a watch keeps for a slow reader.</param>
/// <param name="unwatch">Called when a watch is disposed.</param>
/// <param name="tokenPrefix">
/// The start of each token. A predecessor on the same ring has another prefix, since its events may still arrive.
/// </param>
internal sealed class WatchTable(XenStoreClientOptions options, Func<XenStoreWatch, ValueTask> unwatch, uint tokenPrefix)
{
    // Eight digits of the prefix, a dot, eight of the number.
    private const int TokenLength = 17;
    private const int NumberStart = 9;

    private readonly Dictionary<uint, XenStoreWatch> _watches = [];
    private uint _lastNumber;

    /// <summary>Events that belonged to a watch.</summary>
    public long Events { get; private set; }

    /// <summary>Events dropped because no watch had their token.</summary>
    public long UnmatchedEvents { get; private set; }

    /// <summary>Events that were not two strings, or whose path broke a rule.</summary>
    public long MalformedEvents { get; private set; }

    /// <summary>Adds a watch, which can receive events from now on: the first one may arrive before the reply to WATCH.</summary>
    public XenStoreWatch Add(string path)
    {
        do
        {
            _lastNumber++;
        }
        while (_watches.ContainsKey(_lastNumber));

        string token = string.Create(CultureInfo.InvariantCulture, $"{tokenPrefix:x8}.{_lastNumber:x8}");
        XenStoreWatch watch = new(options, unwatch, path, token, _lastNumber);
        _watches.Add(watch.Number, watch);
        return watch;
    }

    /// <summary>The watches that the server has confirmed.</summary>
    public List<XenStoreWatch> ListRegistered()
    {
        List<XenStoreWatch> registered = [.. _watches.Values];
        registered.RemoveAll(static watch => !watch.IsRegistered);
        return registered;
    }

    /// <summary>Removes a watch. Returns <see langword="false"/> if it is not there any more.</summary>
    public bool Remove(XenStoreWatch watch) => _watches.Remove(watch.Number);

    /// <summary>The server has the watch, so it will be registered again on the next connection.</summary>
    public void Confirm(string token)
    {
        Span<byte> bytes = stackalloc byte[TokenLength];
        if (Encoding.ASCII.TryGetBytes(token, bytes, out int length) && Find(bytes[..length]) is { } watch)
        {
            watch.IsRegistered = true;
        }
    }

    /// <summary>Delivers the payload of a watch event to its watch. Malformed payloads are counted.</summary>
    public void Deliver(ReadOnlySpan<byte> body)
    {
        XenStoreStrings strings = new(body);
        if (!strings.MoveNext())
        {
            MalformedEvents++;
            return;
        }

        ReadOnlySpan<byte> path = strings.Current;
        if (!strings.MoveNext() || !strings.IsTerminated || !strings.Rest.IsEmpty)
        {
            MalformedEvents++;
            return;
        }

        if (Find(strings.Current) is not { } watch)
        {
            UnmatchedEvents++;
            return;
        }

        Events++;
        if (!XenStorePath.IsValid(path))
        {
            MalformedEvents++;
            path = default;
        }

        watch.Add(path);
    }

    /// <summary>Ends all watches with a reason. Pending events can still be read.</summary>
    public void End(XenStoreException reason)
    {
        foreach (XenStoreWatch watch in _watches.Values)
        {
            watch.End(reason);
        }
    }

    public void Clear() => _watches.Clear();

    private XenStoreWatch? Find(ReadOnlySpan<byte> token) =>
        token.Length == TokenLength
        && uint.TryParse(token[NumberStart..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint number)
        && _watches.TryGetValue(number, out XenStoreWatch? watch)
        && Ascii.Equals(token, watch.Token)
            ? watch
            : null;
}
