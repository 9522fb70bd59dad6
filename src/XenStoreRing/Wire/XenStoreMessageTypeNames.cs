using System.Globalization;

namespace Xenlet.XenStoreRing;

/// <summary>
/// The names of message types in the xenstore documentation (<c>docs/misc/xenstore.txt</c>), for human-readable messages.
/// </summary>
public static class XenStoreMessageTypeNames
{
    /// <summary>The documented name, such as <c>GET_PERMS</c>; the number as text for a type without one.</summary>
    public static string ToWireName(this XenStoreMessageType type) => type switch
    {
        XenStoreMessageType.Control => "CONTROL",
        XenStoreMessageType.Directory => "DIRECTORY",
        XenStoreMessageType.Read => "READ",
        XenStoreMessageType.GetPermissions => "GET_PERMS",
        XenStoreMessageType.Watch => "WATCH",
        XenStoreMessageType.Unwatch => "UNWATCH",
        XenStoreMessageType.TransactionStart => "TRANSACTION_START",
        XenStoreMessageType.TransactionEnd => "TRANSACTION_END",
        XenStoreMessageType.Introduce => "INTRODUCE",
        XenStoreMessageType.Release => "RELEASE",
        XenStoreMessageType.GetDomainPath => "GET_DOMAIN_PATH",
        XenStoreMessageType.Write => "WRITE",
        XenStoreMessageType.MakeDirectory => "MKDIR",
        XenStoreMessageType.Remove => "RM",
        XenStoreMessageType.SetPermissions => "SET_PERMS",
        XenStoreMessageType.WatchEvent => "WATCH_EVENT",
        XenStoreMessageType.Error => "ERROR",
        XenStoreMessageType.IsDomainIntroduced => "IS_DOMAIN_INTRODUCED",
        XenStoreMessageType.Resume => "RESUME",
        XenStoreMessageType.SetTarget => "SET_TARGET",
        XenStoreMessageType.ResetWatches => "RESET_WATCHES",
        XenStoreMessageType.DirectoryPart => "DIRECTORY_PART",
        XenStoreMessageType.GetFeature => "GET_FEATURE",
        XenStoreMessageType.SetFeature => "SET_FEATURE",
        XenStoreMessageType.GetQuota => "GET_QUOTA",
        XenStoreMessageType.SetQuota => "SET_QUOTA",
        XenStoreMessageType.Invalid => "INVALID",
        _ => "type " + ((uint)type).ToString(CultureInfo.InvariantCulture),
    };
}
