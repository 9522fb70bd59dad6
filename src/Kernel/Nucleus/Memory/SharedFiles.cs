using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// Shared mappings of files: regions whose pages are those of a file. The pages that the file has are made and mapped at once, so that
/// room which is missing is an error of the call; those that it gains later, when they are touched.
/// </summary>
internal static unsafe class SharedFiles
{
    /// <summary>Maps a part of a file. Unmaps what was there before.</summary>
    /// <param name="start">Start of the range.</param>
    /// <param name="end">End of the range, exclusive.</param>
    /// <param name="protection">The rights.</param>
    /// <param name="data">The file's content.</param>
    /// <param name="page">The file's page at the start.</param>
    /// <param name="isWritable">Whether write access may be given later.</param>
    /// <returns>0; -ENOMEM if there is no room for pages of the file, or for tables and records.</returns>
    public static long Map(ulong start, ulong end, Protection protection, FileData* data, ulong page, bool isWritable)
    {
        // Two splits of the old regions, and the new one.
        const int records = 3;
        if (!RegionList.Reserve(records) || !TryMakePages(data, page, (end - start) / Pages.Size) || !PageTable.TryCover(start, end))
        {
            return -Errno.ENOMEM;
        }

        // First, so that the file outlives an old mapping of its own.
        data->Regions++;
        AddressSpace.Remove(start, end, tablesFrom: start);
        Region* region = RegionList.Insert(start, end, protection, RegionKind.File | (isWritable ? 0 : RegionKind.ReadOnlyFile));
        region->File = data;
        region->FilePage = page;
        for (ulong address = start; address < end; address += Pages.Size)
        {
            ulong frame = FrameAt(region, address);
            if (frame == 0)
            {
                break;
            }

            *PageTable.Find(address, create: false) = EntryOf(frame) | region->AccessBits;
            Machine.InvalidatePage(address);
        }

        return 0;
    }

    /// <summary>The frame that a region of a file has at an address; 0 beyond the file's end, and if there is no room for it.</summary>
    public static ulong FrameAt(Region* region, ulong address) =>
        region->File->FindForMapping(region->FilePage + ((address - region->Start) / Pages.Size));

    /// <summary>The entry of a page of a file, without access rights: unmapping frees no frame.</summary>
    public static ulong EntryOf(ulong frame) => frame | PageTable.HoldsFrame | PageTable.NotOwned;

    /// <summary>Takes the pages of a file from one on out of all regions: they are about to be freed.</summary>
    public static void Forget(FileData* data, ulong from)
    {
        int left = data->Regions;
        for (Region* region = RegionList.First; region != null && left > 0; region = region->Next)
        {
            if (region->File != data)
            {
                continue;
            }

            left--;
            ulong kept = from > region->FilePage ? Math.Min(from - region->FilePage, region->PageCount) : 0;
            ulong start = region->Start + (kept * Pages.Size);
            if (start < region->End)
            {
                _ = PageTable.Unmap(start, region->End, floor: region->End, ceiling: start);
            }
        }
    }

    private static bool TryMakePages(FileData* data, ulong page, ulong count)
    {
        for (ulong i = page; i < data->PageCount && i - page < count; i++)
        {
            if (data->Pages.FindOrAdd(i) == 0)
            {
                return false;
            }
        }

        return true;
    }
}
