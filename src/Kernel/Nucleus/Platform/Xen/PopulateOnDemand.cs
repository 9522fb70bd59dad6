using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// Tells whether the domain was built populate-on-demand (maxmem above memory): its memory map then promises more RAM than Xen holds for
/// it, and Xen kills it for touching too much.
/// </summary>
/// <remarks>
/// XENMEM_current_reservation is domain_tot_pages(): pages allocated to the domain, the cache for on-demand pages included. An
/// ordinary PVH domain has all RAM of its map, and above that the 8 special pages and the ACPI tables' pages
/// (X86_HVM_NR_SPECIAL_PAGES, populate_acpi_pages), which the map does not call RAM; no VGA hole. A populate-on-demand domain has
/// memory's pages instead of maxmem's, and the same additional ones (meminit_hvm). So no slack is allowed, and a shortage is seen as long
/// as it exceeds the additional pages: xl's settings are in MiB, 256 pages. (tools/libs/guest/xg_dom_x86.c, xen/common/memory.c)
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

    /// <summary>Pages that Xen holds for the domain, or the negative errno of the question.</summary>
    public long Reservation { get; }

    /// <summary>True when Xen holds fewer pages than the memory map promises.</summary>
    public bool IsShort => Reservation >= 0 && (ulong)Reservation < RamPages;

    /// <summary>Asks Xen.</summary>
    /// <param name="ramPages">Whole 4 KiB pages of type RAM in the memory map.</param>
    public static PopulateOnDemand Check(ulong ramPages) => new(ramPages, MemoryOp.CurrentReservation());
}
