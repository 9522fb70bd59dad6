using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Xenlet.Linker.LeafFunctions;

namespace Xenlet.Linker;

/// <summary>Reads from the processor: features, time, random numbers.</summary>
public static class ProcessorFacts
{
    /// <summary>
    /// The number of attempts to get a random number. Intel's software guide says that ten failures in a row mean a broken generator.
    /// </summary>
    public const int RandomRetries = 10;

    /// <summary>Assembles the functions.</summary>
    /// <returns>The blocks.</returns>
    public static IEnumerable<Block> Assemble() =>
    [
        Function("xenlet_read_tsc", static c =>
        {
            // Without it, the processor may read the counter before earlier instructions, and successive readings could go backwards.
            c.lfence();
            c.rdtsc();
            PortAndMsr.JoinHalves(c);
            c.ret();
        }),
        Function("xenlet_cpuid", static c =>
        {
            // cpuid writes rbx, which belongs to the caller, and rdx, which holds the third argument.
            c.mov(r9, rbx);
            c.mov(r8, rdx);
            c.mov(eax, edi);
            c.mov(ecx, esi);
            c.cpuid();
            c.mov(__dword_ptr[r8], eax);
            c.mov(__dword_ptr[r8 + 4], ebx);
            c.mov(__dword_ptr[r8 + 8], ecx);
            c.mov(__dword_ptr[r8 + 12], edx);
            c.mov(rbx, r9);
            c.ret();
        }),
        Random("xenlet_random", static c => c.rdrand(rax)),
        Random("xenlet_random_seed", static c => c.rdseed(rax)),
        Function("xenlet_frame_pointer", static c =>
        {
            c.mov(rax, rbp);
            c.ret();
        }),
    ];

    private static Block Random(string name, Action<Assembler> draw) => Function(name, c =>
    {
        Label again = c.CreateLabel();
        Label drawn = c.CreateLabel();
        c.mov(ecx, RandomRetries);
        c.Label(ref again);
        draw(c);

        // The carry flag says that a number was available.
        c.jb(drawn);
        c.pause();
        c.dec(ecx);
        c.jne(again);
        c.xor(eax, eax);
        c.ret();
        c.Label(ref drawn);
        c.mov(__qword_ptr[rdi], rax);
        c.mov(eax, 1);
        c.ret();
    });
}
