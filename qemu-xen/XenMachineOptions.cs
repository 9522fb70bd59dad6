namespace Xenlet.QemuXen;

/// <summary>How an emulated machine with Xen is started.</summary>
public sealed record XenMachineOptions
{
    /// <summary>Cache directory of <see cref="Dom0Image"/>; the image is made there when missing.</summary>
    public string Dom0Directory { get; init; } = Dom0Image.DefaultDirectory;

    /// <summary>Memory of the whole machine, in MiB.</summary>
    public int MemoryMiB { get; init; } = 1024;

    /// <summary>Memory of dom0 within it, in MiB; guests share the rest, less about 70 MiB for Xen.</summary>
    public int Dom0MemoryMiB { get; init; } = 400;

    /// <summary>Processors of the machine. One is fastest where the host has few; with more, dom0 has the first one to itself.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>Further features for QEMU's <c>-cpu</c>, such as "+aes" or "-rdrand".</summary>
    public IReadOnlyList<string> CpuFeatures { get; init; } = [];

    /// <summary>Directory for the machine's files, which is kept; null for a temporary one.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Factor on every limit, for slow machines.</summary>
    public double TimeScale { get; init; } = 1;

    /// <summary>Longest time from QEMU's start until dom0 serves commands.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Start from the saved state of an equal machine, and save one after a boot.</summary>
    public bool UseSavedState { get; init; } = true;

    /// <summary>Receives a line for each step that takes time.</summary>
    public IProgress<string>? Progress { get; init; }
}
