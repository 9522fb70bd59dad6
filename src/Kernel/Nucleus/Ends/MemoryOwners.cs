using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Xen;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>Who has the memory.</summary>
internal static unsafe class MemoryOwners
{
    /// <summary>Counts the pages of each owner, as they are at this moment.</summary>
    public static void Count(NucleusMemoryRecord* record)
    {
        ulong mappings = 0;
        ulong stacks = 0;
        for (Region* region = RegionList.First; region != null; region = region->Next)
        {
            // The image's frames are not the allocator's, and shared pages count themselves.
            if ((region->Kind & RegionKind.Image) != 0)
            {
                continue;
            }

            ulong owned = PageTable.CountOwned(region->Start, region->End);
            if ((region->Kind & RegionKind.Stack) != 0)
            {
                stacks += owned;
            }
            else
            {
                mappings += owned;
            }
        }

        record->Total = MemoryMap.TotalPages;
        record->Image = MemoryMap.TotalPages - FrameAllocator.TotalFrames;
        record->PageTables = PageTable.CountTables();
        record->Mappings = mappings;
        record->Stacks = stacks;
        record->Shared = SharedPages.Count;
        record->Nucleus = FrameAllocator.NucleusFrames;
        record->Free = FrameAllocator.FreeFrames;
        record->Promised = MemoryCharge.Promised;
    }
}
