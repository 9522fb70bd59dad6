namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>The sorted list of regions.</summary>
internal static unsafe class RegionList
{
    /// <summary>The limit on the number of regions: Linux's DEFAULT_MAX_MAP_COUNT (include/linux/mm.h).</summary>
    public const int MaximumRegions = 65530;

    // Records reserved for unmapping and for taking access away. Those calls give memory back, so they must be able to split regions when
    // no frame is left.
    private const int Spare = 32;

    private static Region* s_first;
    private static Slab s_slab;

    public static Region* First => s_first;

    public static int Count { get; private set; }

    /// <summary>The region that contains this address, or null.</summary>
    public static Region* Find(ulong address)
    {
        Region* region = FirstEndingAfter(address);
        return region != null && region->Start <= address ? region : null;
    }

    /// <summary>The first region that ends above this address, or null.</summary>
    public static Region* FirstEndingAfter(ulong address)
    {
        Region* region = s_first;
        while (region != null && region->End <= address)
        {
            region = region->Next;
        }

        return region;
    }

    /// <summary>The end of the last charged region below this address, or 0.</summary>
    public static ulong ChargedEndBelow(ulong address)
    {
        ulong end = 0;
        for (Region* region = s_first; region != null && region->End <= address; region = region->Next)
        {
            if ((region->Kind & RegionKind.Charged) != 0)
            {
                end = region->End;
            }
        }

        return end;
    }

    /// <summary>The start of the first charged region at or above this address, or the highest number.</summary>
    public static ulong ChargedStartFrom(ulong address)
    {
        for (Region* region = FirstEndingAfter(address); region != null; region = region->Next)
        {
            if (region->Start >= address && (region->Kind & RegionKind.Charged) != 0)
            {
                return region->Start;
            }
        }

        return ulong.MaxValue;
    }

    /// <summary>
    /// Ensures that <see cref="Insert"/> and <see cref="SplitAt"/> can be called this many times without failing, for a call that takes
    /// memory.
    /// </summary>
    public static bool Reserve(int nodes) => Count + nodes <= MaximumRegions && s_slab.TryReserve(nodes + Spare, sizeof(Region));

    /// <summary>As <see cref="Reserve"/>, for a call that gives memory back: it may use the records set aside for such calls.</summary>
    /// <param name="nodes">The number of records that the call takes.</param>
    /// <param name="more">The number of additional regions after the call.</param>
    public static bool ReserveToGiveBack(int nodes, int more) =>
        Count + more <= MaximumRegions && s_slab.TryReserve(nodes, sizeof(Region));

    /// <summary>Adds a region, which must not overlap another.</summary>
    public static Region* Insert(ulong start, ulong end, Protection protection, RegionKind kind)
    {
        Region* node = (Region*)s_slab.Take(sizeof(Region));
        Count++;

        Region* previous = null;
        for (Region* region = s_first; region != null && region->Start < start; region = region->Next)
        {
            previous = region;
        }

        node->Start = start;
        node->End = end;
        node->Protection = protection;
        node->Kind = kind;
        node->Previous = previous;
        node->Next = previous == null ? s_first : previous->Next;
        if (node->Next != null)
        {
            node->Next->Previous = node;
        }

        if (previous == null)
        {
            s_first = node;
        }
        else
        {
            previous->Next = node;
        }

        return node;
    }

    /// <summary>Whether <see cref="SplitAt"/> needs a record.</summary>
    public static bool MustSplitAt(ulong address)
    {
        Region* region = Find(address);
        return region != null && region->Start != address;
    }

    /// <summary>Splits the region that contains this address, unless it starts there.</summary>
    public static void SplitAt(ulong address)
    {
        Region* region = Find(address);
        if (region == null || region->Start == address)
        {
            return;
        }

        ulong end = region->End;
        region->End = address;
        Region* upper = Insert(address, end, region->Protection, region->Kind);
        if (region->File != null)
        {
            region->File->Regions++;
            upper->File = region->File;
            upper->FilePage = region->FilePage + region->PageCount;
        }
    }

    public static void Remove(Region* region)
    {
        if (region->File != null)
        {
            FileData.Release(region->File);
        }

        if (region->Previous == null)
        {
            s_first = region->Next;
        }
        else
        {
            region->Previous->Next = region->Next;
        }

        if (region->Next != null)
        {
            region->Next->Previous = region->Previous;
        }

        s_slab.Return(region, sizeof(Region), Spare);
        Count--;
    }

    /// <summary>
    /// Joins adjacent regions of the same kind and protection, from the region before <paramref name="start"/> to the one after
    /// <paramref name="end"/>.
    /// </summary>
    public static void Merge(ulong start, ulong end)
    {
        Region* region = FirstEndingAfter(start == 0 ? 0 : start - 1);
        while (region != null && region->Start <= end)
        {
            Region* next = region->Next;
            if (next != null && next->Start == region->End && next->Protection == region->Protection && next->Kind == region->Kind
                && next->File == region->File && (region->File == null || next->FilePage == region->FilePage + region->PageCount)
                && (region->Kind & (RegionKind.Stack | RegionKind.Guard | RegionKind.Image)) == 0)
            {
                region->End = next->End;
                Remove(next);
            }
            else
            {
                region = next;
            }
        }
    }
}
