using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// The block that the entry stubs reach through GS. The offsets come from <see cref="CpuLayout"/>, which the stubs are assembled from too.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = CpuLayout.Size)]
internal unsafe struct PerCpu
{
    /// <summary>Where the next entry saves the registers: the frame at the start of the running thread.</summary>
    [FieldOffset(CpuLayout.Current)]
    public Frame* Current;

    [FieldOffset(CpuLayout.NucleusStackTop)]
    public ulong NucleusStackTop;

    /// <summary>
    /// 1 while the nucleus runs; a fault is then a panic. The code segment cannot tell the nucleus and the program apart.
    /// </summary>
    [FieldOffset(CpuLayout.InNucleus)]
    public ulong InNucleus;

    [FieldOffset(CpuLayout.Scratch)]
    public ulong Scratch;

    /// <summary>1 while a non-maskable interrupt that arrived in the nucleus has yet to be reported.</summary>
    [FieldOffset(CpuLayout.NmiPending)]
    public ulong NmiPending;

    /// <summary>The value of <see cref="InNucleus"/> when a non-maskable interrupt arrived.</summary>
    [FieldOffset(CpuLayout.NmiInNucleus)]
    public ulong NmiInNucleus;

    /// <summary>
    /// 1 while the x87 state and MXCSR of <see cref="Current"/> are only in the processor: its entry saved only the xmm registers to its
    /// frame.
    /// </summary>
    [FieldOffset(CpuLayout.FloatingPointIsLive)]
    public ulong FloatingPointIsLive;
}
