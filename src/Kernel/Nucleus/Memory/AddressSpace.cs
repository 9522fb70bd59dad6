namespace Xenlet.Kernel.Nucleus;

/// <summary>The program's half of the address space: what mmap, munmap, mprotect, madvise and brk do.</summary>
internal static unsafe class AddressSpace
{
    /// <summary>Nothing is ever mapped below: a null reference plus a field's offset faults.</summary>
    public const ulong LowestAddress = 0x10000;

    /// <summary>Where mmap begins to look. Above the image, its heap and all that 32-bit displacements reach.</summary>
    public const ulong MapBase = 0x1_0000_0000;

    /// <summary>First address that the program cannot have: the end of the lower canonical half, less a page as in Linux.</summary>
    public const ulong MapEnd = 0x7fff_ffff_f000;

    private static ulong s_breakStart;
    private static ulong s_break;
    private static ulong s_breakLimit;

    /// <summary>Sets up the image's own regions and the heap of brk behind it.</summary>
    public static void Initialise(ulong imageEnd)
    {
        s_breakStart = imageEnd;
        s_break = imageEnd;
        s_breakLimit = MapBase;
    }

    /// <summary>Finds room for a mapping, lowest address first; 0 when there is none.</summary>
    public static ulong FindFree(ulong length)
    {
        ulong candidate = MapBase;
        for (Region* region = RegionList.FirstEndingAfter(MapBase); region != null; region = region->Next)
        {
            if (region->Start >= candidate && region->Start - candidate >= length)
            {
                return candidate;
            }

            candidate = region->End;
        }

        return length <= MapEnd - candidate ? candidate : 0;
    }

    /// <summary>Whether any region overlaps the range.</summary>
    public static bool IsOccupied(ulong start, ulong end)
    {
        Region* region = RegionList.FirstEndingAfter(start);
        return region != null && region->Start < end;
    }

    /// <summary>Whether any of the range is not the program's to unmap.</summary>
    public static bool IsSealed(ulong start, ulong end)
    {
        Region* region = RegionList.FirstEndingAfter(start);
        while (region != null && region->Start < end && !region->IsSealed)
        {
            region = region->Next;
        }

        return region != null && region->Start < end;
    }

    /// <summary>Maps zero-filled memory. What was there before is unmapped.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static long Map(ulong start, ulong end, Protection protection, RegionKind kind)
    {
        // Two splits of what was there, and the new one.
        if (!RegionList.Reserve(3))
        {
            return -Errno.ENOMEM;
        }

        if (protection != Protection.None && (kind & RegionKind.Stack) == 0)
        {
            // Before the unmapping, so that a refusal leaves what was there.
            if (!MemoryCharge.TryCharge((end - start) / Pages.Size))
            {
                return -Errno.ENOMEM;
            }

            kind |= RegionKind.Charged;
        }

        Unmap(start, end);

        RegionList.Insert(start, end, protection, kind);
        RegionList.Merge(start, end);
        return 0;
    }

    /// <summary>Unmaps whatever lies in the range.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static long Unmap(ulong start, ulong end)
    {
        if (!RegionList.Reserve(2))
        {
            return -Errno.ENOMEM;
        }

        RegionList.SplitAt(start);
        RegionList.SplitAt(end);
        Region* region = RegionList.FirstEndingAfter(start);
        while (region != null && region->Start < end)
        {
            Region* next = region->Next;
            ulong removed = PageTable.Unmap(region->Start, region->End);
            if ((region->Kind & RegionKind.Charged) != 0)
            {
                MemoryCharge.Release(region->PageCount - removed);
            }

            RegionList.Remove(region);
            region = next;
        }

        return 0;
    }

    /// <summary>Changes the protection of a range that is mapped throughout.</summary>
    /// <returns>0; -ENOMEM for a hole or for memory that cannot be promised, -EPERM for a sealed region, and then nothing is
    /// changed.</returns>
    public static long Protect(ulong start, ulong end, Protection protection)
    {
        if (!RegionList.Reserve(2))
        {
            return -Errno.ENOMEM;
        }

        ulong toCharge = 0;
        ulong reached = start;
        for (Region* region = RegionList.FirstEndingAfter(start); region != null && region->Start < end; region = region->Next)
        {
            if (region->Start > reached)
            {
                return -Errno.ENOMEM;
            }

            if (!region->CanBecome(protection))
            {
                return -Errno.EPERM;
            }

            reached = region->End;
            if (MustCharge(region, protection))
            {
                toCharge += (Math.Min(region->End, end) - Math.Max(region->Start, start)) / Pages.Size;
            }
        }

        var wanted = new Region { Protection = protection };
        if (reached < end
            || (PageTable.IsExecutable(wanted.AccessBits) && !PageTable.PrepareExecution(start, end))
            || !MemoryCharge.TryCharge(toCharge))
        {
            return -Errno.ENOMEM;
        }

        RegionList.SplitAt(start);
        RegionList.SplitAt(end);
        for (Region* region = RegionList.FirstEndingAfter(start); region != null && region->Start < end; region = region->Next)
        {
            if (MustCharge(region, protection))
            {
                region->Kind |= RegionKind.Charged;
            }

            region->Protection = protection;
            PageTable.Protect(region->Start, region->End, region->AccessBits);
        }

        RegionList.Merge(start, end);
        return 0;
    }

    /// <summary>MADV_DONTNEED: gives the frames back; the next touch finds zeros.</summary>
    public static void Discard(ulong start, ulong end)
    {
        for (Region* region = RegionList.FirstEndingAfter(start); region != null && region->Start < end; region = region->Next)
        {
            if ((region->Kind & RegionKind.Image) != 0)
            {
                continue;
            }

            ulong removed = PageTable.Unmap(Math.Max(region->Start, start), Math.Min(region->End, end));
            if ((region->Kind & RegionKind.Charged) != 0)
            {
                MemoryCharge.FrameReturned(removed);
            }
        }
    }

    /// <summary>brk(2): the new end of the heap, or the old one when that cannot be had.</summary>
    public static ulong SetBreak(ulong requested)
    {
        if (requested < s_breakStart || requested > s_breakLimit)
        {
            return s_break;
        }

        ulong oldEnd = Pages.RoundUp(s_break);
        ulong newEnd = Pages.RoundUp(requested);
        if (newEnd > oldEnd)
        {
            if (IsOccupied(oldEnd, newEnd) || Map(oldEnd, newEnd, Protection.Read | Protection.Write, RegionKind.None) != 0)
            {
                return s_break;
            }
        }
        else if (newEnd < oldEnd && Unmap(newEnd, oldEnd) != 0)
        {
            return s_break;
        }

        s_break = requested;
        return s_break;
    }

    private static bool MustCharge(Region* region, Protection protection) =>
        protection != Protection.None && (region->Kind & (RegionKind.Charged | RegionKind.Stack | RegionKind.Image)) == 0;
}
