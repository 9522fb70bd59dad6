using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>The domain's RAM ranges in whole pages, copied from the loader's memory before that memory is reused.</summary>
internal static unsafe class MemoryMap
{
    /// <summary>The number of ranges kept.</summary>
    public const int Capacity = 32;

    private static Extents s_extents;
    private static int s_count;

    /// <summary>Number of RAM ranges.</summary>
    public static int Count => s_count;

    /// <summary>RAM in pages, including the image and everything else in use.</summary>
    public static ulong TotalPages { get; private set; }

    /// <summary>The first physical address above all RAM.</summary>
    public static ulong End { get; private set; }

    /// <summary>
    /// A guest frame number above all RAM, for Xen's shared info page; the grant table's frames follow. A Xen page mapped over RAM would
    /// replace that RAM.
    /// </summary>
    public static ulong FirstFrameWithoutRam => Math.Max(End, 1UL << 32) / Pages.Size;

    /// <summary>The RAM range at this index.</summary>
    public static Extent* Get(int index) => (Extent*)Unsafe.AsPointer(ref s_extents) + index;

    /// <summary>Adds a range of RAM.</summary>
    /// <param name="start">Its page-aligned start.</param>
    /// <param name="end">Its page-aligned, exclusive end.</param>
    /// <returns>False if there is no room for another range.</returns>
    public static bool TryAdd(ulong start, ulong end)
    {
        if (s_count == Capacity)
        {
            return false;
        }

        Extent* extent = Get(s_count++);
        extent->Start = start;
        extent->End = end;
        TotalPages += (end - start) / Pages.Size;
        End = Math.Max(End, end);
        return true;
    }

    /// <summary>Whether this range lies in one of RAM.</summary>
    public static bool Contains(ulong start, ulong length)
    {
        for (int i = 0; i < s_count; i++)
        {
            if (start >= Get(i)->Start && start < Get(i)->End)
            {
                return length <= Get(i)->End - start;
            }
        }

        return false;
    }

    /// <summary>Whether this physical address is RAM.</summary>
    public static bool IsRam(ulong address)
    {
        for (int i = 0; i < s_count; i++)
        {
            if (address >= Get(i)->Start && address < Get(i)->End)
            {
                return true;
            }
        }

        return false;
    }

    [InlineArray(Capacity)]
    private struct Extents
    {
        private Extent _first;
    }
}

/// <summary>A range of physical addresses: page aligned, with an exclusive end.</summary>
internal struct Extent
{
    public ulong Start;
    public ulong End;
}
