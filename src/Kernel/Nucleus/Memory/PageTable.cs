using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// The four-level page tables of the one address space (AMD64 Architecture Programmer's Manual volume 2, section 5.3). An entry that is not
/// present may still hold a frame: memory whose access mprotect took away keeps its contents.
/// </summary>
internal static unsafe class PageTable
{
    public const ulong Present = 1;
    public const ulong Writable = 1 << 1;
    public const ulong WriteThrough = 1 << 3;
    public const ulong CacheDisable = 1 << 4;
    public const ulong LargePage = 1 << 7;
    public const ulong NoExecute = 1UL << 63;

    /// <summary>Software bit: the frame does not belong to the frame allocator, and unmapping never frees it.</summary>
    public const ulong NotOwned = 1 << 9;

    /// <summary>Software bit: the entry holds a frame, present or not.</summary>
    public const ulong HoldsFrame = 1 << 10;

    private const ulong AddressMask = 0x000f_ffff_ffff_f000;

    private static ulong s_root;

    /// <summary>Makes the empty root table.</summary>
    public static void Initialise()
    {
        s_root = AllocateTable();
        TableCache.Clear();
    }

    /// <summary>Loads the tables into the processor.</summary>
    public static void Activate() => Machine.WriteCr3(s_root);

    /// <summary>The frame of an entry.</summary>
    public static ulong FrameOf(ulong entry) => entry & AddressMask;

    /// <summary>Sets the entry of a 4 KiB page. Returns false if no frame is left for a table.</summary>
    public static bool Map(ulong address, ulong entry)
    {
        ulong* slot = Find(address, create: true);
        if (slot == null)
        {
            return false;
        }

        *slot = entry | HoldsFrame;
        Machine.InvalidatePage(address);
        return true;
    }

    /// <summary>
    /// Sets the entries of adjacent 4 KiB pages to adjacent frames, with one walk of the tables for each 2 MiB. Returns false if no frame
    /// is left for a table.
    /// </summary>
    /// <param name="start">The first page.</param>
    /// <param name="end">The end of the last page.</param>
    /// <param name="entry">The entry of the first page.</param>
    public static bool MapRange(ulong start, ulong end, ulong entry)
    {
        for (ulong address = start; address < end;)
        {
            ulong* slot = Find(address, create: true);
            if (slot == null)
            {
                return false;
            }

            for (ulong next = Math.Min(end, LargeEnd(address)); address < next; address += Pages.Size, entry += Pages.Size)
            {
                *slot++ = entry | HoldsFrame;
                Machine.InvalidatePage(address);
            }
        }

        return true;
    }

    /// <summary>The end of the 2 MiB around an address, which share a table.</summary>
    public static ulong LargeEnd(ulong address) => (address | (Pages.LargeSize - 1)) + 1;

    /// <summary>Sets the entry of a 2 MiB page. Both addresses must be aligned to 2 MiB.</summary>
    public static bool MapLarge(ulong address, ulong entry)
    {
        ulong* table = Table(address, level: 1, create: true);
        if (table == null)
        {
            return false;
        }

        table[Index(address, 1)] = entry | LargePage;
        return true;
    }

    /// <summary>If this address lies in a 2 MiB page, replaces it with a table of 512 pages with the same access.</summary>
    /// <returns>False when no frame is left for the table.</returns>
    public static bool Split(ulong address)
    {
        ulong* directory = Table(address, level: 1, create: false);
        ulong* slot = directory == null ? null : directory + Index(address, 1);
        if (slot == null || (*slot & (Present | LargePage)) != (Present | LargePage))
        {
            return true;
        }

        if (!MemoryCharge.TryCharge(1))
        {
            return false;
        }

        ulong frame = MemoryCharge.AllocatePromised();
        ulong entry = (*slot & ~LargePage) | NotOwned | HoldsFrame;
        for (ulong i = 0; i < 512; i++)
        {
            DirectMap.Words(frame)[i] = entry + (i * Pages.Size);
        }

        *slot = frame | Present | Writable;
        Machine.InvalidatePage(address);
        return true;
    }

    /// <summary>Whether the page of an entry can be executed.</summary>
    public static bool IsExecutable(ulong entry) => (entry & (Present | NoExecute)) == Present;

    /// <summary>
    /// Returns the entry of a 4 KiB page, or null if the tables do not reach it (with <paramref name="create"/>: if no frame is left for
    /// one). An address inside a 2 MiB page has no such entry and returns null.
    /// </summary>
    public static ulong* Find(ulong address, bool create)
    {
        ulong frame = TableCache.Find(address);
        if (frame != 0)
        {
            return DirectMap.Words(frame) + Index(address, 0);
        }

        ulong* table = Table(address, level: 0, create);
        if (table == null)
        {
            return null;
        }

        TableCache.Add(address, DirectMap.PhysicalOf(table));
        return table + Index(address, 0);
    }

    /// <summary>Whether this address can be read now without a fault.</summary>
    public static bool IsReadable(ulong address)
    {
        if ((long)(address << 16) >> 16 != (long)address)
        {
            return false;
        }

        ulong* table = DirectMap.Words(s_root);
        for (int level = 3; ; level--)
        {
            ulong entry = table[Index(address, level)];
            if ((entry & Present) == 0)
            {
                return false;
            }

            if (level == 0 || (entry & LargePage) != 0)
            {
                return true;
            }

            table = DirectMap.Words(FrameOf(entry));
        }
    }

    /// <summary>
    /// Makes all tables that the pages of a range need, and charges them. A page of the range then takes only its own frame.
    /// </summary>
    /// <returns>False if there is not enough memory for them; nothing has changed then.</returns>
    public static bool TryCover(ulong start, ulong end)
    {
        ulong missing = CountMissing(start, end);
        if (missing == 0)
        {
            return true;
        }

        if (!MemoryCharge.TryCharge(missing))
        {
            return false;
        }

        for (ulong address = start; address < end; address = NextTable(address))
        {
            // Cannot fail: the frames are promised.
            _ = Table(address, level: 0, create: true);
        }

        MemoryCharge.Release(missing);
        return true;
    }

    /// <summary>The number of missing tables that the pages of a range need.</summary>
    public static ulong CountMissing(ulong start, ulong end) => CountMissing(DirectMap.Words(s_root), 3, start, end);

    /// <summary>Removes every page of the range and frees its frame. Also frees tables that no longer map anything.</summary>
    /// <returns>The number of pages that held a frame.</returns>
    public static ulong Unmap(ulong start, ulong end) => Unmap(start, end, 0, ulong.MaxValue);

    /// <summary>
    /// As <see cref="Unmap(ulong, ulong)"/>, but frees only tables that map nothing outside <paramref name="floor"/> to
    /// <paramref name="ceiling"/>.
    /// </summary>
    public static ulong Unmap(ulong start, ulong end, ulong floor, ulong ceiling) =>
        Unmap(DirectMap.Words(s_root), 3, start, end, floor, ceiling);

    /// <summary>
    /// Ensures that <see cref="Protect"/> can make the pages of the range executable. Returns false if no frame is left for a table that it
    /// needs.
    /// </summary>
    public static bool PrepareExecution(ulong start, ulong end)
    {
        for (ulong address = start; address < end;)
        {
            ulong* slot = Find(address, create: false);
            if (slot == null)
            {
                address = NextTable(address);
                continue;
            }

            if ((*slot & HoldsFrame) != 0 && !FrameAlias.Prepare(FrameOf(*slot)))
            {
                return false;
            }

            address += Pages.Size;
        }

        return true;
    }

    /// <summary>
    /// Sets new access bits (<see cref="Present"/>, Writable, NoExecute) on every page of the range that holds a frame. An executable frame
    /// has no writable alias in the direct map.
    /// </summary>
    public static void Protect(ulong start, ulong end, ulong access)
    {
        const ulong accessBits = Present | Writable | NoExecute;
        for (ulong address = start; address < end;)
        {
            ulong* slot = Find(address, create: false);
            if (slot == null)
            {
                address = NextTable(address);
                continue;
            }

            if ((*slot & HoldsFrame) != 0)
            {
                ulong entry = (*slot & ~accessBits) | access;
                if (IsExecutable(entry) != IsExecutable(*slot))
                {
                    FrameAlias.SetWritable(FrameOf(entry), !IsExecutable(entry));
                }

                *slot = entry;
                Machine.InvalidatePage(address);
            }

            address += Pages.Size;
        }
    }

    /// <summary>Clears software bits in every entry of the range.</summary>
    public static void ClearSoftwareBits(ulong start, ulong end, ulong bits)
    {
        for (ulong address = start; address < end;)
        {
            ulong* slot = Find(address, create: false);
            if (slot == null)
            {
                address = NextTable(address);
                continue;
            }

            *slot &= ~bits;
            address += Pages.Size;
        }
    }

    /// <summary>The number of page tables, including the root.</summary>
    public static ulong CountTables() => CountTables(DirectMap.Words(s_root), 3);

    /// <summary>The number of pages in a range that hold a frame of the frame allocator.</summary>
    public static ulong CountOwned(ulong start, ulong end) => CountOwned(DirectMap.Words(s_root), 3, start, end);

    /// <summary>
    /// The first address mapped by the page table after that of <paramref name="address"/>.
    /// </summary>
    private static ulong NextTable(ulong address) => (address | (Pages.LargeSize - 1)) + 1;

    private static int Index(ulong address, int level) => (int)(address >> (12 + 9 * level)) & 511;

    private static ulong* Table(ulong address, int level, bool create)
    {
        ulong* table = DirectMap.Words(s_root);
        for (int above = 3; above > level; above--)
        {
            ulong* slot = table + Index(address, above);
            if ((*slot & Present) == 0)
            {
                if (!create)
                {
                    return null;
                }

                ulong frame = AllocateTable();
                if (frame == 0)
                {
                    return null;
                }

                *slot = frame | Present | Writable;
            }
            else if ((*slot & LargePage) != 0)
            {
                return null;
            }

            table = DirectMap.Words(FrameOf(*slot));
        }

        return table;
    }

    private static ulong CountMissing(ulong* table, int level, ulong start, ulong end)
    {
        int shift = 12 + (9 * level);
        ulong span = 1UL << shift;
        ulong count = 0;
        for (ulong address = start; address < end;)
        {
            ulong next = Math.Min((address & ~(span - 1)) + span, end);
            ulong entry = table[Index(address, level)];
            if ((entry & Present) == 0)
            {
                // This entry's table and all tables below it.
                for (int below = level; below > 0; below--)
                {
                    int belowShift = 12 + (9 * below);
                    count += ((next - 1) >> belowShift) - (address >> belowShift) + 1;
                }
            }
            else if (level > 1 && (entry & LargePage) == 0)
            {
                count += CountMissing(DirectMap.Words(FrameOf(entry)), level - 1, address, next);
            }

            address = next;
        }

        return count;
    }

    private static ulong CountTables(ulong* table, int level)
    {
        ulong count = 1;
        for (int i = 0; level > 0 && i < 512; i++)
        {
            if ((table[i] & (Present | LargePage)) == Present)
            {
                count += CountTables(DirectMap.Words(FrameOf(table[i])), level - 1);
            }
        }

        return count;
    }

    private static ulong CountOwned(ulong* table, int level, ulong start, ulong end)
    {
        ulong span = 1UL << (12 + 9 * level);
        ulong count = 0;
        for (ulong address = start; address < end;)
        {
            ulong next = Math.Min((address & ~(span - 1)) + span, end);
            ulong entry = table[Index(address, level)];
            if (level == 0)
            {
                count += (entry & (HoldsFrame | NotOwned)) == HoldsFrame ? 1UL : 0;
            }
            else if ((entry & (Present | LargePage)) == Present)
            {
                count += CountOwned(DirectMap.Words(FrameOf(entry)), level - 1, address, next);
            }

            address = next;
        }

        return count;
    }

    private static bool IsEmpty(ulong* table)
    {
        for (int i = 0; i < 512; i++)
        {
            if (table[i] != 0)
            {
                return false;
            }
        }

        return true;
    }

    private static ulong AllocateTable() => FrameAllocator.Allocate();

    private static ulong Unmap(ulong* table, int level, ulong start, ulong end, ulong floor, ulong ceiling)
    {
        ulong span = 1UL << (12 + 9 * level);
        ulong removed = 0;
        for (ulong address = start; address < end;)
        {
            ulong next = Math.Min((address & ~(span - 1)) + span, end);
            ulong* slot = table + Index(address, level);
            if (level == 0)
            {
                if ((*slot & HoldsFrame) != 0)
                {
                    if ((*slot & NotOwned) == 0)
                    {
                        if (IsExecutable(*slot))
                        {
                            FrameAlias.SetWritable(FrameOf(*slot), isWritable: true);
                        }

                        FrameAllocator.Free(FrameOf(*slot));
                    }

                    *slot = 0;
                    removed++;
                    Machine.InvalidatePage(address);
                }
            }
            else if ((*slot & Present) != 0)
            {
                ulong* lower = DirectMap.Words(FrameOf(*slot));
                removed += Unmap(lower, level - 1, address, next, floor, ceiling);
                ulong first = address & ~(span - 1);
                if (first >= floor && first + span <= ceiling && IsEmpty(lower))
                {
                    FrameAllocator.Free(FrameOf(*slot));
                    *slot = 0;
                    if (level == 1)
                    {
                        TableCache.Forget(address);
                    }

                    // The processor's paging-structure caches may still hold the freed table. INVLPG of any address flushes them.
                    Machine.InvalidatePage(address);
                }
            }

            address = next;
        }

        return removed;
    }
}
