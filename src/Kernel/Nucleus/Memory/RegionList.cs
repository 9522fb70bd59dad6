namespace Xenlet.Kernel.Nucleus;

/// <summary>The sorted list of regions, and the pool that its nodes come from.</summary>
internal static unsafe class RegionList
{
    private static Region* s_first;
    private static Region* s_free;
    private static int s_freeCount;

    public static Region* First => s_first;

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

    /// <summary>Makes sure that <see cref="Insert"/> and <see cref="SplitAt"/> can be called this often without failing.</summary>
    public static bool Reserve(int nodes)
    {
        while (s_freeCount < nodes)
        {
            ulong frame = FrameAllocator.AllocateForNucleus();
            if (frame == 0)
            {
                return false;
            }

            var pool = (Region*)DirectMap.Words(frame);
            for (int i = 0; i < (int)Pages.Size / sizeof(Region); i++)
            {
                Release(pool + i);
            }
        }

        return true;
    }

    /// <summary>Adds a region; it must overlap no other.</summary>
    public static Region* Insert(ulong start, ulong end, Protection protection, RegionKind kind)
    {
        Region* node = s_free;
        s_free = node->Next;
        s_freeCount--;

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

    /// <summary>Makes this address a border between two regions, if it lies inside one.</summary>
    public static void SplitAt(ulong address)
    {
        Region* region = Find(address);
        if (region == null || region->Start == address)
        {
            return;
        }

        ulong end = region->End;
        region->End = address;
        Insert(address, end, region->Protection, region->Kind);
    }

    public static void Remove(Region* region)
    {
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

        Release(region);
    }

    /// <summary>Joins neighbours that touch and are alike, from the region before <paramref name="start"/> to the one after <paramref name="end"/>.</summary>
    public static void Merge(ulong start, ulong end)
    {
        Region* region = FirstEndingAfter(start == 0 ? 0 : start - 1);
        while (region != null && region->Start <= end)
        {
            Region* next = region->Next;
            if (next != null && next->Start == region->End && next->Protection == region->Protection && next->Kind == region->Kind
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

    private static void Release(Region* region)
    {
        region->Next = s_free;
        s_free = region;
        s_freeCount++;
    }
}
