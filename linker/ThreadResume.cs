using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>The return from the nucleus to a thread: rax = its frame, rsp = the top of the nucleus's stack.</summary>
public static class ThreadResume
{
    /// <summary>Assembles the return.</summary>
    /// <returns>The block.</returns>
    public static IEnumerable<Block> Assemble()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;
        Label report = c.CreateLabel();
        c.cmp(__qword_ptr.gs[CpuLayout.NmiPending], 0);
        c.jne(report);
        emitter.Symbol(StubNames.ResumeChecked);
        c.mov(__qword_ptr.gs[CpuLayout.Current], rax);
        Label all = c.CreateLabel();
        Label general = c.CreateLabel();
        c.cmp(__qword_ptr.gs[CpuLayout.FloatingPointIsLive], 0);
        c.je(all);
        FrameRegisters.LoadXmm(c, rax);
        c.jmp(general);
        c.Label(ref all);
        c.fxrstor64(__[rax + FrameLayout.Fxsave]);
        c.Label(ref general);
        LoadGeneral(c);
        c.mov(__qword_ptr.gs[CpuLayout.InNucleus], 0);
        emitter.Symbol(StubNames.ResumeReturn);
        c.iretq();

        // The thread's own rbx is in its frame.
        c.Label(ref report);
        c.mov(rbx, rax);
        emitter.LoadAddress(edi, StubNames.NmiFrame);
        emitter.Call(StubNames.OnPendingNmi);
        c.mov(rax, rbx);
        emitter.Jump(StubNames.Resume);
        yield return emitter.ToBlock(StubNames.Resume);
    }

    /// <summary>Loads every register from the frame at rax, and sets rsp to the words that <c>iretq</c> pops.</summary>
    /// <param name="c">Receives the instructions.</param>
    internal static void Load(Assembler c)
    {
        c.fxrstor64(__[rax + FrameLayout.Fxsave]);
        LoadGeneral(c);
    }

    private static void LoadGeneral(Assembler c)
    {
        foreach ((AssemblerRegister64 register, int offset) in FrameRegisters.General.Where(r => r.Register != rax))
        {
            c.mov(register, __qword_ptr[rax + offset]);
        }

        // iretq pops rip, cs, rflags, rsp and ss at once. Loading rflags earlier would let an interrupt in; loading rsp earlier would leave
        // nowhere to return from but the program's red zone.
        c.lea(rsp, __[rax + FrameLayout.Rip]);
        c.mov(rax, __qword_ptr[rax + FrameLayout.Rax]);
    }
}
