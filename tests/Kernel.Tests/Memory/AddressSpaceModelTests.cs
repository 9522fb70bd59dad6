using CsCheck;
using static Xenlet.Kernel.Tests.AddressSpaceStory;

namespace Xenlet.Kernel.Tests;

/// <summary>Random sequences of what a program does to its memory, compared with <see cref="AddressSpaceModel"/> after each step.</summary>
public sealed class AddressSpaceModelTests
{
    /// <summary>Pages on both sides of a border between two page tables, and some at the lowest addresses.</summary>
    private static readonly Gen<ulong> PageNumbers = Gen.OneOf(Gen.ULong[0, 11], Gen.ULong[505, 519]).Select(page => FirstPage + page);

    private static readonly Gen<ulong> Counts = Gen.Frequency((12, Gen.ULong[1, 8]), (1, Gen.Const(400ul)));

    private static readonly Gen<uint> MapFlags =
        Gen.OneOf(Gen.Const(Fixed), Gen.Const(Fixed | Stack), Gen.Const(NoReplace), Gen.Const(Anywhere));

    private static readonly Gen<MemoryStep> Steps = Gen.Frequency(
        (3, Gen.Select(PageNumbers, Counts, Gen.UInt[0, 7], MapFlags, (page, count, rights, flags) =>
            new MemoryStep(MemoryAction.Map, page, count, rights, flags))),
        (1, Gen.Select(Counts, Gen.UInt[0, 7], (count, rights) => new MemoryStep(MemoryAction.Map, 0, count, rights, Anywhere))),
        (3, Gen.Select(PageNumbers, Counts, (page, count) => new MemoryStep(MemoryAction.Unmap, page, count, 0, 0))),
        (4, Gen.Select(PageNumbers, Gen.ULong[1, 8], Gen.UInt[0, 7], (page, count, rights) =>
            new MemoryStep(MemoryAction.Protect, page, count, rights, 0))),
        (2, Gen.Select(PageNumbers, Counts, (page, count) => new MemoryStep(MemoryAction.Discard, page, count, 0, 0))),
        (1, Gen.ULong[0, 12].Select(count => new MemoryStep(MemoryAction.Break, FirstBreakPage, count, 0, 0))),
        (1, Gen.Select(Gen.ULong[0, 9], Gen.UInt[0, 4], (page, access) =>
            new MemoryStep(MemoryAction.Touch, FirstBreakPage + page, 1, access, 0))),
        (8, Gen.Select(PageNumbers, Gen.UInt[0, 4], (page, access) => new MemoryStep(MemoryAction.Touch, page, 1, access, 0))));

    [Fact]
    public void Memory_is_what_a_list_of_pages_says() =>
        Steps.List[1, 60].Sample(steps => Run(steps), iter: 1500, threads: 1, print: steps => string.Join("\n", steps));
}
