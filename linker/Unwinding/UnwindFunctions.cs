using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker.Unwinding;

/// <summary>
/// The two functions by which .NET's runtime walks frames of methods, over <see cref="MethodTable"/>. They take the place of the runtime's
/// own (src/coreclr/nativeaot/Runtime/unix/UnwindHelpers.cpp), which interpret DWARF: ld's <c>--wrap</c> sends the runtime here, and so
/// nothing needs its own, which linker/xenlet.ld checks. A thread may be suspended in them as in the runtime's: they are native code,
/// outside the methods.
/// </summary>
public static class UnwindFunctions
{
    /// <summary>
    /// <c>bool UnwindHelpers::GetUnwindProcInfo(unsigned long, libunwind::UnwindInfoSections&amp;, unw_proc_info_t*)</c>: finds a method by
    /// an address. It fills what <c>UnixNativeCodeManager::FindMethodInfo</c>, its only caller, reads: the start, the LSDA, the format and
    /// the rule.
    /// </summary>
    public const string Find = "_ZN13UnwindHelpers17GetUnwindProcInfoEmRN9libunwind18UnwindInfoSectionsEP15unw_proc_info_t";

    /// <summary>
    /// <c>bool UnwindHelpers::StepFrame(REGDISPLAY*, unsigned long, unsigned int, unsigned long)</c>: replaces a frame's registers by its
    /// caller's. The numbers are the method's start, the format and the rule.
    /// </summary>
    public const string Step = "_ZN13UnwindHelpers9StepFrameEP10REGDISPLAYmjm";

    private const string WrapPrefix = "__wrap_";

    // unw_proc_info_t of LLVM's libunwind.h.
    private const int InfoStart = 0, InfoData = 0x10, InfoFormat = 0x30, InfoRule = 0x38;

    // REGDISPLAY of regdisplay.h, behind the pointers to the registers' values.
    private const int FramePointerPointer = 4 * 8, StackPointer = 0x78, InstructionPointer = 0x80;

    /// <summary>The functions whose calls ld has to redirect.</summary>
    public static IEnumerable<string> Wrapped { get; } = [Find, Step];

    /// <summary>Assembles both functions.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() => [AssembleFind(), AssembleStep()];

    private static Block AssembleFind()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;
        Label none = c.CreateLabel();
        Label search = c.CreateLabel();
        Label lower = c.CreateLabel();
        Label found = c.CreateLabel();
        Label page = c.CreateLabel();
        Label earlier = c.CreateLabel();

        emitter.LoadAddress(eax, MethodTable.CodeEnd);
        c.cmp(rdi, rax);
        c.jae(none);
        emitter.LoadAddress(eax, MethodTable.CodeStart);
        c.sub(rdi, rax);
        c.jb(none);

        // esi is the page, edi the address in it; r8d and r9d are the methods among which the last that starts at or before it is sought.
        c.mov(esi, edi);
        c.shr(esi, MethodTable.PageBits);
        c.movzx(edi, di);
        LoadFrom(emitter, MethodTable.Pages, place => c.mov(r8d, __dword_ptr[rsi * 4 + place]));
        LoadFrom(emitter, MethodTable.Pages, place => c.mov(r9d, __dword_ptr[rsi * 4 + place]), sizeof(uint));
        c.Label(ref search);
        c.cmp(r8d, r9d);
        c.jae(found);
        c.lea(ecx, __[r8 + r9]);
        c.shr(ecx, 1);
        LoadFrom(emitter, MethodTable.Starts, place => c.movzx(r10d, __word_ptr[rcx * 2 + place]));
        c.cmp(r10d, edi);
        c.ja(lower);
        c.lea(r8d, __[rcx + 1]);
        c.jmp(search);
        c.Label(ref lower);
        c.mov(r9d, ecx);
        c.jmp(search);
        c.Label(ref found);
        c.sub(r8d, 1);
        c.jb(none);

        // A method that reaches into a page starts in an earlier one.
        c.jmp(page);
        c.Label(ref earlier);
        c.sub(esi, 1);
        c.Label(ref page);
        LoadFrom(emitter, MethodTable.Pages, place => c.cmp(__dword_ptr[rsi * 4 + place], r8d));
        c.ja(earlier);
        c.shl(esi, MethodTable.PageBits);
        LoadFrom(emitter, MethodTable.Starts, place => c.movzx(ecx, __word_ptr[r8 * 2 + place]));
        c.add(ecx, esi);
        c.add(rax, rcx);
        c.mov(__qword_ptr[rdx + InfoStart], rax);

        LoadFrom(emitter, MethodTable.DataHigh, place => c.movzx(eax, __byte_ptr[r8 + place]));
        LoadFrom(emitter, MethodTable.DataLow, place => c.movzx(ecx, __word_ptr[r8 * 2 + place]));
        c.shl(eax, 16);
        c.or(eax, ecx);
        emitter.LoadAddress(ecx, MethodTable.DataStart);
        c.add(rax, rcx);
        c.mov(__qword_ptr[rdx + InfoData], rax);

        LoadFrom(emitter, MethodTable.RulePlaces, place => c.movzx(eax, __word_ptr[r8 * 2 + place]));
        LoadFrom(emitter, MethodTable.Rules, place => c.lea(eax, __[rax * 4 + place]));
        c.mov(__qword_ptr[rdx + InfoRule], rax);
        c.mov(__dword_ptr[rdx + InfoFormat], 0);
        c.mov(eax, 1);
        c.ret();
        c.Label(ref none);
        c.xor(eax, eax);
        c.ret();
        return emitter.ToBlock(WrapPrefix + Find, BlockSection.Unwinding);
    }

    /// <summary>Emits an instruction whose memory operand is a table's address and an index.</summary>
    private static void LoadFrom(StubEmitter emitter, string table, Action<int> emit, long addend = 0)
    {
        emit((int)StubEmitter.Placeholder);
        emitter.Refer(table, OperandField.Displacement, RelocationType.Absolute32Signed, addend);
    }

    private static Block AssembleStep()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;
        Label row = c.CreateLabel();
        Label apply = c.CreateLabel();
        Label cfa = c.CreateLabel();
        Label saved = c.CreateLabel();
        Label done = c.CreateLabel();

        // r8 is the distance from the method's start, r9 the row. The last row has distance 0, so one is found.
        c.mov(r8, __qword_ptr[rdi + InstructionPointer]);
        c.sub(r8, rsi);
        c.movzx(eax, __byte_ptr[rcx]);
        c.add(rcx, 1);
        c.lea(r9, __[rcx + rax * 2]);
        c.Label(ref row);
        c.movzx(eax, __word_ptr[r9 + 4]);
        c.cmp(r8, rax);
        c.jae(apply);
        c.add(r9, MethodRule.RowSize);
        c.jmp(row);

        // rdx becomes the CFA.
        c.Label(ref apply);
        c.mov(eax, __dword_ptr[r9]);
        c.mov(rdx, __qword_ptr[rdi + StackPointer]);
        c.btr(eax, 31);
        c.jae(cfa);
        c.mov(rdx, __qword_ptr[rdi + FramePointerPointer]);
        c.mov(rdx, __qword_ptr[rdx]);
        c.Label(ref cfa);
        c.add(rdx, rax);
        c.movzx(eax, __byte_ptr[r9 + 6]);
        c.Label(ref saved);
        c.sub(eax, 1);
        c.jb(done);
        c.movzx(esi, __byte_ptr[rcx]);
        c.movzx(r8d, __byte_ptr[rcx + 1]);
        c.add(rcx, 2);
        c.neg(r8);
        c.lea(r8, __[rdx + r8 * 8]);
        c.mov(__qword_ptr[rdi + rsi * 8], r8);
        c.jmp(saved);
        c.Label(ref done);
        c.mov(rax, __qword_ptr[rdx - 8]);
        c.mov(__qword_ptr[rdi + InstructionPointer], rax);
        c.mov(__qword_ptr[rdi + StackPointer], rdx);
        c.mov(eax, 1);
        c.ret();
        return emitter.ToBlock(WrapPrefix + Step, BlockSection.Unwinding);
    }
}
