using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>HYPERVISOR_memory_op: the guest's physical address space (memory.h).</summary>
internal static unsafe class MemoryOp
{
    public const uint XENMEM_current_reservation = 3;
    public const uint XENMEM_maximum_reservation = 4;
    public const uint XENMEM_add_to_physmap = 7;
    public const uint XENMEM_memory_map = 9;
    public const uint XENMEM_remove_from_physmap = 15;

    public const uint XENMAPSPACE_shared_info = 0;
    public const uint XENMAPSPACE_grant_table = 1;

    /// <summary>
    /// XENMEM_add_to_physmap: maps page <paramref name="index"/> of one of Xen's map spaces at a guest frame.
    /// </summary>
    /// <param name="space">XENMAPSPACE_ value.</param>
    /// <param name="index">Page within the map space.</param>
    /// <param name="frame">Guest frame number. The guest loses RAM that lies there, so choose a frame without RAM.</param>
    public static long AddToPhysmap(uint space, ulong index, ulong frame)
    {
        xen_add_to_physmap argument = new() { domid = DomainId.DOMID_SELF, space = space, idx = index, gpfn = frame };
        return Hypercall.Invoke(HypercallNumber.__HYPERVISOR_memory_op, XENMEM_add_to_physmap, (ulong)&argument);
    }

    /// <summary>XENMEM_remove_from_physmap: removes the page at a guest frame.</summary>
    public static long RemoveFromPhysmap(ulong frame)
    {
        xen_remove_from_physmap argument = new() { domid = DomainId.DOMID_SELF, gpfn = frame };
        return Hypercall.Invoke(HypercallNumber.__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, (ulong)&argument);
    }

    /// <summary>XENMEM_current_reservation: the number of pages that this domain has, or a negative errno.</summary>
    public static long CurrentReservation() => Reservation(XENMEM_current_reservation);

    /// <summary>XENMEM_maximum_reservation: the number of pages that this domain may have, or a negative errno.</summary>
    public static long MaximumReservation() => Reservation(XENMEM_maximum_reservation);

    /// <summary>XENMEM_memory_map: the memory map from when the domain was built.</summary>
    /// <param name="entries">Receives the entries. It must be present in memory.</param>
    /// <param name="capacity">
    /// The number of <paramref name="entries"/> that fit.
    /// </param>
    /// <param name="count">The number of entries stored.</param>
    public static long MemoryMap(e820entry* entries, uint capacity, out uint count)
    {
        xen_memory_map argument = new() { nr_entries = capacity, buffer = entries };
        long result = Hypercall.Invoke(HypercallNumber.__HYPERVISOR_memory_op, XENMEM_memory_map, (ulong)&argument);
        count = result < 0 ? 0 : argument.nr_entries;
        if (count > capacity)
        {
            // No more than the buffer holds can have been stored, whatever Xen returned.
            count = capacity;
        }

        return result;
    }

    private static long Reservation(uint operation)
    {
        xen_memory_domain argument = new() { domid = DomainId.DOMID_SELF };
        return Hypercall.Invoke(HypercallNumber.__HYPERVISOR_memory_op, operation, (ulong)&argument);
    }
}

/// <summary>Argument of XENMEM_add_to_physmap (memory.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct xen_add_to_physmap
{
    public ushort domid;

    /// <summary>The number of pages, for XENMAPSPACE_gmfn_range only.</summary>
    public ushort size;
    public uint space;
    public ulong idx;
    public ulong gpfn;
}

/// <summary>Argument of XENMEM_remove_from_physmap (memory.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct xen_remove_from_physmap
{
    public ushort domid;
    public ulong gpfn;
}

/// <summary>Argument of XENMEM_current_reservation and XENMEM_maximum_reservation (memory.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct xen_memory_domain
{
    public ushort domid;
}

/// <summary>Argument of XENMEM_memory_map (memory.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct xen_memory_map
{
    /// <summary>In: capacity of the buffer. Out: entries stored.</summary>
    public uint nr_entries;
    public void* buffer;
}

/// <summary>One range of a memory map, in the 20-byte format of the BIOS call E820.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct e820entry
{
    /// <summary><see cref="type"/> of memory that the guest may use.</summary>
    public const uint E820_RAM = 1;

    public ulong addr;
    public ulong size;
    public uint type;
}
