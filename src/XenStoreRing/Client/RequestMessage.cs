using System.Globalization;
using System.Text;

namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// A request's message: the fields of its header, and its payload. Methods are named after the requests in <c>docs/misc/xenstore.txt</c>.
/// Paths and tokens are ASCII, which was checked before.
/// </summary>
internal readonly record struct RequestMessage
{
    public XenStoreMessageType Type { get; private init; }

    public uint TransactionId { get; private init; }

    /// <summary>The path or first argument; <see langword="null"/> if the whole payload is in <see cref="Tail"/>.</summary>
    public string? Subject { get; private init; }

    /// <summary>A second string: a watch's token or a directory's offset.</summary>
    public string? Second { get; private init; }

    /// <summary>Bytes appended to the payload unchanged. They belong to the caller, so they are not touched after a cancellation.</summary>
    public ReadOnlyMemory<byte> Tail { get; private init; }

    /// <summary>The payload's size in bytes.</summary>
    public int PayloadLength => (Subject is null ? 0 : Subject.Length + 1) + (Second is null ? 0 : Second.Length + 1) + Tail.Length;

    /// <summary>A request about one node: READ, WRITE, MKDIR, RM, DIRECTORY, DIRECTORY_PART, GET_PERMS or SET_PERMS.</summary>
    public static RequestMessage OnNode(
        XenStoreMessageType type, uint transaction, string path, string? second = null, ReadOnlyMemory<byte> tail = default) =>
        new() { Type = type, TransactionId = transaction, Subject = path, Second = second, Tail = tail };

    /// <summary>A request about one domain: GET_DOMAIN_PATH, IS_DOMAIN_INTRODUCED, RELEASE or RESUME.</summary>
    public static RequestMessage OnDomain(XenStoreMessageType type, uint domain) => new() { Type = type, Subject = Number(domain) };

    /// <summary>INTRODUCE. <paramref name="frame"/> is the ring page's number in the domain.</summary>
    public static RequestMessage Introduce(uint domain, ulong frame, uint port) => new()
    {
        Type = XenStoreMessageType.Introduce,
        Subject = Number(domain),
        Second = Number(frame),
        Tail = Encoding.ASCII.GetBytes(Number(port) + "\0"),
    };

    /// <summary>SET_TARGET.</summary>
    public static RequestMessage SetTarget(uint domain, uint target) =>
        new() { Type = XenStoreMessageType.SetTarget, Subject = Number(domain), Second = Number(target) };

    /// <summary>WATCH.</summary>
    public static RequestMessage Watch(string path, string token) =>
        new() { Type = XenStoreMessageType.Watch, Subject = path, Second = token };

    /// <summary>UNWATCH.</summary>
    public static RequestMessage Unwatch(string path, string token) =>
        new() { Type = XenStoreMessageType.Unwatch, Subject = path, Second = token };

    /// <summary>RESET_WATCHES.</summary>
    public static RequestMessage ResetWatches() => new() { Type = XenStoreMessageType.ResetWatches, Subject = "" };

    /// <summary>TRANSACTION_START.</summary>
    public static RequestMessage BeginTransaction() => new() { Type = XenStoreMessageType.TransactionStart, Subject = "" };

    /// <summary>TRANSACTION_END.</summary>
    public static RequestMessage EndTransaction(uint transaction, bool commit) =>
        new() { Type = XenStoreMessageType.TransactionEnd, TransactionId = transaction, Subject = commit ? "T" : "F" };

    /// <summary>A request outside any transaction with an unchanged payload.</summary>
    public static RequestMessage Raw(XenStoreMessageType type, ReadOnlyMemory<byte> payload) => new() { Type = type, Tail = payload };

    /// <summary>Writes header and payload and returns their length.</summary>
    public int Write(uint requestId, Span<byte> destination)
    {
        int length = PayloadLength;
        new XenStoreHeader(Type, requestId, TransactionId, (uint)length).Write(destination);
        Tail.Span.CopyTo(WriteString(Second, WriteString(Subject, destination[XenStoreHeader.Size..])));
        return XenStoreHeader.Size + length;
    }

    private static Span<byte> WriteString(string? text, Span<byte> destination)
    {
        if (text is null)
        {
            return destination;
        }

        int length = Encoding.ASCII.GetBytes(text, destination);
        destination[length] = 0;
        return destination[(length + 1)..];
    }

    private static string Number(ulong number) => number.ToString(CultureInfo.InvariantCulture);
}
