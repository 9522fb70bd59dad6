using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus;

/// <summary>The ranges of RAM of this domain, whole pages, copied out of the loader's memory before that memory is used.</summary>
internal static unsafe class MemoryMap
{
    private const int Capacity = 32;

    /// <summary>Physical addresses have 52 bits at most (AMD64 Architecture Programmer's Manual, volume 2, section 5.3).</summary>
    private const ulong AddressLimit = 1UL << 52;

    private static Extents s_extents;
    private static int s_count;

    /// <summary>Number of RAM ranges.</summary>
    public static int Count => s_count;

    /// <summary>RAM in pages, the image and everything else that is in use included.</summary>
    public static ulong TotalPages { get; private set; }

    /// <summary>The first physical address above all RAM.</summary>
    public static ulong End { get; private set; }

    /// <summary>
    /// A guest frame number above all RAM, for Xen's shared page; the grant table's frames follow. A page of Xen's that is mapped over RAM
    /// takes the place of that RAM.
    /// </summary>
    public static ulong FirstFrameWithoutRam => Math.Max(End, 1UL << 32) / Pages.Size;

    /// <summary>The RAM range of this index.</summary>
    public static Extent* Get(int index) => (Extent*)Unsafe.AsPointer(ref s_extents) + index;

    /// <summary>
    /// Reads the loader's map. Ranges beyond the thirty-second are left unused, and said; so are, without a word, those that no processor
    /// can address, whose ends might wrap to addresses of other things.
    /// </summary>
    public static void Initialise(StartInfo* info)
    {
        if (info->Version == 0 || info->MemoryMapEntries == 0)
        {
            Panic.Halt("the loader passed no memory map: Xen 4.11 or later is needed"u8);
        }

        var entries = (MemoryMapEntry*)info->MemoryMapAddress;
        for (uint i = 0; i < info->MemoryMapEntries; i++)
        {
            if (entries[i].Type != MemoryMapEntry.TypeRam
                || entries[i].Address > AddressLimit || entries[i].Size > AddressLimit - entries[i].Address)
            {
                continue;
            }

            ulong start = Pages.RoundUp(entries[i].Address);
            ulong end = Pages.RoundDown(entries[i].Address + entries[i].Size);
            if (end <= start)
            {
                continue;
            }

            if (s_count == Capacity)
            {
                KernelLog.Write("xenlet: more than 32 ranges of memory; the rest is not used\n"u8);
                break;
            }

            Extent* extent = Get(s_count++);
            extent->Start = start;
            extent->End = end;
            TotalPages += (end - start) / Pages.Size;
            End = Math.Max(End, end);
        }
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

/// <summary>A range of physical addresses, page aligned, the end exclusive.</summary>
internal struct Extent
{
    public ulong Start;
    public ulong End;
}
