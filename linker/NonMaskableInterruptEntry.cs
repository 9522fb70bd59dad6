using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// The entry of a non-maskable interrupt, which can arrive at any instruction of the program or of the nucleus. It has its own stack and
/// frame, and returns to exactly the interrupted instruction, so the interrupted code does not notice. The processor holds back the next
/// one until the <c>iretq</c>.
/// </summary>
public static class NonMaskableInterruptEntry
{
    /// <summary>Assembles the entry.</summary>
    /// <returns>The block.</returns>
    public static IEnumerable<Block> Assemble()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;
        c.push(rax);
        c.mov(rax, __qword_ptr.gs[CpuLayout.InNucleus]);
        c.mov(__qword_ptr.gs[CpuLayout.NmiInNucleus], rax);

        // From here on, a fault is the nucleus's.
        c.mov(__qword_ptr.gs[CpuLayout.InNucleus], 1);
        emitter.LoadAddress(eax, StubNames.NmiFrame);
        TrapEntry.SaveFrame(emitter);
        c.fxsave64(__[rax + FrameLayout.Fxsave]);
        c.mov(rdi, rax);
        c.mov(rsi, __qword_ptr.gs[CpuLayout.NmiInNucleus]);

        // Seven words are on the stack, and a call needs rsp to be a multiple of 16.
        c.and(rsp, -16);
        c.cld();

        // The report's backtrace ends here.
        c.xor(ebp, ebp);
        emitter.Call(StubNames.OnNmi);
        c.mov(rax, __qword_ptr.gs[CpuLayout.NmiInNucleus]);
        c.mov(__qword_ptr.gs[CpuLayout.InNucleus], rax);
        emitter.LoadAddress(eax, StubNames.NmiFrame);
        ThreadResume.Load(c);
        c.iretq();
        yield return emitter.ToBlock(StubNames.NmiEntry);
    }
}
