using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// Allocates 4 KiB frames of RAM. Unused frames are cut off the memory map's ranges, and freed frames are linked through their first word.
/// Memory that nobody needs is thus never touched, and costs nothing under QEMU or on a host that balloons.
/// </summary>
internal static unsafe class FrameAllocator
{
    private const int Capacity = 64;

    private static FreeExtents s_extents;
    private static int s_count;
    private static ulong s_freeList;
    private static ulong s_freeFrames;
    private static ulong s_totalFrames;

    /// <summary>Frames available now.</summary>
    public static ulong FreeFrames => s_freeFrames;

    /// <summary>Frames in the nucleus's own use, without page tables.</summary>
    public static ulong NucleusFrames { get; private set; }

    /// <summary>Frames with the contents of files in /tmp.</summary>
    public static ulong FileFrames { get; private set; }

    /// <summary>Frames that the allocator received at boot.</summary>
    public static ulong TotalFrames => s_totalFrames;

    /// <summary>Takes over all RAM except the image, another range, and physical page 0, so that 0 can mean "none".</summary>
    /// <param name="imageStart">Where the image begins.</param>
    /// <param name="imageEnd">Where it ends, exclusive.</param>
    /// <param name="module">Pages that stay as the loader has left them; an empty range if there are none.</param>
    public static void Initialise(ulong imageStart, ulong imageEnd, Extent module = default)
    {
        Extent image = new() { Start = imageStart, End = imageEnd };
        Extent lower = module.Start < imageStart ? module : image;
        Extent upper = module.Start < imageStart ? image : module;
        for (int i = 0; i < MemoryMap.Count; i++)
        {
            ulong start = Math.Max(MemoryMap.Get(i)->Start, Pages.Size);
            ulong end = MemoryMap.Get(i)->End;
            Add(start, Math.Min(end, lower.Start));
            Add(Math.Max(start, lower.End), Math.Min(end, upper.Start));
            Add(Math.Max(start, upper.End), end);
        }

        s_totalFrames = s_freeFrames;
    }

    /// <summary>Returns the physical address of a frame filled with zeros, or 0 when none is left.</summary>
    public static ulong Allocate()
    {
        ulong frame = AllocateAsItIs();
        if (frame != 0)
        {
            Machine.Fill(DirectMap.Words(frame), 0, (nuint)Pages.Size);
        }

        return frame;
    }

    /// <summary>As <see cref="Allocate"/>, for the nucleus's own use.</summary>
    /// <param name="isCleared">Whether it is filled with zeros; otherwise with whatever it held.</param>
    public static ulong AllocateForNucleus(bool isCleared = true)
    {
        ulong frame = isCleared ? Allocate() : AllocateAsItIs();
        if (frame != 0)
        {
            NucleusFrames++;
        }

        return frame;
    }

    private static ulong AllocateAsItIs()
    {
        ulong frame = s_freeList;
        if (frame != 0)
        {
            s_freeList = *DirectMap.Words(frame);
        }
        else if (s_count > 0)
        {
            Extent* extent = At(s_count - 1);
            frame = extent->Start;
            extent->Start += Pages.Size;
            if (extent->Start == extent->End)
            {
                s_count--;
            }
        }
        else
        {
            return 0;
        }

        s_freeFrames--;
        return frame;
    }

    /// <summary>Frees a frame of <see cref="AllocateForNucleus"/>.</summary>
    public static void FreeForNucleus(ulong frame)
    {
        Free(frame);
        NucleusFrames--;
    }

    /// <summary>As <see cref="Allocate"/>, for the contents of a file.</summary>
    public static ulong AllocateForFile()
    {
        ulong frame = Allocate();
        if (frame != 0)
        {
            FileFrames++;
        }

        return frame;
    }

    /// <summary>Frees a frame of <see cref="AllocateForFile"/>.</summary>
    public static void FreeForFile(ulong frame)
    {
        Free(frame);
        FileFrames--;
    }

    /// <summary>Frees a frame. Its owner must have removed every mapping of it.</summary>
    public static void Free(ulong frame)
    {
        *DirectMap.Words(frame) = s_freeList;
        s_freeList = frame;
        s_freeFrames++;
    }

    private static void Add(ulong start, ulong end)
    {
        if (end <= start || s_count == Capacity)
        {
            return;
        }

        Extent* extent = At(s_count++);
        extent->Start = start;
        extent->End = end;
        s_freeFrames += (end - start) / Pages.Size;

        // The lowest range comes first: the boot page tables map only the first GiB.
        for (int i = s_count - 1; i > 0 && At(i - 1)->Start < At(i)->Start; i--)
        {
            Extent swap = *At(i);
            *At(i) = *At(i - 1);
            *At(i - 1) = swap;
        }
    }

    private static Extent* At(int index) => (Extent*)Unsafe.AsPointer(ref s_extents) + index;

    [InlineArray(Capacity)]
    private struct FreeExtents
    {
        private Extent _first;
    }
}
