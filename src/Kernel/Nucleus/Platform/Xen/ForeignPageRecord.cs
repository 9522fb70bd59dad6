using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>One page of a call that maps or unmaps pages of other domains.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ForeignPageRecord
{
    /// <summary>To map: the other domain's grant reference.</summary>
    public uint Reference;

    /// <summary>To map: the other domain.</summary>
    public ushort Domain;

    /// <summary>Out.</summary>
    public GrantStatus Status;

    /// <summary>To map: whether the page is mapped for reading only.</summary>
    public ulong IsReadOnly;

    /// <summary>Mapping writes, and unmapping reads, the slot; towards the program, its handle.</summary>
    public ulong Slot;

    /// <summary>Mapping writes where the program sees the page.</summary>
    public ulong Address;
}
