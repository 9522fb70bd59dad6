using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>
/// Pages by owner, as the private call ReadMemory writes them. All but <see cref="Promised"/> add up to <see cref="Total"/>.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NucleusMemoryRecord
{
    /// <summary>All pages of RAM.</summary>
    public ulong Total;

    /// <summary>Pages that the image occupies, and RAM that the nucleus leaves alone.</summary>
    public ulong Image;

    public ulong PageTables;

    /// <summary>Pages of what the program mapped: the collector's heap, glibc's, mapped memory.</summary>
    public ulong Mappings;

    public ulong Stacks;

    /// <summary>Pages that can be granted to other domains.</summary>
    public ulong Shared;

    /// <summary>Threads, regions and pipes of the nucleus.</summary>
    public ulong Nucleus;

    public ulong Free;

    /// <summary>Of the free ones, those that are promised to the program.</summary>
    public ulong Promised;
}
