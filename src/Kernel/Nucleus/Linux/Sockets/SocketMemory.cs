using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>
/// The pages of all sockets' queues, which together have one budget: an eighth of the memory that was free at boot. In an image whose
/// program may use sockets the collector's heap does not get it.
/// </summary>
internal static class SocketMemory
{
    private const ulong Share = 8;

    /// <summary>Pages in use.</summary>
    public static ulong PagesInUse { get; private set; }

    /// <summary>Whether a page was refused since the last one came back.</summary>
    private static bool s_isShort;

    /// <summary>Pages that there may be.</summary>
    public static ulong Budget => FrameAllocator.TotalFrames / Share;

    /// <summary>Pages that can still be had.</summary>
    public static ulong Left => Budget > PagesInUse ? Math.Min(Budget - PagesInUse, MemoryCharge.Available) : 0;

    /// <summary>
    /// Whether data may be kept that arrives before its turn. It takes half of the budget at most: programs cannot read it, so if it took
    /// all, what has to arrive first would find no page, and no connection would go on.
    /// </summary>
    public static bool TakesEarly => Left > Budget / 2;

    /// <summary>A page, by its physical address; 0 if the budget or the memory is used up.</summary>
    /// <param name="isCleared">
    /// Whether it has to be zero. A page for bytes need not: a byte is read only after it was written, and clearing a page would cost more
    /// than copying a short message in and out again.
    /// </param>
    public static ulong Take(bool isCleared)
    {
        ulong frame = PagesInUse < Budget ? MemoryCharge.AllocateForNucleus(isCleared) : 0;
        if (frame == 0)
        {
            s_isShort = true;
            return 0;
        }

        PagesInUse++;
        return frame;
    }

    public static void Return(ulong frame)
    {
        FrameAllocator.FreeForNucleus(frame);
        PagesInUse--;
    }

    /// <summary>Whether writers that found no memory have to be told that there is some again. The answer is given once.</summary>
    public static bool TakeRelief()
    {
        bool isRelief = s_isShort && Left > 0;
        s_isShort &= !isRelief;
        return isRelief;
    }
}
