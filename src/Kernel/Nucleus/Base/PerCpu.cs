using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// What the entry stubs find through GS. The offsets are <see cref="CpuLayout"/>'s, which the stubs are assembled from as well.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = CpuLayout.Size)]
internal unsafe struct PerCpu
{
    /// <summary>Where the next entry saves the registers: at the start of a thread.</summary>
    [FieldOffset(CpuLayout.Current)]
    public Frame* Current;

    [FieldOffset(CpuLayout.NucleusStackTop)]
    public ulong NucleusStackTop;

    /// <summary>1 while the nucleus runs: a fault then is a panic, as the code segment cannot tell the two apart.</summary>
    [FieldOffset(CpuLayout.InNucleus)]
    public ulong InNucleus;

    [FieldOffset(CpuLayout.Scratch)]
    public ulong Scratch;

    /// <summary>1 while a non-maskable interrupt that hit the nucleus waits to be reported.</summary>
    [FieldOffset(CpuLayout.NmiPending)]
    public ulong NmiPending;

    /// <summary>What <see cref="InNucleus"/> was when a non-maskable interrupt came.</summary>
    [FieldOffset(CpuLayout.NmiInNucleus)]
    public ulong NmiInNucleus;

    /// <summary>
    /// 1 when x87 and MXCSR of <see cref="Current"/> are in the processor alone, since its entry: its frame has the xmm registers only.
    /// </summary>
    [FieldOffset(CpuLayout.FloatingPointIsLive)]
    public ulong FloatingPointIsLive;
}
