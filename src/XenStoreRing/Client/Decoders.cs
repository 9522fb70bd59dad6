using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Xenlet.XenStoreRing.Client;

/// <summary>
/// Converts a reply's payload, which is invalid afterwards, to a result. Throws <see cref="DecodeException"/> if the payload is malformed.
/// </summary>
internal delegate T Decoder<T>(ReadOnlySpan<byte> body, Memory<byte> destination);

/// <summary>The payload of a reply is malformed. Becomes a <see cref="XenStoreException"/> that names the request.</summary>
internal sealed class DecodeException(XenStoreError error, string message) : Exception(message)
{
    public XenStoreError Error { get; } = error;
}

/// <summary>The decoders of all requests. There is one instance of each, so requests allocate none.</summary>
internal static class Decoders
{
    public static readonly Decoder<string?> Text = static (body, _) => Encoding.UTF8.GetString(body);
    public static readonly Decoder<byte[]?> Bytes = static (body, _) => body.ToArray();
    public static readonly Decoder<bool> True = static (_, _) => true;
    public static readonly Decoder<int> Copy = CopyBody;
    public static readonly Decoder<bool> Done = ReadDone;
    public static readonly Decoder<int> Int32 = static (body, _) => ReadInt32(body);
    public static readonly Decoder<int?> NullableInt32 = static (body, _) => ReadInt32(body);
    public static readonly Decoder<long> Int64 = static (body, _) => ReadInt64(body);
    public static readonly Decoder<long?> NullableInt64 = static (body, _) => ReadInt64(body);
    public static readonly Decoder<XenStorePermissionEntry[]> Permissions = ReadPermissions;
    public static readonly Decoder<string> DomainPath = ReadDomainPath;
    public static readonly Decoder<bool> TrueOrFalse = ReadTrueOrFalse;
    public static readonly Decoder<uint> TransactionId = static (body, _) => ReadTransactionId(body);
    public static readonly Decoder<string[]?> Names = ReadNames;

    public static uint ReadTransactionId(ReadOnlySpan<byte> body)
    {
        ReadOnlySpan<byte> text = WithoutNul(body);
        return Utf8Parser.TryParse(text, out uint id, out int used) && used == text.Length && id != 0
            ? id
            : throw new DecodeException(XenStoreError.ProtocolViolation, $"the reply {Show(body)} is not a transaction id");
    }

    /// <summary>A payload for messages: at most 40 bytes, with unprintable ones as "?".</summary>
    public static string Show(ReadOnlySpan<byte> body)
    {
        StringBuilder text = new("\"");
        foreach (byte value in body[..Math.Min(body.Length, 40)])
        {
            text.Append(value is >= 0x20 and < 0x7f ? (char)value : '?');
        }

        return text.Append(body.Length > 40 ? "...\"" : "\"").Append(CultureInfo.InvariantCulture, $" ({body.Length} bytes)").ToString();
    }

    private static int CopyBody(ReadOnlySpan<byte> body, Memory<byte> destination)
    {
        if (body.Length > destination.Length)
        {
            throw new DecodeException(XenStoreError.E2BIG, string.Create(CultureInfo.InvariantCulture,
                $"the value has {body.Length} bytes, the buffer given {destination.Length}"));
        }

        body.CopyTo(destination.Span);
        return body.Length;
    }

    private static bool ReadDone(ReadOnlySpan<byte> body, Memory<byte> destination) =>
        WithoutNul(body).SequenceEqual("OK"u8)
            ? true
            : throw new DecodeException(XenStoreError.ProtocolViolation, $"the reply {Show(body)} is not \"OK\"");

    private static int ReadInt32(ReadOnlySpan<byte> body) =>
        Utf8Parser.TryParse(body, out int value, out int used) && used == body.Length ? value : throw NotANumber(body, "32");

    private static long ReadInt64(ReadOnlySpan<byte> body) =>
        Utf8Parser.TryParse(body, out long value, out int used) && used == body.Length ? value : throw NotANumber(body, "64");

    private static DecodeException NotANumber(ReadOnlySpan<byte> body, string bits) =>
        new(XenStoreError.BadValue, $"the value {Show(body)} is not a decimal number of {bits} bits");

    private static XenStorePermissionEntry[] ReadPermissions(ReadOnlySpan<byte> body, Memory<byte> destination)
    {
        List<XenStorePermissionEntry> permissions = [];
        foreach (ReadOnlySpan<byte> text in new XenStoreStrings(body))
        {
            permissions.Add(XenStorePermissionEntry.TryParse(text, out XenStorePermissionEntry permission)
                ? permission
                : throw new DecodeException(XenStoreError.ProtocolViolation, $"{Show(text)} is not a permission"));
        }

        return permissions.Count > 0
            ? [.. permissions]
            : throw new DecodeException(XenStoreError.ProtocolViolation, "the reply names no owner");
    }

    private static string ReadDomainPath(ReadOnlySpan<byte> body, Memory<byte> destination)
    {
        ReadOnlySpan<byte> path = WithoutNul(body);
        return XenStorePath.IsValid(path)
            ? Encoding.ASCII.GetString(path)
            : throw new DecodeException(XenStoreError.ProtocolViolation, $"the reply {Show(body)} is not a path");
    }

    private static bool ReadTrueOrFalse(ReadOnlySpan<byte> body, Memory<byte> destination)
    {
        ReadOnlySpan<byte> text = WithoutNul(body);
        return text.SequenceEqual("T"u8) || (text.SequenceEqual("F"u8)
            ? false
            : throw new DecodeException(XenStoreError.ProtocolViolation, $"the reply {Show(body)} is neither \"T\" nor \"F\""));
    }

    private static string[] ReadNames(ReadOnlySpan<byte> body, Memory<byte> destination)
    {
        string[] names = new string[body.Count((byte)0) + (body.IsEmpty || body[^1] == 0 ? 0 : 1)];
        int count = 0;
        foreach (ReadOnlySpan<byte> name in new XenStoreStrings(body))
        {
            names[count++] = ReadName(name);
        }

        return names;
    }

    public static string ReadName(ReadOnlySpan<byte> name) => XenStorePath.IsValidName(name)
        ? Encoding.ASCII.GetString(name)
        : throw new DecodeException(XenStoreError.ProtocolViolation, $"the directory holds {Show(name)}, which is not a valid node name");

    private static ReadOnlySpan<byte> WithoutNul(ReadOnlySpan<byte> body) => !body.IsEmpty && body[^1] == 0 ? body[..^1] : body;
}
