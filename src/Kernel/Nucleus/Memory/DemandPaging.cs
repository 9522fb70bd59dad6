namespace Xenlet.Kernel.Nucleus;

/// <summary>How a touch of a page ended.</summary>
internal enum TouchResult
{
    /// <summary>The page is there with the access asked for.</summary>
    Ready,

    /// <summary>No region there: SEGV_MAPERR.</summary>
    NotMapped,

    /// <summary>The region does not allow it: SEGV_ACCERR.</summary>
    Denied,

    /// <summary>A page of a stack, or a page table, for which no frame is left.</summary>
    OutOfMemory,
}

/// <summary>Gives pages their frames when they are touched first.</summary>
internal static unsafe class DemandPaging
{
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

        ulong* slot = PageTable.Find(address, create: true);
        if (slot == null)
        {
            return TouchResult.OutOfMemory;
        }

        if ((*slot & PageTable.HoldsFrame) == 0)
        {
            ulong frame = (region->Kind & RegionKind.Charged) != 0
                ? MemoryCharge.AllocatePromised()
                : MemoryCharge.AllocateUnpromised();
            if (frame == 0)
            {
                return TouchResult.OutOfMemory;
            }

            *slot = frame | PageTable.HoldsFrame;
        }

        if (PageTable.IsExecutable(access) && !PageTable.IsExecutable(*slot))
        {
            if (!FrameAlias.Prepare(PageTable.FrameOf(*slot)))
            {
                return TouchResult.OutOfMemory;
            }

            FrameAlias.SetWritable(PageTable.FrameOf(*slot), isWritable: false);
        }

        *slot |= access;
        Machine.InvalidatePage(address);
        return TouchResult.Ready;
    }
}
