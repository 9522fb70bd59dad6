using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// Strict memory accounting. Memory promised to the program is always available, so running out is an error of the call that asked (in
/// .NET, an OutOfMemoryException) and not a fault at some later access.
/// </summary>
/// <remarks>
/// Every request that may be refused passes through here: pages of mappings, page tables, records of the nucleus. Two kinds of frames are
/// taken elsewhere: pages of stacks, which come from the frames promised to nobody, and page tables of hypervisor pages, which are few and
/// bounded, and for which <see cref="Margin"/> is kept.
/// </remarks>
internal static class MemoryCharge
{
    // Frames that stacks may not take. Hypervisor pages may be mapped late: those of the grant table, and the console's after a resume.
    private const ulong Margin = 8;

    // Promised pages without a frame.
    private static ulong s_promised;
    private static ulong s_reserve;

    // Frames that only their owner takes, which it returns with the right to take them again.
    private static ulong s_setAside;

    /// <summary>Promised pages without a frame.</summary>
    public static ulong Promised => s_promised;

    /// <summary>Pages that can still be promised.</summary>
    public static ulong Available
    {
        get
        {
            ulong taken = s_promised + s_reserve + s_setAside;
            return FrameAllocator.FreeFrames > taken ? FrameAllocator.FreeFrames - taken : 0;
        }
    }

    /// <summary>Sets aside frames for stacks, for when everything else is promised.</summary>
    public static void Initialise() => s_reserve = 48 + FrameAllocator.TotalFrames / 256;

    /// <summary>
    /// Sets aside frames that are free and promised to nobody, for who has to find some when everything else is taken. They come by
    /// <see cref="AllocateSetAside"/> alone, which has one for each.
    /// </summary>
    public static void SetAside(ulong frames) => s_setAside += frames;

    /// <summary>Promises pages. Returns false if there are not enough frames.</summary>
    public static bool TryCharge(ulong pages)
    {
        if (pages > Available || FailNth.Refuses(isStack: false))
        {
            return false;
        }

        s_promised += pages;
        return true;
    }

    /// <summary>Withdraws a promise of pages that have no frames.</summary>
    public static void Release(ulong pages) => s_promised -= pages;

    /// <summary>Promised pages lost their frames and may be touched again later.</summary>
    public static void FrameReturned(ulong pages) => s_promised += pages;

    /// <summary>Takes a frame for a promised page.</summary>
    public static ulong AllocatePromised()
    {
        ulong frame = FrameAllocator.Allocate();
        if (frame == 0)
        {
            // Only an accounting error leads here.
            Panic.Halt("no frame is left for a page that was promised"u8);
        }

        s_promised--;
        return frame;
    }

    /// <summary>Whether a stack can take this many frames from those that are not promised to others.</summary>
    public static bool CanGiveStack(ulong frames) =>
        FrameAllocator.FreeFrames >= s_promised + s_setAside + Margin + frames && !FailNth.Refuses(isStack: true);

    /// <summary>Allocates a charged frame for the nucleus's own use. Returns 0 if there is none.</summary>
    /// <param name="isCleared">Whether it is filled with zeros; otherwise with whatever it held.</param>
    public static ulong AllocateForNucleus(bool isCleared = true) => TryTake() ? FrameAllocator.AllocateForNucleus(isCleared) : 0;

    /// <summary>Allocates a frame of those that were set aside, for the nucleus's own use.</summary>
    /// <param name="isCleared">As of <see cref="AllocateForNucleus"/>.</param>
    public static ulong AllocateSetAside(bool isCleared)
    {
        s_setAside--;
        return FrameAllocator.AllocateForNucleus(isCleared);
    }

    /// <summary>Allocates a charged frame for the contents of a file. Returns 0 if there is none.</summary>
    public static ulong AllocateForFile() => TryTake() ? FrameAllocator.AllocateForFile() : 0;

    /// <summary>Charges a frame that the caller takes at once.</summary>
    private static bool TryTake()
    {
        if (!TryCharge(1))
        {
            return false;
        }

        s_promised--;
        return true;
    }
}
