using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// The two ways into the hypervisor: a C function of six arguments, the last the hypercall's number: a1, a2, a3, a4, a5, number. Xen takes
/// the number in eax and the arguments in rdi, rsi, rdx, r10, r8, returns in rax, and may overwrite the arguments
/// (xen/include/public/arch-x86/xen-x86_64.h).
/// </summary>
public static class HypercallGates
{
    /// <summary>Assembles both gates.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() =>
    [
        Gate("xenlet_hypercall_intel", static c => c.vmcall()),
        Gate("xenlet_hypercall_amd", static c => c.vmmcall()),
    ];

    private static Block Gate(string name, Action<Assembler> trap) => LeafFunctions.Function(name, c =>
    {
        // The C convention has the fourth argument in rcx, Xen, like syscall, in r10; all else is in its place already.
        c.mov(eax, r9d);
        c.mov(r10, rcx);
        trap(c);
        c.ret();
    });
}
