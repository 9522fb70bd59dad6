using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>
/// The first page tables: the image at its own addresses, each segment with its access rights, and all other RAM in the direct map. Nothing
/// else is mapped, and in particular no page below <see cref="AddressSpace.LowestAddress"/>.
/// </summary>
internal static unsafe class KernelMappings
{
    private const ulong ReadWrite = PageTable.Present | PageTable.Writable | PageTable.NoExecute;

    public static void Build()
    {
        for (int i = 0; i < SegmentCount; i++)
        {
            ElfProgramHeader* segment = Segment(i);
            if (segment->Type == ElfProgramHeader.PT_LOAD)
            {
                MapSegment(segment);
            }
        }

        for (int i = 0; i < MemoryMap.Count; i++)
        {
            MapRange(MemoryMap.Get(i)->Start, MemoryMap.Get(i)->End);
        }

        // If the nucleus overflows its stack, it must fault instead of overwriting what lies below.
        _ = PageTable.Unmap(Image.NucleusStackGuard, Image.NucleusStackGuard + Pages.Size);
        PageTable.Protect(RuntimeCookiePage, RuntimeCookiePage + Pages.Size, ReadWrite);
    }

    /// <summary>
    /// Records in the program's address space what the image occupies, and which parts of it do not belong to the program.
    /// </summary>
    public static void AddImageRegions()
    {
        // Cutting one region out of another adds two.
        const int cuts = 3;
        if (!RegionList.Reserve(SegmentCount + (2 * cuts)))
        {
            MemoryCheck.NotEnough();
        }

        for (int i = 0; i < SegmentCount; i++)
        {
            ElfProgramHeader* segment = Segment(i);
            if (segment->Type == ElfProgramHeader.PT_LOAD)
            {
                RegionList.Insert(Start(segment), End(segment), ProtectionOf(segment), RegionKind.Image);
            }
        }

        CutOut(Image.NucleusData, Image.NucleusDataEnd, Protection.None, RegionKind.Image);
        CutOut(Image.NucleusStackGuard, Image.NucleusStackGuard + Pages.Size, Protection.None, RegionKind.Guard);

        // A constant that the runtime makes writable for a moment at its start. The image never gains access rights, so the page has this
        // right until the runtime gives it up.
        CutOut(RuntimeCookiePage, RuntimeCookiePage + Pages.Size, Protection.Read | Protection.Write, RegionKind.Image);
    }

    /// <summary>Number of program headers.</summary>
    public static int SegmentCount => Header->ProgramHeaderCount;

    /// <summary>Address of the program headers, for AT_PHDR.</summary>
    public static ulong ProgramHeaders => (ulong)Header + Header->ProgramHeaderOffset;

    private static ulong RuntimeCookiePage => Pages.RoundDown(Image.RuntimeCookie);

    private static void CutOut(ulong start, ulong end, Protection protection, RegionKind kind)
    {
        RegionList.SplitAt(start);
        RegionList.SplitAt(end);
        Region* region = RegionList.Find(start);
        region->Protection = protection;
        region->Kind = kind;
    }

    private static ElfHeader* Header => (ElfHeader*)Image.ElfHeader;

    private static ElfProgramHeader* Segment(int index) => (ElfProgramHeader*)ProgramHeaders + index;

    private static ulong Start(ElfProgramHeader* segment) => Pages.RoundDown(segment->VirtualAddress);

    private static ulong End(ElfProgramHeader* segment) => Pages.RoundUp(segment->VirtualAddress + segment->MemorySize);

    private static Protection ProtectionOf(ElfProgramHeader* segment) =>
        Protection.Read
        | ((segment->Flags & ElfProgramHeader.FlagWrite) != 0 ? Protection.Write : 0)
        | ((segment->Flags & ElfProgramHeader.FlagExecute) != 0 ? Protection.Execute : 0);

    private static void MapSegment(ElfProgramHeader* segment)
    {
        Region region = new() { Protection = ProtectionOf(segment) };
        Require(PageTable.MapRange(Start(segment), End(segment), Start(segment) | region.AccessBits | PageTable.NotOwned));
    }

    private static void MapRange(ulong start, ulong end)
    {
        ulong imageStart = (ulong)Image.ElfHeader;
        ulong imageEnd = Pages.RoundUp(Image.End);
        for (ulong address = start; address < end;)
        {
            if (address >= imageStart && address < imageEnd)
            {
                address = imageEnd;
                continue;
            }

            ulong largeEnd = PageTable.LargeEnd(address);
            ulong next = Math.Min(largeEnd, address < imageStart ? Math.Min(end, imageStart) : end);
            bool isLarge = next == largeEnd && largeEnd - address == Pages.LargeSize;
            Require(isLarge
                ? PageTable.MapLarge(DirectMap.Base + address, address | ReadWrite)
                : PageTable.MapRange(DirectMap.Base + address, DirectMap.Base + next, address | ReadWrite | PageTable.NotOwned));
            address = next;
        }
    }

    private static void Require(bool done)
    {
        if (!done)
        {
            MemoryCheck.NotEnough();
        }
    }
}
