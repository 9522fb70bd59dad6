namespace Xenlet.Kernel.Nucleus;

/// <summary>Reserved domain ids (xen.h).</summary>
internal static class DomainId
{
    /// <summary>The calling domain itself.</summary>
    public const ushort DOMID_SELF = 0x7FF0;
}
