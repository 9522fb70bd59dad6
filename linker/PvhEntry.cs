using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// The entry from the hypervisor. PVH (xen/include/public/arch-x86/hvm/start_info.h) starts a guest in 32-bit flat protected mode with
/// paging and interrupts off, and ebx = physical address of <c>hvm_start_info</c>. All other registers and the stack are undefined. The
/// entry ends in long mode on the nucleus's stack.
/// </summary>
public static class PvhEntry
{
    // Page table entry bits: present, writable, and, in a page directory, 2 MiB page.
    private const uint Present = 1 << 0, Writable = 1 << 1, LargePage = 1 << 7;
    private const int PageSize = 0x1000, EntriesPerTable = 512, LargePageSize = 0x20_0000;

    // CR4: physical address extension (required for long mode), global pages, and the two bits that enable SSE.
    private const uint Cr4Pae = 1 << 5, Cr4Pge = 1 << 7, Cr4OsFxsr = 1 << 9, Cr4OsXmmException = 1 << 10;

    // CR0. Without WP and EFER.NXE, read-only and no-execute have no effect in ring 0. EM and TS stay clear, because compiled C# uses SSE
    // freely.
    private const uint Cr0Protection = 1 << 0, Cr0MonitorCoprocessor = 1 << 1, Cr0ExtensionType = 1 << 4, Cr0NumericError = 1 << 5,
        Cr0WriteProtect = 1 << 16, Cr0Paging = 1u << 31;

    private const uint EferSystemCall = 1 << 0, EferLongMode = 1 << 8, EferNoExecute = 1 << 11;

    private const uint MsrEfer = 0xC000_0080, MsrFsBase = 0xC000_0100, MsrGsBase = 0xC000_0101;

    // All SSE exceptions masked, round to nearest: the state after reset, which the System V ABI guarantees to a program.
    private const int DefaultMxcsr = 0x1F80;

    /// <summary>Assembles the entry.</summary>
    /// <returns>Its blocks.</returns>
    public static IEnumerable<Block> Assemble() =>
        [ProtectedMode(), LongMode(), DescriptorTablePointer()];

    private static Block ProtectedMode()
    {
        StubEmitter emitter = new(32);
        Assembler c = emitter.Code;
        Label fill = c.CreateLabel();

        c.cld();
        c.mov(__dword_ptr[StubEmitter.Placeholder], ebx);
        emitter.Refer(StubNames.StartInfo, OperandField.Displacement, RelocationType.Absolute32);

        // One entry in each of the two upper tables. The rest of the three pages is zero, as .bss is. ebx is free from here on.
        c.mov(__dword_ptr[StubEmitter.Placeholder], StubEmitter.Placeholder);
        emitter.Refer(StubNames.BootTables, OperandField.Displacement, RelocationType.Absolute32);
        emitter.Refer(StubNames.BootTables, OperandField.Immediate, RelocationType.Absolute32, PageSize + Present + Writable);
        c.mov(__dword_ptr[StubEmitter.Placeholder], StubEmitter.Placeholder);
        emitter.Refer(StubNames.BootTables, OperandField.Displacement, RelocationType.Absolute32, PageSize);
        emitter.Refer(StubNames.BootTables, OperandField.Immediate, RelocationType.Absolute32, (2 * PageSize) + Present + Writable);

        c.mov(edi, StubEmitter.Placeholder);
        emitter.Refer(StubNames.BootTables, OperandField.Immediate, RelocationType.Absolute32, 2 * PageSize);
        c.mov(eax, Present | Writable | LargePage);
        c.mov(ecx, EntriesPerTable);
        c.Label(ref fill);
        c.mov(__dword_ptr[edi], eax);
        c.add(eax, LargePageSize);
        c.add(edi, 8);
        c.dec(ecx);
        c.jne(fill);

        emitter.LoadAddress(eax, StubNames.BootTables);
        c.mov(cr3, eax);
        c.mov(eax, Cr4Pae | Cr4Pge | Cr4OsFxsr | Cr4OsXmmException);
        c.mov(cr4, eax);
        c.mov(ecx, MsrEfer);
        c.mov(eax, EferSystemCall | EferLongMode | EferNoExecute);
        c.xor(edx, edx);
        c.wrmsr();

        // Only the far jump reads the table, so it may be loaded before paging is on: its address stays the same.
        c.lgdt(__dword_ptr[StubEmitter.Placeholder]);
        emitter.Refer(StubNames.BootGdtPointer, OperandField.Displacement, RelocationType.Absolute32);

        c.mov(eax, Cr0Protection | Cr0MonitorCoprocessor | Cr0ExtensionType | Cr0NumericError | Cr0WriteProtect | Cr0Paging);
        c.mov(cr0, eax);

        // Long mode is active, but in its 32-bit submode until cs holds a 64-bit code segment.
        c.jmp(Selectors.Code, StubEmitter.Placeholder);
        emitter.Refer(StubNames.LongMode, OperandField.Immediate, RelocationType.Absolute32);
        return emitter.ToBlock(StubNames.Start, BlockSection.TextBoot);
    }

    private static Block LongMode()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;
        c.mov(eax, Selectors.Data);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.mov(ss, eax);
        c.xor(eax, eax);
        c.mov(fs, eax);
        c.mov(gs, eax);

        // A null selector clears the base on Intel's processors but not on AMD's.
        c.mov(ecx, MsrFsBase);
        c.xor(edx, edx);
        c.wrmsr();
        c.mov(ecx, MsrGsBase);
        emitter.LoadAddress(eax, StubNames.Cpu);
        c.wrmsr();

        emitter.LoadAddress(esp, StubNames.NucleusStackTop);
        c.mov(__qword_ptr.gs[CpuLayout.NucleusStackTop], rsp);
        c.mov(__qword_ptr.gs[CpuLayout.InNucleus], 1);

        c.fninit();
        c.push(DefaultMxcsr);
        c.ldmxcsr(__dword_ptr[rsp]);
        c.pop(rax);

        // 32 bits: the loader puts the structure below 4 GiB, and the earlier store wrote no more.
        emitter.LoadAddress(eax, StubNames.StartInfo);
        c.mov(edi, __dword_ptr[rax]);

        // A backtrace follows rbp and ends at zero.
        c.xor(ebp, ebp);
        emitter.Call(StubNames.NucleusStart);
        emitter.Jump(StubNames.Resume);
        return emitter.ToBlock(StubNames.LongMode, BlockSection.TextBoot);
    }

    /// <summary>The operand of <c>lgdt</c> in 32-bit mode: a limit and a 32-bit base.</summary>
    private static Block DescriptorTablePointer() =>
        new(StubNames.BootGdtPointer, BlockSection.TextBoot, 8, [StubData.BootGdtSize - 1, 0, 0, 0, 0, 0], 6)
        {
            Relocations = [new Relocation(2, RelocationType.Absolute32, StubNames.BootGdt, 0)],
        };
}
