using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>What <see cref="NucleusCall.ReadHypervisorFacts"/> writes; zeros without Xen.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct HypervisorFacts
{
    /// <summary>1 under Xen.</summary>
    public uint IsPresent;

    /// <summary>Major version in the upper 16 bits, minor in the lower.</summary>
    public uint Version;

    /// <summary>XENFEAT_ bits 0 to 31.</summary>
    public uint Features;

    /// <summary>The id of this domain. Another one after a migration.</summary>
    public uint DomainId;

    /// <summary>The rest of the version, such as ".5", ended by a NUL unless it fills the field.</summary>
    public fixed byte ExtraVersion[XenVersion.XEN_EXTRAVERSION_LEN];
}
