using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// Detects a domain that was built populate-on-demand (maxmem above memory). Its memory map promises more RAM than Xen holds for it, and
/// Xen kills the domain if it touches too much.
/// </summary>
/// <remarks>
/// XENMEM_current_reservation is domain_tot_pages(): the pages allocated to the domain, including the cache for on-demand pages. An
/// ordinary PVH domain has all RAM of its map, and in addition the 8 special pages and the ACPI tables' pages (X86_HVM_NR_SPECIAL_PAGES,
/// populate_acpi_pages), which the map does not call RAM; it has no VGA hole. A populate-on-demand domain has the pages of memory instead
/// of maxmem, and the same additional ones (meminit_hvm). The check therefore allows no slack, and detects a shortage that exceeds the
/// additional pages: xl's settings are in MiB, which is 256 pages. (tools/libs/guest/xg_dom_x86.c, xen/common/memory.c)
/// </remarks>
internal readonly struct PopulateOnDemand
{
    private PopulateOnDemand(ulong ramPages, long reservation)
    {
        RamPages = ramPages;
        Reservation = reservation;
    }

    /// <summary>Pages of RAM in the memory map.</summary>
    public ulong RamPages { get; }

    /// <summary>Pages that Xen holds for the domain, or the hypercall's negative errno.</summary>
    public long Reservation { get; }

    /// <summary>True if Xen holds fewer pages than the memory map promises.</summary>
    public bool IsShort => Reservation >= 0 && (ulong)Reservation < RamPages;

    /// <summary>Asks Xen.</summary>
    /// <param name="ramPages">Whole 4 KiB pages of type RAM in the memory map.</param>
    public static PopulateOnDemand Check(ulong ramPages) => new(ramPages, MemoryOp.CurrentReservation());
}
