namespace Xenlet.QemuXen;

/// <summary>The machines on which Xen can be booted.</summary>
public enum EmulatedMachine
{
    /// <summary>QEMU with AMD's virtualisation (SVM): guests call Xen by <c>vmmcall</c>.</summary>
    Amd,

    /// <summary>Bochs with Intel's (VMX): guests call Xen by <c>vmcall</c>. Several times slower than <see cref="Amd"/>.</summary>
    Intel,
}

/// <summary>How an emulated machine with Xen is started.</summary>
public sealed record XenMachineOptions
{
    /// <summary>Cache directory of <see cref="Dom0Image"/>; the image is made there when missing.</summary>
    public string Dom0Directory { get; init; } = Dom0Image.DefaultDirectory;

    /// <summary>The machine, and with it the emulator.</summary>
    public EmulatedMachine Machine { get; init; }

    /// <summary>Memory of the whole machine, in MiB.</summary>
    public int MemoryMiB { get; init; } = 1024;

    /// <summary>Memory of dom0 within it, in MiB; guests share the rest, less about 70 MiB for Xen.</summary>
    public int Dom0MemoryMiB { get; init; } = 400;

    /// <summary>Processors of the machine. One is fastest where the host has few; with more, dom0 has the first one to itself.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>Further features for QEMU's <c>-cpu</c>, such as "+aes" or "-rdrand"; for <see cref="EmulatedMachine.Amd"/> only.</summary>
    public IReadOnlyList<string> CpuFeatures { get; init; } = [];

    /// <summary>
    /// Time in the machine goes no faster than outside. Bochs' clock counts instructions and skips what the processor waits for: where
    /// nobody at a terminal waits too, that saves time.
    /// </summary>
    public bool InRealTime { get; init; }

    /// <summary>Directory for the machine's files, which is kept; null for a temporary one.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Factor on every limit, for slow machines.</summary>
    public double TimeScale { get; init; } = 1;

    /// <summary>Longest time from the emulator's start until dom0 serves commands, before what a slower emulator is given.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Start from the saved state of an equal machine, and save one after a boot, where the emulator can.</summary>
    public bool UseSavedState { get; init; } = true;

    /// <summary>Receives a line for each step that takes time.</summary>
    public IProgress<string>? Progress { get; init; }
}
