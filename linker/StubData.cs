using System.Buffers.Binary;

namespace Xenlet.Linker;

/// <summary>The variables and stacks that the stubs share with the nucleus.</summary>
public static class StubData
{
    /// <summary>The size of <c>xenlet_boot_gdt</c> in bytes: all segments but the last, which only the nucleus's own table has.</summary>
    public const int BootGdtSize = Selectors.TaskState;

    private const int PageSize = 0x1000, NucleusStackSize = 8 * PageSize, BootTablePages = 3;

    // What the nucleus writes at boot and then makes read-only, in whole pages. The interrupt table fills the first one.
    private const int SealedSize = 2 * PageSize, Gdt = PageSize, TaskState = Gdt + 0x40, StackCookie = TaskState + 0x80;

    // Present, ring 0, and already marked as accessed, so that the processor never writes to the table when it loads a selector.
    private const ulong CodeDescriptor = 0x00AF_9B00_0000_FFFF, DataDescriptor = 0x00CF_9300_0000_FFFF;

    /// <summary>Makes the blocks of data.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() =>
    [
        BootGdt(),

        // The first of the nucleus's pages: an overrun of the program's last variable hits read-only memory.
        Block.Zeros(
            "xenlet_sealed",
            SealedSize,
            PageSize,
            new InnerSymbol("xenlet_idt", 0),
            new InnerSymbol("xenlet_gdt", Gdt),
            new InnerSymbol("xenlet_task_state", TaskState),
            new InnerSymbol(StubNames.StackCookie, StackCookie),
            new InnerSymbol("xenlet_sealed_end", SealedSize)),
        Block.Zeros(StubNames.BootTables, BootTablePages * PageSize, PageSize),

        // One block, so that the guard page lies directly below the stack.
        Block.Zeros(
            "xenlet_nucleus_stack_guard",
            PageSize + NucleusStackSize,
            PageSize,
            new InnerSymbol("xenlet_nucleus_stack", PageSize),
            new InnerSymbol(StubNames.NucleusStackTop, PageSize + NucleusStackSize)),
        Block.Zeros(
            "xenlet_ist_stacks",
            5 * PageSize,
            PageSize,
            new InnerSymbol("xenlet_ist1_top", 1 * PageSize),

            // Two pages: the report of a non-maskable interrupt is written on this stack, while the nucleus's own is in use.
            new InnerSymbol("xenlet_ist2_top", 3 * PageSize),
            new InnerSymbol("xenlet_ist3_top", 4 * PageSize),
            new InnerSymbol("xenlet_ist4_top", 5 * PageSize)),
        Block.Zeros(StubNames.Cpu, CpuLayout.Size, 64),
        Block.Zeros(StubNames.Clock, ClockLayout.Size, 64),
        Block.Zeros(StubNames.FaultFrame, FrameLayout.Size, 16),
        Block.Zeros(StubNames.NmiFrame, FrameLayout.Size, 16),
        Block.Zeros(StubNames.StartInfo, 4, 4),
    ];

    /// <summary>A constant, in the entry's section: the processor writes to a segment table only to mark a segment as accessed.</summary>
    private static Block BootGdt()
    {
        byte[] bytes = new byte[BootGdtSize];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(Selectors.Code), CodeDescriptor);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(Selectors.Data), DataDescriptor);
        return new Block(StubNames.BootGdt, BlockSection.TextBoot, 16, bytes, bytes.Length);
    }
}
