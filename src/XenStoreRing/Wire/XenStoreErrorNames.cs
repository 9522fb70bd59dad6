using System.Text;

namespace Xenlet.XenStoreRing;

/// <summary>Error names on the wire.</summary>
public static class XenStoreErrorNames
{
    private const int LongestKept = 64;

    /// <summary>
    /// Reads an ERROR reply's payload: a name that ends at the first NUL or at the end. An unknown name gives
    /// <see cref="XenStoreError.Unknown"/> and its text, cut at 64 characters, with unprintable characters replaced by "?".
    /// </summary>
    public static XenStoreError Parse(ReadOnlySpan<byte> payload, out string name)
    {
        int end = payload.IndexOf((byte)0);
        ReadOnlySpan<byte> text = end < 0 ? payload : payload[..end];
        for (XenStoreError known = XenStoreError.EINVAL; known <= XenStoreError.EQUOTA; known++)
        {
            if (Ascii.Equals(text, ToWireName(known)))
            {
                name = ToWireName(known);
                return known;
            }
        }

        name = string.Create(Math.Min(text.Length, LongestKept), text, static (characters, source) =>
        {
            for (int i = 0; i < characters.Length; i++)
            {
                characters[i] = source[i] is > 0x20 and < 0x7f ? (char)source[i] : '?';
            }
        });
        return XenStoreError.Unknown;
    }

    /// <summary>The name on the wire, or the enumeration's own name for an error that only this library reports.</summary>
    public static string ToWireName(this XenStoreError error) => error switch
    {
        XenStoreError.EINVAL => "EINVAL",
        XenStoreError.EACCES => "EACCES",
        XenStoreError.EEXIST => "EEXIST",
        XenStoreError.EISDIR => "EISDIR",
        XenStoreError.ENOENT => "ENOENT",
        XenStoreError.ENOMEM => "ENOMEM",
        XenStoreError.ENOSPC => "ENOSPC",
        XenStoreError.EIO => "EIO",
        XenStoreError.ENOTEMPTY => "ENOTEMPTY",
        XenStoreError.ENOSYS => "ENOSYS",
        XenStoreError.EROFS => "EROFS",
        XenStoreError.EBUSY => "EBUSY",
        XenStoreError.EAGAIN => "EAGAIN",
        XenStoreError.EISCONN => "EISCONN",
        XenStoreError.E2BIG => "E2BIG",
        XenStoreError.EPERM => "EPERM",
        XenStoreError.EQUOTA => "EQUOTA",
        XenStoreError.TimedOut => nameof(XenStoreError.TimedOut),
        XenStoreError.ConnectionClosed => nameof(XenStoreError.ConnectionClosed),
        XenStoreError.ProtocolViolation => nameof(XenStoreError.ProtocolViolation),
        XenStoreError.BadValue => nameof(XenStoreError.BadValue),
        _ => nameof(XenStoreError.Unknown),
    };

    internal static string Explain(XenStoreError error) => error switch
    {
        XenStoreError.EINVAL => "the server calls an argument invalid",
        XenStoreError.EACCES => "no permission for this node",
        XenStoreError.EEXIST => "it exists already",
        XenStoreError.EISDIR => "it is a directory",
        XenStoreError.ENOENT => "there is no such node, watch or transaction",
        XenStoreError.ENOMEM => "the server is out of memory or a memory quota is used up",
        XenStoreError.ENOSPC => "a quota is used up or the value is too large",
        XenStoreError.EIO => "the server's input or output failed",
        XenStoreError.ENOTEMPTY => "it is not empty",
        XenStoreError.ENOSYS => "the server does not know this request",
        XenStoreError.EROFS => "the store is read-only",
        XenStoreError.EBUSY => "it is busy",
        XenStoreError.EAGAIN => "a conflicting change came in between",
        XenStoreError.EISCONN => "it is connected already",
        XenStoreError.E2BIG => "too large for one message, or a quota is used up",
        XenStoreError.EPERM => "the operation is not permitted",
        XenStoreError.EQUOTA => "a quota is used up",
        _ => "an error name that is not documented",
    };
}
