using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// Where a non-maskable interrupt arrives: at any instruction, of the program or of the nucleus. It has a stack and a frame of its own, and
/// goes back to the very instruction, so that nothing it hits notices. The processor holds the next one back until the <c>iretq</c>.
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

        // A fault from here on is the nucleus's.
        c.mov(__qword_ptr.gs[CpuLayout.InNucleus], 1);
        emitter.LoadAddress(eax, StubNames.NmiFrame);
        TrapEntry.SaveFrame(emitter);
        c.fxsave64(__[rax + FrameLayout.Fxsave]);
        c.mov(rdi, rax);
        c.mov(rsi, __qword_ptr.gs[CpuLayout.NmiInNucleus]);

        // Seven words lie on the stack, and a call wants rsp a multiple of 16.
        c.and(rsp, -16);
        c.cld();

        // A backtrace of the report ends here.
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
