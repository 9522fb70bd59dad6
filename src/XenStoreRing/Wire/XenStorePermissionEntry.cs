using System.Buffers.Text;
using System.Globalization;

namespace Xenlet.XenStoreRing;

/// <summary>A domain's rights to a node.</summary>
[Flags]
public enum XenStoreRights
{
    None = 0,
    Read = 1,
    Write = 2,
    ReadWrite = Read | Write,
}

/// <summary>
/// One entry of a node's permissions. The first entry of a list names the owner, who has all rights; its own rights apply to every domain
/// that is not listed.
/// </summary>
public readonly record struct XenStorePermissionEntry(uint DomainId, XenStoreRights Rights)
{
    /// <summary>Parses the form on the wire: one of the letters n, r, w, b and a domain id in decimal.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out XenStorePermissionEntry permission)
    {
        permission = default;
        if (text.Length < 2 || text[1] is < (byte)'0' or > (byte)'9'
            || !Utf8Parser.TryParse(text[1..], out uint domain, out int used) || used != text.Length - 1)
        {
            return false;
        }

        XenStoreRights rights;
        switch (text[0])
        {
            case (byte)'n': rights = XenStoreRights.None; break;
            case (byte)'r': rights = XenStoreRights.Read; break;
            case (byte)'w': rights = XenStoreRights.Write; break;
            case (byte)'b': rights = XenStoreRights.ReadWrite; break;
            default: return false;
        }

        permission = new(domain, rights);
        return true;
    }

    /// <summary>The form on the wire, such as "r5".</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{"nrwb"[(int)(Rights & XenStoreRights.ReadWrite)]}{DomainId}");
}
