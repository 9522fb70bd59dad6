using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Xenlet.Linker.LeafFunctions;

namespace Xenlet.Linker;

/// <summary>
/// Fills and copies memory. The base library's methods call native code, which the nucleus must not. String instructions need no registers
/// beyond those of the arguments, and the microcode is optimised for them. The direction flag is clear between functions (System V ABI).
/// </summary>
public static class MemoryPrimitives
{
    /// <summary>Assembles both functions.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() =>
    [
        Function("xenlet_fill", static c =>
        {
            // Words first: an emulator that interprets these instructions takes as long for a byte as for a word.
            c.movzx(eax, sil);
            c.mov(rcx, 0x0101_0101_0101_0101UL);
            c.imul(rax, rcx);
            c.mov(rcx, rdx);
            c.shr(rcx, 3);
            c.rep.stosq();
            c.mov(ecx, edx);
            c.and(ecx, 7);
            c.rep.stosb();
            c.ret();
        }),
        Function("xenlet_copy", static c =>
        {
            Label backwards = c.CreateLabel();
            c.mov(rcx, rdx);

            // As unsigned numbers, the difference is less than the length only if the target starts inside the source. A forward copy would
            // then read what it has written.
            c.mov(rax, rdi);
            c.sub(rax, rsi);
            c.cmp(rax, rdx);
            c.jb(backwards);
            c.shr(rcx, 3);
            c.rep.movsq();
            c.mov(ecx, edx);
            c.and(ecx, 7);
            c.rep.movsb();
            c.ret();
            c.Label(ref backwards);
            c.lea(rdi, __[rdi + rdx - 1]);
            c.lea(rsi, __[rsi + rdx - 1]);
            c.std();
            c.rep.movsb();
            c.cld();
            c.ret();
        }),
    ];
}
