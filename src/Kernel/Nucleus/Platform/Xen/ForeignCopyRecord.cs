using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>One part of a call that copies between the program's memory and pages of other domains.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ForeignCopyRecord
{
    /// <summary>The program's memory.</summary>
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
}
