using System.Globalization;
using Xenlet.QemuXen;
using Xenlet.QemuXen.Base;

namespace Xenlet.Bench;

/// <summary>Where and with what a run was made.</summary>
/// <param name="Processor">The host's processor.</param>
/// <param name="Qemu">QEMU's version.</param>
/// <param name="Xen">Xen's version.</param>
/// <param name="Linux">Version of the kernel that dom0 and the Linux guests run.</param>
/// <param name="Sdk">Version of the .NET SDK that compiled the programs.</param>
internal sealed record Heading(string Processor, string Qemu, string Xen, string Linux, string Sdk)
{
    /// <summary>Reads it from the machines.</summary>
    public static async Task<Heading> OfAsync(XenMachine machine, CancellationToken cancellationToken)
    {
        string cpu =
            File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) ?? ": unknown";
        string qemu = (await HostCommand.RunAsync("qemu-system-x86_64", ["--version"], cancellationToken: cancellationToken)).Split('\n')[
            0];
        string xen = (await machine.RunInDom0Async("xl info xen_version", cancellationToken: cancellationToken))
            .ThrowIfFailed("xl info").Output
            .Trim();
        string linux = (await machine.RunInDom0Async("uname -r", cancellationToken: cancellationToken))
            .ThrowIfFailed("uname").Output
            .Trim();
        string sdk = (await HostCommand.RunAsync("dotnet", ["--version"], cancellationToken: cancellationToken)).Trim();
        return new(cpu[(cpu.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim(), qemu, xen, linux, sdk);
    }

    /// <summary>One paragraph.</summary>
    /// <param name="runtime">What GuestBench says of its runtime, if it ran; the compiler's version says it otherwise.</param>
    /// <param name="loads">The host's load average in each part of the run.</param>
    public string Describe(string? runtime, Series loads) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        Measured on {DateTime.UtcNow:yyyy-MM-dd} on {Environment.ProcessorCount} processors ({Processor}); load average {loads}, about 1 of it from the run itself.
        {Qemu}, software emulation with one processor; Xen {Xen}; Linux {Linux} in dom0 and in the Linux guests; {runtime ?? $".NET SDK {Sdk}"}.
        Figures are medians, with the least and the greatest of all rounds in parentheses.
        """);
}
