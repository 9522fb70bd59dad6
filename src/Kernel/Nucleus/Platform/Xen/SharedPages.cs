using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Platform.Xen;

/// <summary>
/// Pages of the program that other domains may see. Their frames never change; neither madvise nor the collector takes them away.
/// </summary>
/// <remarks>
/// They appear in a window of the program's addresses, each page at the window's start plus its physical address. The window is one region
/// without access, so that a page touched after its release faults instead of getting another frame; the access comes from the pages' own
/// table entries. Bits 52 to 58 of such an entry, which the processor leaves to software, count the page's grants.
/// </remarks>
internal static unsafe class SharedPages
{
    /// <summary>The window's first address: far above where mappings begin and far below the main thread's stack.</summary>
    public const ulong WindowStart = 0x7000_0000_0000;

    /// <summary>The size of the window in physical addresses: 1 TiB.</summary>
    public const ulong WindowSize = 1UL << 40;

    /// <summary>The maximum number of simultaneous grants of one page.</summary>
    public const ulong MaximumGrants = (1 << 7) - 1;

    private const int GrantCountShift = 52;
    private const ulong Access = PageTable.Present | PageTable.Writable | PageTable.NoExecute | PageTable.NotOwned;

    private static bool s_hasWindow;

    /// <summary>Pages of RAM that the program has allocated here.</summary>
    public static ulong Count { get; private set; }

    /// <summary>Reserves the window, unless that was done. Returns false if that is not possible.</summary>
    public static bool HasWindow()
    {
        if (!s_hasWindow && !AddressSpace.IsOccupied(WindowStart, WindowStart + WindowSize) && RegionList.Reserve(1))
        {
            // Of kind Image: never charged, never discarded.
            RegionList.Insert(WindowStart, WindowStart + WindowSize, Protection.None, RegionKind.Image);
            s_hasWindow = true;
        }

        return s_hasWindow;
    }

    /// <summary>Allocates a zeroed page of RAM and charges it to the program.</summary>
    /// <returns>Its address or a negative errno.</returns>
    public static long Allocate()
    {
        if (!HasWindow() || !MemoryCharge.TryCharge(1))
        {
            return -Errno.ENOMEM;
        }

        ulong frame = MemoryCharge.AllocatePromised();
        if (frame >= WindowSize || !TryShow(frame))
        {
            FrameAllocator.Free(frame);
            return -Errno.ENOMEM;
        }

        Count++;
        return (long)(WindowStart + frame);
    }

    /// <summary>Maps a page of the hypervisor or the tool stack for the program. The program does not own it.</summary>
    /// <returns>Its address; -EPERM for RAM and frames of <see cref="ForeignPages"/>, -EBUSY if it is mapped already, or -ENOMEM.</returns>
    public static long Map(ulong frameNumber)
    {
        ulong frame = frameNumber * Pages.Size;
        if (frameNumber >= WindowSize / Pages.Size || MemoryMap.IsRam(frame) || ForeignPages.Contains(frameNumber))
        {
            return -Errno.EPERM;
        }

        if (!HasWindow())
        {
            return -Errno.ENOMEM;
        }

        if (Entry(WindowStart + frame) != null)
        {
            return -Errno.EBUSY;
        }

        return TryShow(frame) ? (long)(WindowStart + frame) : -Errno.ENOMEM;
    }

    /// <summary>Takes a page from the program. RAM is freed; a foreign page is only unmapped.</summary>
    /// <returns>0; -EBUSY while it is granted; -EINVAL if no such page is at the address.</returns>
    public static long Release(ulong address)
    {
        ulong* entry = Entry(address);
        if (entry == null)
        {
            return -Errno.EINVAL;
        }

        if (GrantCount(*entry) != 0)
        {
            return -Errno.EBUSY;
        }

        ulong frame = PageTable.FrameOf(*entry);
        _ = PageTable.Unmap(address, address + Pages.Size);
        if (MemoryMap.IsRam(frame))
        {
            FrameAllocator.Free(frame);
            Count--;
        }

        return 0;
    }

    /// <summary>Grants another domain access to a page of RAM.</summary>
    /// <returns>
    /// The grant reference; -EINVAL if no such page is at the address, -EPERM for a foreign page, -EMLINK if the page has too many grants,
    /// or an error of <see cref="GrantTable.Grant"/>.
    /// </returns>
    public static long Grant(ushort domain, ulong address, bool readOnly)
    {
        ulong* entry = Entry(address);
        if (entry == null)
        {
            return -Errno.EINVAL;
        }

        ulong frame = PageTable.FrameOf(*entry);
        if (!MemoryMap.IsRam(frame))
        {
            return -Errno.EPERM;
        }

        if (GrantCount(*entry) == MaximumGrants)
        {
            return -Errno.EMLINK;
        }

        long reference = GrantTable.Grant(domain, frame / Pages.Size, readOnly);
        if (reference >= 0)
        {
            *entry += 1UL << GrantCountShift;
        }

        return reference;
    }

    /// <summary>Ends a grant of one of these pages.</summary>
    /// <returns>As <see cref="GrantTable.End"/>.</returns>
    public static long EndGrant(ulong reference)
    {
        long result = GrantTable.End(reference, out ulong frameNumber);
        if (result == 0)
        {
            // The entry exists: a page is not released while it is granted.
            *Entry(WindowStart + (frameNumber * Pages.Size)) -= 1UL << GrantCountShift;
        }

        return result;
    }

    /// <summary>After a resume: all grants have ended, and the grant table is a new one.</summary>
    public static void ForgetGrants()
    {
        GrantTable.Forget();
        PageTable.ClearSoftwareBits(WindowStart, WindowStart + Math.Min(WindowSize, MemoryMap.End), MaximumGrants << GrantCountShift);
    }

    private static bool TryShow(ulong frame)
    {
        ulong address = WindowStart + frame;
        return PageTable.TryCover(address, address + Pages.Size) && PageTable.Map(address, frame | Access);
    }

    private static ulong GrantCount(ulong entry) => (entry >> GrantCountShift) & MaximumGrants;

    private static ulong* Entry(ulong address)
    {
        if (address < WindowStart || address >= WindowStart + WindowSize || !Pages.IsAligned(address)
            || ForeignPages.Contains((address - WindowStart) / Pages.Size))
        {
            return null;
        }

        ulong* entry = PageTable.Find(address, create: false);
        return entry != null && (*entry & PageTable.HoldsFrame) != 0 ? entry : null;
    }
}
