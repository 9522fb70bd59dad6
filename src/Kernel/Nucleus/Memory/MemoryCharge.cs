namespace Xenlet.Kernel.Nucleus;

/// <summary>
/// Strict accounting: memory that was promised to the program is always there, so running out is an error of the call that asked
/// (and an OutOfMemoryException in .NET), not a fault at some later touch.
/// </summary>
internal static class MemoryCharge
{
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

    /// <summary>Sets aside what page tables, threads and stacks need when all the rest is promised.</summary>
    public static void Initialise() => s_reserve = 48 + FrameAllocator.TotalFrames / 256;

    /// <summary>Promises pages; false when they are not there.</summary>
    public static bool TryCharge(ulong pages)
    {
        if (pages > Available)
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

    /// <summary>A frame for a promised page. Cannot fail while the accounting is right.</summary>
    public static ulong AllocatePromised()
    {
        ulong frame = FrameAllocator.Allocate();
        if (frame != 0)
        {
            s_promised--;
        }

        return frame;
    }

    /// <summary>A frame for a page of a stack, which nobody promised: 0 when all that is left is promised to others.</summary>
    public static ulong AllocateUnpromised() => HasUnpromised ? FrameAllocator.Allocate() : 0;

    /// <summary>As <see cref="AllocateUnpromised"/>, for the nucleus's own use.</summary>
    public static ulong AllocateForNucleus() => HasUnpromised ? FrameAllocator.AllocateForNucleus() : 0;

    private static bool HasUnpromised => FrameAllocator.FreeFrames > s_promised + 8;
}
