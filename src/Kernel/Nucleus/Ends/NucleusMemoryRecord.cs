using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>
/// Pages by owner, as the nucleus call ReadMemory writes them. All but <see cref="Promised"/> add up to <see cref="Total"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NucleusMemoryRecord
{
    /// <summary>All pages of RAM.</summary>
    public ulong Total;

    /// <summary>Pages that the image and the ramdisk occupy, and RAM that the nucleus does not use.</summary>
    public ulong Image;

    public ulong PageTables;

    /// <summary>Pages of the program's mappings: the collector's heap, glibc's heap, mapped memory.</summary>
    public ulong Mappings;

    public ulong Stacks;

    /// <summary>Pages that can be granted to other domains.</summary>
    public ulong Shared;

    /// <summary>Threads, regions and pipes of the nucleus.</summary>
    public ulong Nucleus;

    /// <summary>Contents of files in /tmp.</summary>
    public ulong Files;

    public ulong Free;

    /// <summary>The part of the free pages that is promised to the program.</summary>
    public ulong Promised;
}
