using Xenlet.Kernel.Nucleus.Linux.Memory;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>
/// The pages of all sockets' queues, which together have one budget: an eighth of the memory that was free at boot. In an image whose
/// program may use sockets the collector's heap does not get it, and a part of it no other use of memory.
/// </summary>
/// <remarks>
/// That part is halved: one for what was received, one for what is to be sent. A program whose heaps have taken everything else could not
/// even hear that it is to use less, and one that writes before it reads would wait for itself, if what it has not read had all pages.
/// </remarks>
internal static class SocketMemory
{
    private const ulong Share = 8;

    // Of the budget, set aside for each direction.
    private const ulong LeastShare = 16;

    private static ulong s_least;
    private static ulong s_received;
    private static ulong s_sent;

    /// <summary>Whether a page was refused since the last one came back.</summary>
    private static bool s_isShort;

    /// <summary>Pages in use.</summary>
    public static ulong PagesInUse => s_received + s_sent;

    /// <summary>Pages that there may be.</summary>
    public static ulong Budget => FrameAllocator.TotalFrames / Share;

    /// <summary>Pages of the budget that nothing else takes.</summary>
    public static ulong SetAside => 2 * s_least;

    /// <summary>
    /// Whether data may be kept that arrives before its turn. It takes half of the budget at most: programs cannot read it, so if it took
    /// all, what has to arrive first would find no page, and no connection would go on.
    /// </summary>
    public static bool TakesEarly => Left(SocketDirection.Received) > Budget / 2;

    /// <summary>Sets pages aside, at boot, while there are some.</summary>
    public static void Initialise()
    {
        s_least = Budget / LeastShare;
        MemoryCharge.SetAside(SetAside);
    }

    /// <summary>Pages that can still be had for a direction.</summary>
    public static ulong Left(SocketDirection direction)
    {
        ulong shared = Math.Max(s_received, s_least) + Math.Max(s_sent, s_least);
        return s_least - Math.Min(InUse(direction), s_least) + (Budget > shared ? Math.Min(Budget - shared, MemoryCharge.Available) : 0);
    }

    /// <summary>A page, by its physical address; 0 if the budget or the memory is used up.</summary>
    /// <param name="direction">What it is for.</param>
    /// <param name="isCleared">
    /// Whether it has to be zero. A page for bytes need not: a byte is read only after it was written, and clearing a page would cost more
    /// than copying a short message in and out again.
    /// </param>
    public static ulong Take(SocketDirection direction, bool isCleared)
    {
        ref ulong inUse = ref InUse(direction);
        ulong frame = 0;
        if (inUse < s_least)
        {
            frame = MemoryCharge.AllocateSetAside(isCleared);
        }
        else if (Left(direction) > 0)
        {
            frame = MemoryCharge.AllocateForNucleus(isCleared);
        }
        else if (MemoryCharge.Available == 0)
        {
            MemoryNotice.OnSocket(PagesInUse);
        }

        if (frame == 0)
        {
            s_isShort = true;
            return 0;
        }

        inUse++;
        return frame;
    }

    public static void Return(SocketDirection direction, ulong frame)
    {
        FrameAllocator.FreeForNucleus(frame);
        ref ulong inUse = ref InUse(direction);
        if (--inUse < s_least)
        {
            MemoryCharge.SetAside(1);
        }
    }

    /// <summary>Whether writers that found no memory have to be told that there is some again. The answer is given once.</summary>
    public static bool TakeRelief()
    {
        bool isRelief = s_isShort && Left(SocketDirection.Sent) > 0;
        s_isShort &= !isRelief;
        return isRelief;
    }

    private static ref ulong InUse(SocketDirection direction)
    {
        if (direction == SocketDirection.Sent)
        {
            return ref s_sent;
        }

        return ref s_received;
    }
}
