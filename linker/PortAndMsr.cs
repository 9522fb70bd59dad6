using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Xenlet.Linker.LeafFunctions;

namespace Xenlet.Linker;

/// <summary>I/O ports, model-specific registers and control registers.</summary>
public static class PortAndMsr
{
    /// <summary>Assembles the functions.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() =>
    [
        In("xenlet_in8", static c => c.@in(al, dx)),
        In("xenlet_in16", static c => c.@in(ax, dx)),
        In("xenlet_in32", static c => c.@in(eax, dx)),
        Out("xenlet_out8", static c => c.@out(dx, al)),
        Out("xenlet_out16", static c => c.@out(dx, ax)),
        Out("xenlet_out32", static c => c.@out(dx, eax)),
        Function("xenlet_read_msr", static c =>
        {
            c.mov(ecx, edi);
            c.rdmsr();
            JoinHalves(c);
            c.ret();
        }),
        Function("xenlet_write_msr", static c =>
        {
            c.mov(ecx, edi);
            c.mov(eax, esi);
            c.mov(rdx, rsi);
            c.shr(rdx, 32);
            c.wrmsr();
            c.ret();
        }),
        ReadControl("xenlet_read_cr0", cr0),
        ReadControl("xenlet_read_cr2", cr2),
        ReadControl("xenlet_read_cr3", cr3),
        ReadControl("xenlet_read_cr4", cr4),
        WriteControl("xenlet_write_cr0", cr0),
        WriteControl("xenlet_write_cr3", cr3),
        WriteControl("xenlet_write_cr4", cr4),
        Function("xenlet_invalidate_page", static c =>
        {
            c.invlpg(__[rdi]);
            c.ret();
        }),
    ];

    /// <summary>rdmsr and rdtsc return 64 bits in edx:eax and clear the upper halves of both registers.</summary>
    internal static void JoinHalves(Assembler c)
    {
        c.shl(rdx, 32);
        c.or(rax, rdx);
    }

    private static Block In(string name, Action<Assembler> read) => Function(name, c =>
    {
        c.mov(edx, edi);

        // The narrow forms leave the rest of eax unchanged.
        c.xor(eax, eax);
        read(c);
        c.ret();
    });

    private static Block Out(string name, Action<Assembler> write) => Function(name, c =>
    {
        c.mov(edx, edi);
        c.mov(eax, esi);
        write(c);
        c.ret();
    });

    private static Block ReadControl(string name, AssemblerRegisterCR register) => Function(name, c =>
    {
        c.mov(rax, register);
        c.ret();
    });

    private static Block WriteControl(string name, AssemblerRegisterCR register) => Function(name, c =>
    {
        c.mov(register, rdi);
        c.ret();
    });
}
