namespace Xenlet.Kernel;

/// <summary>
/// The hypervisor's features for this domain: bits 0 to 31 of XENFEAT_ in Xen's <c>features.h</c>. Bits without a name here keep their
/// value.
/// </summary>
[Flags]
public enum XenFeatures : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The domain may write its page tables.</summary>
    WritablePageTables = 1 << 0,

    /// <summary>The domain may write its descriptor tables.</summary>
    WritableDescriptorTables = 1 << 1,

    /// <summary>The domain's physical addresses are translated by the hypervisor.</summary>
    AutoTranslatedPhysmap = 1 << 2,

    /// <summary>The domain's kernel runs in ring 0.</summary>
    SupervisorModeKernel = 1 << 3,

    /// <summary>Page directories may lie above 4 GiB.</summary>
    PaePgdirAbove4Gb = 1 << 4,

    /// <summary>MMU updates preserve accessed and dirty bits.</summary>
    MmuPtUpdatePreserveAd = 1 << 5,

    /// <summary>Grant mappings have bits that are available to the domain.</summary>
    GnttabMapAvailBits = 1 << 7,

    /// <summary>Event channels can raise an interrupt vector.</summary>
    HvmCallbackVector = 1 << 8,

    /// <summary>The clock records are safe for an HVM guest.</summary>
    HvmSafePvclock = 1 << 9,

    /// <summary>Event channels can represent physical interrupts.</summary>
    HvmPirqs = 1 << 10,

    /// <summary>The domain is dom0.</summary>
    Dom0 = 1 << 11,

    /// <summary>Grant mappings appear at their machine addresses.</summary>
    GrantMapIdentity = 1 << 12,

    /// <summary>Memory operations support virtual memory nodes.</summary>
    MemoryOpVnodeSupported = 1 << 13,

    /// <summary>The ARM SMC calling convention is supported.</summary>
    ArmSmcccSupported = 1 << 14,

    /// <summary>The ACPI root pointer may lie anywhere.</summary>
    LinuxRsdpUnrestricted = 1 << 15,

    /// <summary>The domain's physical addresses are not the machine's.</summary>
    NotDirectMapped = 1 << 16,

    /// <summary>The domain's physical addresses are the machine's.</summary>
    DirectMapped = 1 << 17,
}
