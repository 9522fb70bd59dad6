using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// One part of a call that copies between the program's memory and pages of other domains, or from one of these to another.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ForeignCopyRecord
{
    /// <summary>The program's memory, unless <see cref="HasSource"/>.</summary>
    public ulong Address;

    /// <summary>The other domain's grant reference.</summary>
    public uint Reference;

    /// <summary>The other domain.</summary>
    public ushort Domain;

    /// <summary>Out.</summary>
    public GrantStatus Status;

    /// <summary>Offset in the other domain's page.</summary>
    public uint Offset;

    /// <summary>Size in bytes.</summary>
    public uint Length;

    /// <summary>Of a copy to other domains' pages, whether it is one from such a page too: the next three say which.</summary>
    public uint HasSource;

    /// <summary>Its grant reference.</summary>
    public uint SourceReference;

    /// <summary>Its offset in that page.</summary>
    public uint SourceOffset;

    /// <summary>Its domain.</summary>
    public ushort SourceDomain;
}
