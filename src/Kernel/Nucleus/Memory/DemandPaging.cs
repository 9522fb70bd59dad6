using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>The result of touching a page.</summary>
internal enum TouchResult
{
    /// <summary>The page is present and allows the access.</summary>
    Ready,

    /// <summary>No region contains the address: SEGV_MAPERR.</summary>
    NotMapped,

    /// <summary>The region does not allow the access: SEGV_ACCERR.</summary>
    Denied,

    /// <summary>The file of the mapping has no such page, or there is no room for it: BUS_ADRERR.</summary>
    NoFilePage,

    /// <summary>
    /// No frame is left for a page of a stack, or for a page table of one or beside code that was never touched.
    /// <see cref="DemandPaging.Shortage"/> says which.
    /// </summary>
    OutOfMemory,
}

/// <summary>What the missing frame was for.</summary>
internal enum MemoryShortage
{
    StackPage,
    PageTable,
}

/// <summary>Gives pages their frames on first access.</summary>
internal static unsafe class DemandPaging
{
    /// <summary>The cause of the last <see cref="TouchResult.OutOfMemory"/>.</summary>
    public static MemoryShortage Shortage { get; private set; }

    /// <summary>Makes the page of this address present if its region allows the access.</summary>
    public static TouchResult Touch(ulong address, bool write, bool execute)
    {
        Region* region = RegionList.Find(address);
        if (region == null)
        {
            return TouchResult.NotMapped;
        }

        ulong access = region->AccessBits;
        if ((access & PageTable.Present) == 0 || (write && (access & PageTable.Writable) == 0)
            || (execute && (access & PageTable.NoExecute) != 0))
        {
            return TouchResult.Denied;
        }

        // Charged pages have their tables.
        ulong* slot = PageTable.Find(address, create: false);
        if (slot == null || (*slot & PageTable.HoldsFrame) == 0)
        {
            ulong frame;
            if ((region->Kind & RegionKind.File) != 0)
            {
                frame = SharedFiles.FrameAt(region, address);
                ulong page = Pages.RoundDown(address);
                if (frame == 0 || !PageTable.TryCover(page, page + Pages.Size))
                {
                    return TouchResult.NoFilePage;
                }

                slot = PageTable.Find(address, create: false);
                frame = SharedFiles.EntryOf(frame);
            }
            else if ((region->Kind & RegionKind.Charged) != 0)
            {
                frame = MemoryCharge.AllocatePromised();
            }
            else
            {
                if (!HasRoomForStack(address))
                {
                    return TouchResult.OutOfMemory;
                }

                slot = PageTable.Find(address, create: true);
                frame = FrameAllocator.Allocate();
            }

            *slot = frame | PageTable.HoldsFrame;
        }

        if (PageTable.IsExecutable(access) && !PageTable.IsExecutable(*slot))
        {
            if (!FrameAlias.Prepare(PageTable.FrameOf(*slot)))
            {
                Shortage = MemoryShortage.PageTable;
                return TouchResult.OutOfMemory;
            }

            FrameAlias.SetWritable(PageTable.FrameOf(*slot), isWritable: false);
        }

        *slot |= access;
        Machine.InvalidatePage(address);
        return TouchResult.Ready;
    }

    /// <summary>
    /// Whether there are frames for a page of a stack and for all the tables that lead to it. A stack page gets all of them or none.
    /// </summary>
    private static bool HasRoomForStack(ulong address)
    {
        ulong tables = PageTable.CountMissing(Pages.RoundDown(address), Pages.RoundDown(address) + Pages.Size);
        if (MemoryCharge.CanGiveStack(tables + 1))
        {
            return true;
        }

        Shortage = tables == 0 || MemoryCharge.CanGiveStack(tables) ? MemoryShortage.StackPage : MemoryShortage.PageTable;
        return false;
    }
}
