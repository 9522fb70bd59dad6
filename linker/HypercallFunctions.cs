using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// The two hypercall functions, each a C function of six arguments: a1, a2, a3, a4, a5 and the hypercall's number. Xen takes the number in
/// eax and the arguments in rdi, rsi, rdx, r10 and r8, returns in rax, and may overwrite the arguments
/// (xen/include/public/arch-x86/xen-x86_64.h).
/// </summary>
public static class HypercallFunctions
{
    /// <summary>Assembles both functions.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() =>
    [
        Hypercall("xenlet_hypercall_intel", static c => c.vmcall()),
        Hypercall("xenlet_hypercall_amd", static c => c.vmmcall()),
    ];

    private static Block Hypercall(string name, Action<Assembler> trap) => LeafFunctions.Function(name, c =>
    {
        // The C convention passes the fourth argument in rcx; Xen expects it in r10, like syscall. All others are already in place.
        c.mov(eax, r9d);
        c.mov(r10, rcx);
        trap(c);
        c.ret();
    });
}
