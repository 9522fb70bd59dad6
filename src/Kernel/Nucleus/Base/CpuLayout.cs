namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Offsets in the per-CPU block <c>xenlet_cpu</c>, which the GS base points at from boot on.</summary>
internal static class CpuLayout
{
    /// <summary>The running thread, and so its frame.</summary>
    public const int Current = 0;

    /// <summary>Top of the nucleus's stack.</summary>
    public const int NucleusStackTop = 8;

    /// <summary>1 while the nucleus runs, 0 while the program does.</summary>
    public const int InNucleus = 16;

    /// <summary>Where the system call entry keeps the program's rsp for a moment.</summary>
    public const int Scratch = 24;

    /// <summary>1 while a non-maskable interrupt that hit the nucleus waits to be reported.</summary>
    public const int NmiPending = 32;

    /// <summary>What <see cref="InNucleus"/> was when a non-maskable interrupt came.</summary>
    public const int NmiInNucleus = 40;

    /// <summary>
    /// 1 when x87 and MXCSR of <see cref="Current"/> are in the processor alone, since its entry: its frame has the xmm registers only.
    /// </summary>
    public const int FloatingPointIsLive = 48;

    /// <summary>Bytes in all.</summary>
    public const int Size = 64;
}
