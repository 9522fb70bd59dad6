using System.Runtime.InteropServices;
using Xenlet.Drivers.Net;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// Whole pages for copies by Xen. A part that crosses a page here is two operations of GNTTABOP_copy, and Xen reads and answers each of
/// them through this domain's page tables, which costs several times what copying the bytes once more does.
/// </summary>
internal sealed class PageBuffer
{
    /// <summary>How many pages it has.</summary>
    public const int Pages = 64;

    /// <summary>How many are kept. All servers of a loop take turns; further ones are needed only while Xen asks to try again.</summary>
    private const int Kept = 2;

    private static readonly Stack<PageBuffer> s_free = new();

    private PageBuffer()
    {
        byte[] bytes = GC.AllocateUninitializedArray<byte>((Pages + 1) * NetProtocol.PageSize, pinned: true);
        nint first = Marshal.UnsafeAddrOfPinnedArrayElement(bytes, 0);
        Memory = bytes.AsMemory((int)(-first & (NetProtocol.PageSize - 1)), Pages * NetProtocol.PageSize);
    }

    /// <summary>Its memory, which begins with a page. It may hold what other front ends have sent.</summary>
    public Memory<byte> Memory { get; }

    /// <summary>Where a part goes: behind the others if it fits into their page, and into the next page otherwise.</summary>
    /// <param name="place">The end of the others.</param>
    /// <param name="size">Bytes. More than a page begins with a page.</param>
    public static int PlaceFor(int place, int size)
    {
        int used = place % NetProtocol.PageSize;
        return used + size <= NetProtocol.PageSize || used == 0 ? place : place + NetProtocol.PageSize - used;
    }

    /// <summary>Takes one, until <see cref="Return"/>.</summary>
    public static PageBuffer Rent()
    {
        lock (s_free)
        {
            return s_free.TryPop(out PageBuffer? buffer) ? buffer : new();
        }
    }

    /// <summary>Gives it back.</summary>
    public void Return()
    {
        lock (s_free)
        {
            if (s_free.Count < Kept)
            {
                s_free.Push(this);
            }
        }
    }
}
