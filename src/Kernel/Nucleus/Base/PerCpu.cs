namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>What the entry stubs find through GS. The layout is a contract with <c>linker/</c>.</summary>
internal unsafe struct PerCpu
{
    /// <summary>Where the next entry saves the registers: at the start of a thread.</summary>
    public Frame* Current;

    public ulong NucleusStackTop;

    /// <summary>1 while the nucleus runs: a fault then is a panic, as the code segment cannot tell the two apart.</summary>
    public ulong InNucleus;

    public ulong Scratch;

    /// <summary>1 while a non-maskable interrupt that hit the nucleus waits to be reported.</summary>
    public ulong NmiPending;

    /// <summary>What <see cref="InNucleus"/> was when a non-maskable interrupt came.</summary>
    public ulong NmiInNucleus;

    /// <summary>1 when x87 and MXCSR of <see cref="Current"/> are in the processor alone, since a system call: its frame has the xmm registers only.</summary>
    public ulong FloatingPointIsLive;
}
