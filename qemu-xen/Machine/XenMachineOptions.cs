namespace Xenlet.QemuXen;

/// <summary>The machines on which Xen can be booted.</summary>
public enum EmulatedMachine
{
    /// <summary>QEMU with AMD's virtualisation (SVM). Guests call Xen with <c>vmmcall</c>.</summary>
    Amd,

    /// <summary>
    /// Bochs with Intel's virtualisation (VMX). Guests call Xen with <c>vmcall</c>. Several times slower than <see cref="Amd"/>.
    /// </summary>
    Intel,
}

/// <summary>Options for starting an emulated machine with Xen.</summary>
public sealed record XenMachineOptions
{
    /// <summary>Cache directory of <see cref="Dom0Image"/>. The image is made there if missing.</summary>
    public string Dom0Directory { get; init; } = Dom0Image.DefaultDirectory;

    /// <summary>The machine, which determines the emulator.</summary>
    public EmulatedMachine Machine { get; init; }

    /// <summary>Memory of the whole machine, in MiB.</summary>
    public int MemoryMiB { get; init; } = 1024;

    /// <summary>Memory of dom0 within it, in MiB. Guests share the rest, less about 70 MiB for Xen.</summary>
    public int Dom0MemoryMiB { get; init; } = 400;

    /// <summary>Processors of the machine. One is fastest on a host with few. With more, dom0 has the first one to itself.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>
    /// Additional features for QEMU's <c>-cpu</c>, such as "+aes" or "-rdrand". For <see cref="EmulatedMachine.Amd"/> only.
    /// </summary>
    public IReadOnlyList<string> CpuFeatures { get; init; } = [];

    /// <summary>
    /// Whether time in the machine runs no faster than outside. Bochs' clock counts instructions and skips the processor's waits, which
    /// saves time if nobody at a terminal waits too.
    /// </summary>
    public bool InRealTime { get; init; }

    /// <summary>
    /// Whether the machine's clock counts its instructions, two nanoseconds each, and skips idle time; so what happens in the machine takes
    /// as long as the machine works for it, however busy the host is. For <see cref="EmulatedMachine.Amd"/> only, with one processor.
    /// </summary>
    public bool CountsInstructions { get; init; }

    /// <summary>Directory for the machine's files, which is kept. Null for a temporary one.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Factor applied to every limit, for slow machines.</summary>
    public double TimeScale { get; init; } = 1;

    /// <summary>Maximum time from the emulator's start until dom0 serves commands, before the factor of a slower emulator.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Whether to start from the saved state of an equal machine, and to save one after a boot, if the emulator supports it.
    /// </summary>
    public bool UseSavedState { get; init; } = true;

    /// <summary>Receives a line for each step that takes time.</summary>
    public IProgress<string>? Progress { get; init; }
}
