using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>
/// Refuses to start on a processor without the instructions that .NET's code is compiled for (x86-64-v2), with one line that names them.
/// Otherwise the program would end by SIGILL where it first uses one.
/// </summary>
internal static unsafe class ProcessorCheck
{
    // ECX bits of CPUID function 1 (AMD64 Architecture Programmer's Manual volume 3, appendix E.3).
    private const int Sse3 = 0;
    private const int Ssse3 = 9;
    private const int Cx16 = 13;
    private const int Sse41 = 19;
    private const int Sse42 = 20;
    private const int Popcnt = 23;
    private const uint Needed = 1u << Sse3 | 1u << Ssse3 | 1u << Cx16 | 1u << Sse41 | 1u << Sse42 | 1u << Popcnt;

    public static void RequireEnough()
    {
        uint* registers = stackalloc uint[4];
        Machine.Cpuid(1, 0, registers);
        uint missing = Needed & ~registers[2];
        if (missing == 0)
        {
            return;
        }

        Panic.BeginWithoutBacktrace("the processor, or the cpuid of the domain's configuration, does not offer what .NET needs:"u8);
        for (int bit = 0; bit < 32; bit++)
        {
            if ((missing & 1u << bit) != 0)
            {
                KernelLog.WriteByte((byte)' ');
                KernelLog.Write(Name(bit));
            }
        }

        KernelLog.NewLine();
        Panic.Crash();
    }

    private static ReadOnlySpan<byte> Name(int bit) => bit switch
    {
        Sse3 => "SSE3"u8,
        Ssse3 => "SSSE3"u8,
        Cx16 => "CMPXCHG16B"u8,
        Sse41 => "SSE4.1"u8,
        Sse42 => "SSE4.2"u8,
        _ => "POPCNT"u8,
    };
}
