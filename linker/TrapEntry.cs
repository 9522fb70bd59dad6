using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// The entries of exceptions and interrupts. The program runs in ring 0 and has a red zone, so every vector has an IST stack: the processor
/// must not push onto the program's. An IST stack starts at its top each time, so its contents are copied to the thread's frame with
/// interrupts off, and the stack is left.
/// </summary>
public static class TrapEntry
{
    /// <summary>The distance in bytes from one vector's entry to the next.</summary>
    public const int VectorSpacing = 16;

    /// <summary>The number of vectors in the interrupt descriptor table.</summary>
    public const int VectorCount = 256;

    private const int NonMaskableInterrupt = 2, DoubleFault = 8, MachineCheck = 18;

    // Offsets on the stack at the start of the common part.
    private const int StackVector = 0, StackRip = 16, StackBytes = 56;

    // The distance from the stack's words to their copies: vector, error code and iretq's five words have the same order in both.
    private const int CopyDistance = FrameLayout.Vector - StackVector;

    /// <summary>
    /// Vectors for which the processor pushes an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX (Intel SDM 3A 6.15, AMD APM 2
    /// 8.2).
    /// </summary>
    public static IReadOnlySet<int> VectorsWithErrorCode { get; } = new HashSet<int> { 8, 10, 11, 12, 13, 14, 17, 21, 29, 30 };

    /// <summary>Vectors that always end in a panic. Each has its own IST stack.</summary>
    public static IReadOnlySet<int> FatalVectors { get; } = new HashSet<int> { DoubleFault, MachineCheck };

    /// <summary>Assembles the entries.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() => [Vectors(), Common(), Fatal()];

    private static Block Vectors()
    {
        byte[] bytes = new byte[VectorCount * VectorSpacing];
        bytes.AsSpan().Fill(0xCC);
        List<Relocation> relocations = new(VectorCount);
        for (int vector = 0; vector < VectorCount; vector++)
        {
            Block entry = Vector(vector);
            int start = vector * VectorSpacing;
            entry.Bytes.CopyTo(bytes.AsSpan(start, VectorSpacing));
            relocations.AddRange(entry.Relocations.Select(r => r with { Offset = start + r.Offset }));
        }

        return new Block(StubNames.Vectors, BlockSection.Text, 16, bytes, bytes.Length) { Bitness = 64, Relocations = relocations };
    }

    private static Block Vector(int vector)
    {
        StubEmitter emitter = new(64);
        if (!VectorsWithErrorCode.Contains(vector))
        {
            emitter.Code.push(0);
        }

        emitter.Code.push(vector);
        emitter.Jump(Target(vector));
        return emitter.ToBlock($"vector {vector}");
    }

    private static string Target(int vector) => vector switch
    {
        NonMaskableInterrupt => StubNames.NmiEntry,
        _ when FatalVectors.Contains(vector) => StubNames.FatalTrap,
        _ => StubNames.TrapCommon,
    };

    private static Block Common()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;

        // The program and the nucleus have the same cs, so only a flag tells them apart.
        c.cmp(__qword_ptr.gs[CpuLayout.InNucleus], 0);
        c.jne(StubEmitter.Placeholder);
        emitter.ReferBranch(StubNames.FatalTrap);

        // The flag is already clear at the nucleus's last instruction. If that one faults (a return address that no processor accepts), it
        // was reading the current thread's frame, which must not be overwritten with itself.
        c.cmp(__qword_ptr[rsp + StackRip], (int)StubEmitter.Placeholder);
        emitter.Refer(StubNames.ResumeReturn, OperandField.Immediate, RelocationType.Absolute32Signed);
        c.je(StubEmitter.Placeholder);
        emitter.ReferBranch(StubNames.FatalTrap);

        c.mov(__qword_ptr.gs[CpuLayout.InNucleus], 1);
        c.push(rax);
        c.mov(rax, __qword_ptr.gs[CpuLayout.Current]);
        SaveFrame(emitter);
        FrameRegisters.SaveXmm(c, rax);
        c.mov(rdi, rax);
        c.mov(rsp, __qword_ptr.gs[CpuLayout.NucleusStackTop]);
        c.cld();

        // The nucleus's backtrace ends here.
        c.xor(ebp, ebp);
        emitter.Call(StubNames.OnTrap);
        emitter.Jump(StubNames.Resume);
        return emitter.ToBlock(StubNames.TrapCommon);
    }

    private static Block Fatal()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;

        // A double fault or a machine check can also arrive while the program runs.
        c.mov(__qword_ptr.gs[CpuLayout.InNucleus], 1);
        c.push(rax);
        emitter.LoadAddress(eax, StubNames.FaultFrame);
        SaveFrame(emitter);
        c.fxsave64(__[rax + FrameLayout.Fxsave]);
        c.mov(rdi, rax);

        // Stay on the IST stack: the nucleus's own may be what is broken. Seven words are on it, and a call needs rsp to be a multiple of
        // 16. rbp is kept, so that the handler's backtrace continues through the interrupted code.
        c.and(rsp, -16);
        c.cld();
        emitter.Call(StubNames.OnNucleusFault);
        c.ud2();
        return emitter.ToBlock(StubNames.FatalTrap);
    }

    /// <summary>
    /// Fills the frame at rax from the registers and the stack. The interrupted rax is on top of the stack and is popped.
    /// </summary>
    internal static void SaveFrame(StubEmitter emitter)
    {
        Assembler c = emitter.Code;
        foreach ((AssemblerRegister64 register, int offset) in FrameRegisters.General.Where(r => r.Register != rax))
        {
            c.mov(__qword_ptr[rax + offset], register);
        }

        c.pop(rcx);
        c.mov(__qword_ptr[rax + FrameLayout.Rax], rcx);
        for (int offset = StackVector; offset < StackBytes; offset += 8)
        {
            c.mov(rcx, __qword_ptr[rsp + offset]);
            c.mov(__qword_ptr[rax + offset + CopyDistance], rcx);
        }

        c.mov(rcx, cr2);
        c.mov(__qword_ptr[rax + FrameLayout.Cr2], rcx);
    }
}
