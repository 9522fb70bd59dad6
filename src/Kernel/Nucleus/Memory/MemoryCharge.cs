using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// Strict accounting: memory that was promised to the program is always there, so running out is an error of the call that asked
/// (and an OutOfMemoryException in .NET), not a fault at some later touch.
/// </summary>
/// <remarks>
/// Whatever may be refused is asked for here: pages of mappings, page tables, records of the nucleus. Two kinds of frames are taken
/// otherwise: pages of stacks, which come from what nobody was promised, and page tables of hypervisor pages, few and bounded, for which
/// <see cref="Margin"/> stays.
/// </remarks>
internal static class MemoryCharge
{
    // Frames that stacks leave: hypervisor pages may be mapped late, those of the grant table, and after a resume the console's.
    private const ulong Margin = 8;

    // Promised pages that hold no frame yet.
    private static ulong s_promised;
    private static ulong s_reserve;

    /// <summary>Promised pages that hold no frame yet.</summary>
    public static ulong Promised => s_promised;

    /// <summary>Pages that can still be promised.</summary>
    public static ulong Available
    {
        get
        {
            ulong taken = s_promised + s_reserve;
            return FrameAllocator.FreeFrames > taken ? FrameAllocator.FreeFrames - taken : 0;
        }
    }

    /// <summary>Sets aside what stacks need when all the rest is promised.</summary>
    public static void Initialise() => s_reserve = 48 + FrameAllocator.TotalFrames / 256;

    /// <summary>Promises pages; false when they are not there.</summary>
    public static bool TryCharge(ulong pages)
    {
        if (pages > Available || FailNth.Refuses(isStack: false))
        {
            return false;
        }

        s_promised += pages;
        return true;
    }

    /// <summary>Takes back a promise whose pages hold no frame.</summary>
    public static void Release(ulong pages) => s_promised -= pages;

    /// <summary>A promised page gave its frame back and may be touched again later.</summary>
    public static void FrameReturned(ulong pages) => s_promised += pages;

    /// <summary>A frame for a promised page.</summary>
    public static ulong AllocatePromised()
    {
        ulong frame = FrameAllocator.Allocate();
        if (frame == 0)
        {
            // Only a mistake of the accounting leads here.
            Panic.Halt("no frame is left for a page that was promised"u8);
        }

        s_promised--;
        return frame;
    }

    /// <summary>Whether so many frames can be taken for a stack: those that are not promised to others.</summary>
    public static bool CanGiveStack(ulong frames) =>
        FrameAllocator.FreeFrames >= s_promised + Margin + frames && !FailNth.Refuses(isStack: true);

    /// <summary>A charged frame for the nucleus's own use; 0 when it is not there.</summary>
    public static ulong AllocateForNucleus()
    {
        if (!TryCharge(1))
        {
            return 0;
        }

        s_promised--;
        return FrameAllocator.AllocateForNucleus();
    }
}
