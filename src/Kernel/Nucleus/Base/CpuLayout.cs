namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Offsets in the per-CPU block <c>xenlet_cpu</c>. The GS base points at that block from boot on.</summary>
internal static class CpuLayout
{
    /// <summary>The running thread, which is also the address of its frame.</summary>
    public const int Current = 0;

    /// <summary>Top of the nucleus's stack.</summary>
    public const int NucleusStackTop = 8;

    /// <summary>1 while the nucleus runs, 0 while the program does.</summary>
    public const int InNucleus = 16;

    /// <summary>The system call entry saves the program's rsp here until it has switched stacks.</summary>
    public const int Scratch = 24;

    /// <summary>1 while a non-maskable interrupt that arrived in the nucleus has yet to be reported.</summary>
    public const int NmiPending = 32;

    /// <summary>The value of <see cref="InNucleus"/> when a non-maskable interrupt arrived.</summary>
    public const int NmiInNucleus = 40;

    /// <summary>
    /// 1 while the x87 state and MXCSR of <see cref="Current"/> are only in the processor: its entry saved only the xmm registers to its
    /// frame.
    /// </summary>
    public const int FloatingPointIsLive = 48;

    /// <summary>Size in bytes.</summary>
    public const int Size = 64;
}
