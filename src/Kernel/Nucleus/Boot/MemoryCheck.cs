using System.Diagnostics.CodeAnalysis;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform.Xen;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>Refuses to start in a domain with too little memory for a program, with one line that says how much is needed.</summary>
internal static class MemoryCheck
{
    public static void RequireEnough()
    {
        if (FrameAllocator.FreeFrames * Pages.Size < RuntimeMemory.Needed)
        {
            NotEnough();
        }
    }

    [DoesNotReturn]
    public static void NotEnough()
    {
        ulong total = MemoryMap.TotalPages * Pages.Size;
        ulong missing = RuntimeMemory.Needed - Math.Min(RuntimeMemory.Needed - 1, FrameAllocator.FreeFrames * Pages.Size);
        Panic.BeginWithoutBacktrace("not enough memory: the domain has "u8);
        KernelLog.WriteDecimal(total / 1024);
        KernelLog.Write(" KiB, and this image needs memory="u8);
        KernelLog.WriteDecimal(RoundUpToMebibytes(total) + RoundUpToMebibytes(missing));
        KernelLog.Write(" (MiB) or more\n"u8);
        Panic.Crash();
    }

    private static ulong RoundUpToMebibytes(ulong bytes) => (bytes + (1 << 20) - 1) >> 20;

    /// <summary>
    /// Populate on demand: the memory map promises more than the domain may touch, and Xen kills the domain if it touches more.
    /// </summary>
    public static void RejectPopulateOnDemand()
    {
        PopulateOnDemand answer = PopulateOnDemand.Check(MemoryMap.TotalPages);
        if (!answer.IsShort)
        {
            return;
        }

        Panic.BeginWithoutBacktrace("maxmem is above memory: the memory map promises "u8);
        KernelLog.WriteDecimal(answer.RamPages * Pages.Size / 1024);
        KernelLog.Write(" KiB but the domain has "u8);
        KernelLog.WriteDecimal((ulong)answer.Reservation * Pages.Size / 1024);
        KernelLog.Write(" KiB; set maxmem equal to memory\n"u8);
        Panic.Crash();
    }
}
