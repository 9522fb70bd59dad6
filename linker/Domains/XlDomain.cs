using Xenlet.QemuXen;

namespace Xenlet.Linker.Domains;

/// <summary>The domain's configuration for xl.</summary>
internal static class XlDomain
{
    /// <summary>
    /// The text of NAME.cfg. An image without a path of its own must be in the directory where <c>xl create</c> is called.
    /// </summary>
    public static string Format(DomainSettings settings)
    {
        GuestConfig config = new()
        {
            Name = settings.Name,
            Kernel = settings.ImagePath.Length > 0 ? settings.ImagePath : settings.Program + ".elf",
            MemoryMiB = settings.Memory,
            VCpus = settings.VCpus,
            CommandLine = settings.CommandLine,
            Disks = [.. settings.Disks.Select(disk => disk.ForXl)],
            Vifs = [.. settings.Interfaces.Select(link => link.ForXl)],
            OnReboot = "restart",
        };
        string where = settings.ImagePath.Length > 0
            ? $"# Copy {settings.Program}.elf to {settings.ImagePath} on a Xen host, and this file to anywhere there"
            : $"# Copy this file and {settings.Program}.elf to a Xen host, and there, in the same directory";
        string hint = settings.Disks.Count > 0 || settings.Interfaces.Count > 0
            ? ""
            : """
            # A disk and a network interface, if the program has drivers for them:
            # disk = ["format=raw,vdev=xvda,access=rw,target=/path/of/a/file/or/block/device"]
            # vif = ["bridge=xenbr0"]

            """;
        return $"{where}: xl create -c {settings.Program}.cfg\n{config.ToXlConfig()}{hint}";
    }
}
