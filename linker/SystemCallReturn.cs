using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// The short return from a system call to the thread that made it: rax = its frame, rsp = the top of the nucleus's stack. <c>iretq</c>
/// checks segments and loads five words at once, which takes most of the time of a short call. All other returns use
/// <see cref="ThreadResume"/>.
/// </summary>
/// <remarks>
/// <c>syscall</c> has overwritten rcx and r11, so the program expects nothing in them: they carry rip and rsp. <c>popfq</c> enables
/// interrupts while rsp is still the nucleus's. If an interrupt arrives at one of the two remaining instructions, the nucleus sets rip and
/// rsp of its frame to the program's, which it has from rcx and r11: for the nucleus, the call has returned.
/// </remarks>
public static class SystemCallReturn
{
    private const int TrapFlag = 1 << 8;

    /// <summary>Assembles it.</summary>
    /// <returns>The block.</returns>
    public static IEnumerable<Block> Assemble()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;

        // x87 and MXCSR are not in the processor: another thread was chosen, or a signal's handler has returned.
        c.cmp(__qword_ptr.gs[CpuLayout.FloatingPointIsLive], 0);
        c.je(StubEmitter.Placeholder);
        emitter.ReferBranch(StubNames.Resume);

        // In a frame that is not a system call's, all registers of the program matter.
        c.cmp(__qword_ptr[rax + FrameLayout.ErrorCode], FrameLayout.ErrorCodeOfCall);
        c.jne(StubEmitter.Placeholder);
        emitter.ReferBranch(StubNames.Resume);

        // A single step would trap at the nucleus's own instructions.
        c.test(__dword_ptr[rax + FrameLayout.Rflags], TrapFlag);
        c.jne(StubEmitter.Placeholder);
        emitter.ReferBranch(StubNames.Resume);
        c.cmp(__qword_ptr.gs[CpuLayout.NmiPending], 0);
        c.jne(StubEmitter.Placeholder);
        emitter.ReferBranch(StubNames.Resume);

        emitter.Symbol(StubNames.CallReturnChecked);
        c.mov(__qword_ptr.gs[CpuLayout.Current], rax);
        FrameRegisters.LoadXmm(c, rax);
        foreach ((AssemblerRegister64 register, int offset) in FrameRegisters.General.Where(r => r.Register != rax))
        {
            int source = register == rcx ? FrameLayout.Rip : register == r11 ? FrameLayout.Rsp : offset;
            c.mov(register, __qword_ptr[rax + source]);
        }

        c.push(__qword_ptr[rax + FrameLayout.Rflags]);
        c.mov(rax, __qword_ptr[rax + FrameLayout.Rax]);
        c.mov(__qword_ptr.gs[CpuLayout.InNucleus], 0);
        c.popfq();
        emitter.Symbol(StubNames.CallReturnStack);
        c.mov(rsp, r11);
        emitter.Symbol(StubNames.CallReturnJump);
        c.jmp(rcx);
        yield return emitter.ToBlock(StubNames.CallReturn);
    }
}
