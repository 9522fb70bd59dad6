using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// Both ends of <c>syscall</c> within ring 0. The instruction leaves rip in rcx and rflags in r11, and clears in rflags what SFMASK says:
/// the nucleus has IF, DF and TF there. It switches no stack.
/// </summary>
public static class SystemCallEntry
{
    /// <summary>Assembles the entry and the managed side's door to it.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() => [Entry(), Door(), Idle()];

    private static Block Entry()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;

        // First, so that a fault from here on, such as on a bad frame, is known for the nucleus's own.
        c.mov(__qword_ptr.gs[CpuLayout.InNucleus], 1);

        // The program is in ring 0 too, and a leaf function keeps data in the 128 bytes below rsp: nothing may be pushed on its stack.
        c.mov(__qword_ptr.gs[CpuLayout.Scratch], rsp);
        c.mov(rsp, __qword_ptr.gs[CpuLayout.Current]);

        foreach ((AssemblerRegister64 register, int offset) in FrameRegisters.General)
        {
            c.mov(__qword_ptr[rsp + offset], register);
        }

        c.mov(__qword_ptr[rsp + FrameLayout.Vector], rax);
        c.mov(__qword_ptr[rsp + FrameLayout.ErrorCode], -1);
        c.mov(__qword_ptr[rsp + FrameLayout.Rip], rcx);
        c.mov(__qword_ptr[rsp + FrameLayout.Cs], Selectors.Code);
        c.mov(__qword_ptr[rsp + FrameLayout.Rflags], r11);
        c.mov(rcx, __qword_ptr.gs[CpuLayout.Scratch]);
        c.mov(__qword_ptr[rsp + FrameLayout.Rsp], rcx);
        c.mov(__qword_ptr[rsp + FrameLayout.Ss], Selectors.Data);

        FrameRegisters.SaveXmm(c, rsp);
        c.mov(rdi, rsp);
        c.mov(rsp, __qword_ptr.gs[CpuLayout.NucleusStackTop]);
        c.cld();

        // A backtrace of the nucleus ends here.
        c.xor(ebp, ebp);
        emitter.Call(StubNames.OnSystemCall);
        emitter.Jump(StubNames.Resume);
        return emitter.ToBlock(StubNames.SystemCallEntry);
    }

    /// <summary>A C function of six arguments, the last the number: a1, a2, a3, a4, a5, number.</summary>
    private static Block Door()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;

        // syscall overwrites rcx, so Linux takes the fourth argument from r10.
        c.mov(r10, rcx);
        c.mov(rax, r9);
        c.syscall();
        c.ret();
        return emitter.ToBlock("xenlet_system_call");
    }

    /// <summary>What the idle thread runs as its program.</summary>
    private static Block Idle()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;
        Label again = c.CreateLabel();
        c.Label(ref again);

        // An interrupt is taken after the instruction that follows sti at the earliest: none can slip in before the hlt it has to end.
        c.sti();
        c.hlt();
        c.jmp(again);
        return emitter.ToBlock("xenlet_idle");
    }
}
