namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>Reserved domain ids (xen.h).</summary>
internal static class DomainId
{
    /// <summary>The first reserved id. Ids from here on do not name a single domain.</summary>
    public const ushort DOMID_FIRST_RESERVED = 0x7FF0;

    /// <summary>The calling domain itself.</summary>
    public const ushort DOMID_SELF = 0x7FF0;
}
