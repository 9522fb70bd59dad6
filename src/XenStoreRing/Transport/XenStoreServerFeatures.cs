namespace Xenlet.XenStoreRing;

/// <summary>The bits of <c>server_features</c> in the ring page (<c>io/xs_wire.h</c>).</summary>
[Flags]
public enum XenStoreServerFeatures : uint
{
    None = 0,

    /// <summary><c>XENSTORE_SERVER_FEATURE_RECONNECTION</c>: the client may ask the server to set up the ring again.</summary>
    Reconnection = 1,

    /// <summary><c>XENSTORE_SERVER_FEATURE_ERROR</c>: the server reports why it gave up the ring.</summary>
    Error = 2,

    /// <summary><c>XENSTORE_SERVER_FEATURE_WATCHDEPTH</c>: WATCH takes a depth.</summary>
    WatchDepth = 4,

    /// <summary>Permissions may name every domain at once.</summary>
    AnyDomain = 8,
}
