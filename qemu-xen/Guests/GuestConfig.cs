using System.Globalization;
using System.Text;

namespace Xenlet.QemuXen;

/// <summary>The configuration of a PVH guest for <c>xl create</c>. See xl.cfg(5) for the meaning of each value.</summary>
public sealed record GuestConfig
{
    /// <summary>Name of the domain.</summary>
    public required string Name { get; init; }

    /// <summary>Path of the image (an ELF file with a PVH entry note) on this machine.</summary>
    public required string Kernel { get; init; }

    /// <summary>Path of a ramdisk on this machine: an initramfs for Linux, a tar archive for a Xenlet.</summary>
    public string? Ramdisk { get; init; }

    /// <summary>Memory the guest starts with, in MiB.</summary>
    public int MemoryMiB { get; init; } = 32;

    /// <summary>Memory that it may grow to, in MiB, if that is more.</summary>
    public int? MaxMemoryMiB { get; init; }

    /// <summary>Number of virtual processors.</summary>
    public int VCpus { get; init; } = 1;

    /// <summary>The guest's command line.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>Virtual disks, in the syntax of xl-disk-configuration(5).</summary>
    public IReadOnlyList<string> Disks { get; init; } = [];

    /// <summary>Virtual network interfaces, in the syntax of xl-network-configuration(5).</summary>
    public IReadOnlyList<string> Vifs { get; init; } = [];

    /// <summary>What Xen's tools do when the guest powers off.</summary>
    public string OnPowerOff { get; init; } = "destroy";

    /// <summary>What Xen's tools do when the guest requests a reboot.</summary>
    public string OnReboot { get; init; } = "destroy";

    /// <summary>What Xen's tools do when the guest crashes.</summary>
    public string OnCrash { get; init; } = "destroy";

    /// <summary>How the guest reads the processor's time-stamp counter; "native" traps no reads.</summary>
    public string TscMode { get; init; } = "native";

    /// <summary>Additional lines of the configuration file, unchanged.</summary>
    public IReadOnlyList<string> ExtraLines { get; init; } = [];

    /// <summary>Whether to leave the guest paused after its creation. Not part of the configuration file.</summary>
    public bool Paused { get; init; }

    /// <summary>The specification of a raw disk, for <see cref="Disks"/> and <c>xl block-attach</c>.</summary>
    /// <param name="target">Path in dom0 of a block device or a file.</param>
    /// <param name="device">Name of the virtual device, such as xvda.</param>
    public static string RawDisk(string target, string device) => $"format=raw,vdev={device},access=rw,target={target}";

    /// <summary>The text of the configuration file for <c>xl create</c>.</summary>
    /// <exception cref="ArgumentException">A value cannot be expressed in such a file. The message names it.</exception>
    public string ToXlConfig()
    {
        Check();
        StringBuilder text = new();
        Line("name", Quote(Name, nameof(Name)));
        Line("type", "\"pvh\"");
        Line("kernel", Quote(Kernel, nameof(Kernel)));
        if (Ramdisk is not null)
        {
            Line("ramdisk", Quote(Ramdisk, nameof(Ramdisk)));
        }

        if (CommandLine.Length > 0)
        {
            Line("cmdline", Quote(CommandLine, nameof(CommandLine)));
        }

        Line("memory", Number(MemoryMiB));
        if (MaxMemoryMiB is { } maximum)
        {
            Line("maxmem", Number(maximum));
        }

        Line("vcpus", Number(VCpus));
        Line("tsc_mode", Quote(TscMode, nameof(TscMode)));
        List("disk", Disks, nameof(Disks));
        List("vif", Vifs, nameof(Vifs));
        Line("on_poweroff", Quote(OnPowerOff, nameof(OnPowerOff)));
        Line("on_reboot", Quote(OnReboot, nameof(OnReboot)));
        Line("on_crash", Quote(OnCrash, nameof(OnCrash)));
        foreach (string line in ExtraLines)
        {
            text.Append(line).Append('\n');
        }

        return text.ToString();

        void Line(string key, string value) => text.Append(key).Append(" = ").Append(value).Append('\n');

        void List(string key, IReadOnlyList<string> values, string what)
        {
            if (values.Count > 0)
            {
                Line(key, "[" + string.Join(", ", values.Select(value => Quote(value, what))) + "]");
            }
        }

        static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// Quotes a string for xl's configuration language: in double quotes, with backslashes before quotes and backslashes.
    /// </summary>
    internal static string Quote(string value, string what)
    {
        foreach (char c in value)
        {
            if (char.IsControl(c))
            {
                throw new ArgumentException(
                    $"{what} holds the control character U+{(int)c:X4}, which an xl configuration file cannot express.");
            }
        }

        return "\"" + value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
    }

    private void Check()
    {
        if (Name.Length == 0
            || !Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '+')
            || Name.All(char.IsAsciiDigit))
        {
            throw new ArgumentException(
                $"'{Name}' is not a valid name for a domain: use letters, digits, '-', '_', '.' and '+', but not digits alone.");
        }

        if (MemoryMiB < 1)
        {
            throw new ArgumentException($"{MemoryMiB} MiB of memory for {Name}: at least 1 is needed.");
        }

        if (MaxMemoryMiB < MemoryMiB)
        {
            throw new ArgumentException($"{Name} would start with {MemoryMiB} MiB, more than its maximum of {MaxMemoryMiB} MiB.");
        }

        if (VCpus is < 1 or > 128)
        {
            throw new ArgumentException($"{VCpus} virtual processors for {Name}: 1 to 128 are possible.");
        }
    }
}
