using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// Both ends of <c>syscall</c> within ring 0. The instruction saves rip in rcx and rflags in r11, and clears the rflags bits in SFMASK,
/// which the nucleus sets to IF, DF and TF. It does not switch stacks.
/// </summary>
public static class SystemCallEntry
{
    /// <summary>Assembles the entry, the function with which managed code makes system calls, and the idle loop.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() => [Entry(), SystemCallFunction(), Idle()];

    private static Block Entry()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;

        // First, so that a fault from here on, such as on a bad frame, counts as the nucleus's.
        c.mov(__qword_ptr.gs[CpuLayout.InNucleus], 1);

        // The program is in ring 0 too, and a leaf function keeps data in the 128 bytes below rsp: nothing may be pushed on its stack.
        c.mov(__qword_ptr.gs[CpuLayout.Scratch], rsp);
        c.mov(rsp, __qword_ptr.gs[CpuLayout.Current]);

        foreach ((AssemblerRegister64 register, int offset) in FrameRegisters.General)
        {
            c.mov(__qword_ptr[rsp + offset], register);
        }

        c.mov(__qword_ptr[rsp + FrameLayout.Vector], rax);
        c.mov(__qword_ptr[rsp + FrameLayout.ErrorCode], FrameLayout.ErrorCodeOfCall);
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

        // The nucleus's backtrace ends here.
        c.xor(ebp, ebp);
        emitter.Call(StubNames.OnSystemCall);
        emitter.Jump(StubNames.CallReturn);
        return emitter.ToBlock(StubNames.SystemCallEntry);
    }

    /// <summary>A C function of six arguments: a1, a2, a3, a4, a5 and the system call's number.</summary>
    private static Block SystemCallFunction()
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

    /// <summary>The code of the idle thread.</summary>
    private static Block Idle()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;
        Label again = c.CreateLabel();
        c.Label(ref again);

        // An interrupt is taken at the earliest after the instruction that follows sti, so none can arrive before the hlt that it must end.
        c.sti();
        c.hlt();
        c.jmp(again);
        return emitter.ToBlock("xenlet_idle");
    }
}
