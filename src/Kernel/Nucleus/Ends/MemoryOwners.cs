using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Xen;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>Counts the pages of each owner.</summary>
internal static unsafe class MemoryOwners
{
    /// <summary>Writes the current number of pages of each owner.</summary>
    public static void Count(NucleusMemoryRecord* record)
    {
        ulong mappings = 0;
        ulong stacks = 0;
        for (Region* region = RegionList.First; region != null; region = region->Next)
        {
            // The image's frames do not come from the allocator, and shared pages are counted separately.
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
        record->Files = FrameAllocator.FileFrames;
        record->Free = FrameAllocator.FreeFrames;
        record->Promised = MemoryCharge.Promised;
    }
}
