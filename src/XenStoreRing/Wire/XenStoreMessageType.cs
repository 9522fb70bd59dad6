namespace Xenlet.XenStoreRing;

/// <summary>
/// The type of a xenstore message: <c>enum xsd_sockmsg_type</c> of Xen's public header <c>io/xs_wire.h</c>. A reply has its request's type,
/// or <see cref="Error"/>.
/// </summary>
public enum XenStoreMessageType : uint
{
    Control = 0,
    Directory = 1,
    Read = 2,
    GetPermissions = 3,
    Watch = 4,
    Unwatch = 5,
    TransactionStart = 6,
    TransactionEnd = 7,
    Introduce = 8,
    Release = 9,
    GetDomainPath = 10,
    Write = 11,
    MakeDirectory = 12,
    Remove = 13,
    SetPermissions = 14,

    /// <summary>Sent by the server without a request: a watched node, or one below it, may have changed.</summary>
    WatchEvent = 15,

    /// <summary>A reply that contains an error's name instead of the request's result.</summary>
    Error = 16,
    IsDomainIntroduced = 17,
    Resume = 18,
    SetTarget = 19,

    /// <summary>Number 20 was <c>XS_RESTRICT</c>, which Xen has removed.</summary>
    ResetWatches = 21,

    /// <summary>A part of a directory that does not fit in one message.</summary>
    DirectoryPart = 22,
    GetFeature = 23,
    SetFeature = 24,
    GetQuota = 25,
    SetQuota = 26,
    Invalid = 0xffff,
}
