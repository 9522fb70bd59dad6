using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>The record that <see cref="NucleusCall.ReadHypervisorFacts"/> writes. All zeros without Xen.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct HypervisorFacts
{
    /// <summary>1 under Xen.</summary>
    public uint IsPresent;

    /// <summary>Major version in the upper 16 bits, minor version in the lower.</summary>
    public uint Version;

    /// <summary>XENFEAT_ bits 0 to 31.</summary>
    public uint Features;

    /// <summary>This domain's id. It changes with a migration.</summary>
    public uint DomainId;

    /// <summary>The rest of the version, such as ".5". Ends with a NUL unless it fills the field.</summary>
    public fixed byte ExtraVersion[XenVersion.XEN_EXTRAVERSION_LEN];
}
