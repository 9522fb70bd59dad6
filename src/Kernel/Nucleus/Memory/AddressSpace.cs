using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>The program's half of the address space: the work of mmap, munmap, mprotect, madvise and brk.</summary>
internal static unsafe class AddressSpace
{
    /// <summary>Nothing is ever mapped below this address, so a null reference plus a field's offset faults.</summary>
    public const ulong LowestAddress = 0x10000;

    /// <summary>
    /// The lowest address that mmap returns. It is above the image, its heap and everything that 32-bit displacements reach.
    /// </summary>
    public const ulong MapBase = 0x1_0000_0000;

    /// <summary>
    /// How far above <see cref="MapBase"/> mmap may start its search: 64 TiB, in steps that cost no additional page table.
    /// </summary>
    public const ulong RandomSpan = 1UL << 46;

    /// <summary>The first address that the program cannot map: the end of the lower canonical half less one page, as in Linux.</summary>
    public const ulong MapEnd = 0x7fff_ffff_f000;

    // Where mmap starts its search.
    private static ulong s_mapStart;
    private static ulong s_breakStart;
    private static ulong s_break;
    private static ulong s_breakLimit;

    /// <summary>
    /// Sets up the program's address space: the brk heap starts at the end of the image, mappings at <see cref="MapBase"/>.
    /// </summary>
    public static void Initialise(ulong imageEnd)
    {
        s_breakStart = imageEnd;
        s_break = imageEnd;
        s_breakLimit = MapBase;
        s_mapStart = MapBase;
    }

    /// <summary>Chooses where mmap starts its search, so that addresses cannot be predicted.</summary>
    /// <param name="random">Any number.</param>
    public static void PlaceMappings(ulong random) => s_mapStart = MapBase + (random % RandomSpan & ~(Pages.LargeSize - 1));

    /// <summary>
    /// Finds room for a mapping: upwards from where mmap starts its search, else anywhere, lowest address first. Returns 0 when there is
    /// none.
    /// </summary>
    public static ulong FindFree(ulong length)
    {
        ulong found = FindFree(s_mapStart, length);
        return found != 0 ? found : FindFree(MapBase, length);
    }

    private static ulong FindFree(ulong start, ulong length)
    {
        ulong candidate = start;
        for (Region* region = RegionList.FirstEndingAfter(start); region != null; region = region->Next)
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

    /// <summary>Whether the range is mapped without holes.</summary>
    public static bool IsWhole(ulong start, ulong end)
    {
        Region* region = RegionList.FirstEndingAfter(start);
        while (region != null && region->Start <= start && region->End < end)
        {
            start = region->End;
            region = region->Next;
        }

        return region != null && region->Start <= start;
    }

    /// <summary>Whether the program may not unmap some of the range.</summary>
    public static bool IsSealed(ulong start, ulong end)
    {
        Region* region = RegionList.FirstEndingAfter(start);
        while (region != null && region->Start < end && !region->IsSealed)
        {
            region = region->Next;
        }

        return region != null && region->Start < end;
    }

    /// <summary>Maps zero-filled memory. Unmaps what was there before.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static long Map(ulong start, ulong end, Protection protection, RegionKind kind)
    {
        // Two splits of the old regions, and the new ones. Reserving addresses gives memory back; the collector also decommits that way.
        const int records = 4;
        bool isAccessible = protection != Protection.None;
        if (!(isAccessible ? RegionList.Reserve(records) : RegionList.ReserveToGiveBack(records, records)))
        {
            return -Errno.ENOMEM;
        }

        // Charge before unmapping, so that a refusal leaves the old mapping intact.
        ulong chargedStart = isAccessible ? Stacks.ChargedStart(start, end, kind) : end;
        if (!TryCharge(chargedStart, end, (end - chargedStart) / Pages.Size))
        {
            return -Errno.ENOMEM;
        }

        Remove(start, end, tablesFrom: chargedStart < end ? chargedStart : ulong.MaxValue);
        if (chargedStart > start)
        {
            RegionList.Insert(start, chargedStart, protection, kind);
        }

        if (chargedStart < end)
        {
            RegionList.Insert(chargedStart, end, protection, kind | RegionKind.Charged);
        }

        RegionList.Merge(start, end);
        return 0;
    }

    /// <summary>Unmaps whatever lies in the range.</summary>
    /// <returns>0 or a negative errno.</returns>
    public static long Unmap(ulong start, ulong end)
    {
        // As on Linux: the end of a region can always be unmapped, but a hole in its middle only while one more region is allowed.
        Region* first = RegionList.Find(start);
        bool leavesTwo = first != null && first->Start < start && first->End > end;
        if (!RegionList.ReserveToGiveBack(Splits(start, end), leavesTwo ? 1 : 0))
        {
            return -Errno.ENOMEM;
        }

        Remove(start, end, tablesFrom: ulong.MaxValue);
        return 0;
    }

    /// <summary>Changes the protection of a range that is mapped without holes.</summary>
    /// <returns>
    /// 0; -ENOMEM if the range has a hole or the memory cannot be promised; -EPERM if a region is sealed; -EACCES if a file's cannot have
    /// this right. On an error nothing has changed.
    /// </returns>
    public static long Protect(ulong start, ulong end, Protection protection)
    {
        int splits = Splits(start, end);
        ulong toCharge = 0;
        ulong chargedFrom = end;
        ulong chargedTo = end;
        ulong reached = start;
        for (Region* region = RegionList.FirstEndingAfter(start); region != null && region->Start < end; region = region->Next)
        {
            if (region->Start > reached)
            {
                return -Errno.ENOMEM;
            }

            if (!region->CanBecome(protection))
            {
                return (region->Kind & RegionKind.File) != 0 ? -Errno.EACCES : -Errno.EPERM;
            }

            reached = region->End;
            ulong low = Math.Max(region->Start, start);
            ulong high = Math.Min(region->End, end);
            if (MustCharge(region, high, protection))
            {
                ulong charged = Stacks.ChargedStart(low, high, region->Kind);
                splits += charged > low ? 1 : 0;
                chargedFrom = Math.Min(chargedFrom, charged);
                chargedTo = high;

                // Pages of a stack may have been touched before its access was taken away.
                toCharge += ((high - charged) / Pages.Size) - PageTable.CountOwned(charged, high);
            }
        }

        Region wanted = new() { Protection = protection };
        if (reached < end
            || !(toCharge != 0 ? RegionList.Reserve(splits) : RegionList.ReserveToGiveBack(splits, splits))
            || (PageTable.IsExecutable(wanted.AccessBits) && !PageTable.PrepareExecution(start, end))
            || !TryCharge(chargedFrom, chargedTo, toCharge))
        {
            return -Errno.ENOMEM;
        }

        RegionList.SplitAt(start);
        RegionList.SplitAt(end);
        for (Region* region = RegionList.FirstEndingAfter(start); region != null && region->Start < end; region = region->Next)
        {
            if (MustCharge(region, region->End, protection))
            {
                ulong charged = Stacks.ChargedStart(region->Start, region->End, region->Kind);
                if (charged == region->Start)
                {
                    region->Kind |= RegionKind.Charged;
                }
                else
                {
                    // The top of the stack becomes a region of its own, and comes next.
                    RegionList.SplitAt(charged);
                }
            }

            region->Protection = protection;
            PageTable.Protect(region->Start, region->End, region->AccessBits);
        }

        RegionList.Merge(start, end);
        return 0;
    }

    /// <summary>MADV_DONTNEED: frees the frames. The next access finds zeros.</summary>
    public static void Discard(ulong start, ulong end)
    {
        for (Region* region = RegionList.FirstEndingAfter(start); region != null && region->Start < end; region = region->Next)
        {
            if ((region->Kind & RegionKind.Image) != 0)
            {
                continue;
            }

            ulong low = Math.Max(region->Start, start);
            ulong high = Math.Min(region->End, end);
            if ((region->Kind & RegionKind.Charged) != 0)
            {
                // The tables stay, because the pages are still promised.
                MemoryCharge.FrameReturned(PageTable.Unmap(low, high, floor: high, ceiling: low));
            }
            else
            {
                _ = PageTable.Unmap(low, high, RegionList.ChargedEndBelow(low), RegionList.ChargedStartFrom(high));
            }
        }
    }

    /// <summary>brk(2). Returns the new end of the heap, or the old one if the request cannot be met.</summary>
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

    /// <summary>
    /// Whether a region that ends at <paramref name="end"/>, or the top of a stack, becomes accessible and has not been charged yet.
    /// </summary>
    private static bool MustCharge(Region* region, ulong end, Protection protection)
    {
        if (protection == Protection.None || (region->Kind & (RegionKind.Charged | RegionKind.Image | RegionKind.File)) != 0)
        {
            return false;
        }

        if ((region->Kind & RegionKind.Stack) == 0)
        {
            return true;
        }

        const RegionKind top = RegionKind.Stack | RegionKind.Charged;
        Region* next = region->Next;
        bool hasTop = next != null && next->Start == end && (next->Kind & top) == top;
        return region->Protection == Protection.None && !hasTop;
    }

    /// <summary>Charges pages and makes the page tables of their range. Changes nothing if it fails.</summary>
    private static bool TryCharge(ulong start, ulong end, ulong pages)
    {
        if (pages == 0)
        {
            // Pages that have frames have their tables too.
            return true;
        }

        if (!MemoryCharge.TryCharge(pages))
        {
            return false;
        }

        if (PageTable.TryCover(start, end))
        {
            return true;
        }

        MemoryCharge.Release(pages);
        return false;
    }

    /// <summary>The number of region records needed to cut a range out of its neighbours.</summary>
    private static int Splits(ulong start, ulong end) => (RegionList.MustSplitAt(start) ? 1 : 0) + (RegionList.MustSplitAt(end) ? 1 : 0);

    /// <summary>Removes all regions of the range. The caller has reserved the records for the splits.</summary>
    /// <param name="start">Start of the range.</param>
    /// <param name="end">End of the range, exclusive.</param>
    /// <param name="tablesFrom">Page tables that reach above this address stay, even if they become empty.</param>
    public static void Remove(ulong start, ulong end, ulong tablesFrom)
    {
        RegionList.SplitAt(start);
        RegionList.SplitAt(end);
        Region* region = RegionList.FirstEndingAfter(start);
        if (region == null || region->Start >= end)
        {
            return;
        }

        ulong floor = RegionList.ChargedEndBelow(start);
        ulong ceiling = Math.Min(tablesFrom, RegionList.ChargedStartFrom(end));
        while (region != null && region->Start < end)
        {
            Region* next = region->Next;
            ulong removed = PageTable.Unmap(region->Start, region->End, floor, ceiling);
            if ((region->Kind & RegionKind.Charged) != 0)
            {
                MemoryCharge.Release(region->PageCount - removed);
            }

            RegionList.Remove(region);
            region = next;
        }
    }
}
