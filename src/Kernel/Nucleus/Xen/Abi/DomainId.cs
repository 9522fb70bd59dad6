namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>Reserved domain ids (xen.h).</summary>
internal static class DomainId
{
    /// <summary>Ids from here on name no single domain.</summary>
    public const ushort DOMID_FIRST_RESERVED = 0x7FF0;

    /// <summary>The calling domain itself.</summary>
    public const ushort DOMID_SELF = 0x7FF0;
}
