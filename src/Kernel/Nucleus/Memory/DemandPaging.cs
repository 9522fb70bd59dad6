using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>How a touch of a page ended.</summary>
internal enum TouchResult
{
    /// <summary>The page is there with the access asked for.</summary>
    Ready,

    /// <summary>No region there: SEGV_MAPERR.</summary>
    NotMapped,

    /// <summary>The region does not allow it: SEGV_ACCERR.</summary>
    Denied,

    /// <summary>
    /// A page of a stack, or a page table for one or beside code that was never touched, for which no frame is left;
    /// <see cref="DemandPaging.Shortage"/> says which.
    /// </summary>
    OutOfMemory,
}

/// <summary>What no frame was left for.</summary>
internal enum MemoryShortage
{
    StackPage,
    PageTable,
}

/// <summary>Gives pages their frames when they are touched first.</summary>
internal static unsafe class DemandPaging
{
    /// <summary>What the last <see cref="TouchResult.OutOfMemory"/> was about.</summary>
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

        // What is charged has its tables.
        ulong* slot = PageTable.Find(address, create: false);
        if (slot == null || (*slot & PageTable.HoldsFrame) == 0)
        {
            ulong frame;
            if ((region->Kind & RegionKind.Charged) != 0)
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

    /// <summary>Whether there are frames for a page of a stack and for the tables that lead to it. It gets all or none.</summary>
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
