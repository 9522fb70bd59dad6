using Xenlet.Kernel.Tests;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// mmap, munmap, mprotect, madvise, brk and touches of memory, in any order, in a machine of little memory: after each the program's pages,
/// their rights, tables and frames are those of a list of pages.
/// </summary>
internal static class ProgramMemories
{
    private const int MostSteps = 60;

    // Some at the lowest addresses, and some on both sides of a border between two page tables.
    private const int LowPages = 12;
    private const int BorderPages = 15;
    private const ulong Border = 505;

    private static readonly uint[] Flags =
    [
        AddressSpaceStory.Fixed, AddressSpaceStory.Fixed | AddressSpaceStory.Stack, AddressSpaceStory.NoReplace, AddressSpaceStory.Anywhere,
    ];

    public static byte[][] Tokens { get; } =
    [
        [0, 3, 7, 3, 0], [0, 3, 7, 3, 1], [0, 8, 7, 0, 1], [4, 7, 3], [5, 4, 2], [8, 5, 1, 5], [8, 5, 1, 0], [12, 3, 3], [14, 9], [16, 4,
            1],
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        List<MemoryStep> steps = [];
        while (!script.AtEnd && steps.Count < MostSteps)
        {
            steps.Add(Read(script));
        }

        AddressSpaceStory.Run(steps);
    }

    private static MemoryStep Read(Script script) => script.Below(24) switch
    {
        < 4 => new(MemoryAction.Map, Page(script), Count(script), Rights(script), Flags[script.Below(Flags.Length)]),
        4 => new(MemoryAction.Map, 0, Count(script), Rights(script), AddressSpaceStory.Anywhere),
        < 8 => new(MemoryAction.Unmap, Page(script), Count(script), 0, 0),
        < 12 => new(MemoryAction.Protect, Page(script), 1 + (ulong)script.Below(8), Rights(script), 0),
        < 14 => new(MemoryAction.Discard, Page(script), Count(script), 0, 0),
        14 => new(MemoryAction.Break, AddressSpaceStory.FirstBreakPage, (ulong)script.Below(13), 0, 0),
        15 => new(MemoryAction.Touch, AddressSpaceStory.FirstBreakPage + (ulong)script.Below(10), 1, (uint)script.Below(5), 0),
        _ => new(MemoryAction.Touch, Page(script), 1, (uint)script.Below(5), 0),
    };

    private static ulong Page(Script script)
    {
        int place = script.Below(LowPages + BorderPages);
        return AddressSpaceStory.FirstPage + (place < LowPages ? (ulong)place : Border + (ulong)(place - LowPages));
    }

    /// <summary>A few, at times more than there is memory for.</summary>
    private static ulong Count(Script script)
    {
        byte count = script.Byte();
        return count < 240 ? 1 + ((ulong)count % 8) : 400;
    }

    private static uint Rights(Script script) => (uint)script.Below(8);
}
