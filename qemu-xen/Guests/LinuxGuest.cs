using System.IO.Compression;
using System.Text;
using Xenlet.QemuXen.Image;

namespace Xenlet.QemuXen;

/// <summary>
/// The smallest ordinary Linux guest to compare with: Debian's kernel and a busybox that writes a line as soon as user space runs.
/// </summary>
public static class LinuxGuest
{
    /// <summary>The first line its user space writes.</summary>
    public const string FirstLine = "linux: user space";

    /// <summary>Memory the kernel and its initramfs need, in MiB.</summary>
    public const int MemoryMiB = 128;

    private const string Console = "hvc0";

    /// <summary>Writes the guest's initramfs and returns its configuration for <see cref="XenMachineGuests.CreateGuestAsync"/>.</summary>
    /// <param name="image">The source of the kernel and busybox.</param>
    /// <param name="name">Name of the domain.</param>
    /// <param name="directory">The directory for the initramfs. It belongs to the caller.</param>
    /// <param name="commands">Shell commands that run after the first line. The guest then powers off.</param>
    /// <param name="modules">
    /// Kernel modules to load before the commands, such as <c>xen-blkfront</c>. Words after a name are the module's options.
    /// </param>
    public static GuestConfig Create(
        Dom0Image image,
        string name,
        string directory,
        string commands = "",
        IReadOnlyList<string>? modules = null) => new()
        {
            Name = name,
            Kernel = image.Kernel,
            Ramdisk = WriteInitramfs(image, Path.Combine(directory, name + ".initramfs.gz"), commands, modules ?? []),
            MemoryMiB = MemoryMiB,
            CommandLine = $"console={Console} quiet panic=1",
        };

    private static string WriteInitramfs(Dom0Image image, string path, string commands, IReadOnlyList<string> modules)
    {
        Dictionary<string, string> files = new(StringComparer.Ordinal);
        StringBuilder insertions = new();
        foreach (string[] words in modules.Select(module => module.Split(' ', 2)))
        {
            IReadOnlyList<string> needed = image.GuestModuleFiles(words[0]);
            foreach (string file in needed.Where(file => files.TryAdd(Path.GetFileName(file), file)))
            {
                string options = file == needed[^1] ? words.ElementAtOrDefault(1) ?? "" : "";
                insertions.Append($"insmod /lib/modules/{Path.GetFileName(file)} {options}".TrimEnd()).Append('\n');
            }
        }

        string init = $"""
            #!/bin/busybox sh
            echo '{FirstLine}'
            /bin/busybox mkdir -p /proc /sys /dev
            /bin/busybox mount -t proc proc /proc
            /bin/busybox mount -t sysfs sys /sys
            /bin/busybox mount -t devtmpfs dev /dev
            /bin/busybox --install -s /bin
            export PATH=/bin
            {insertions}{commands}
            poweroff -f

            """;
        using FileStream output = File.Create(path);
        using GZipStream gzip = new(output, CompressionLevel.Fastest);
        using CpioWriter cpio = new(gzip);
        cpio.AddCharacterDevice("dev/console", 5, 1);
        cpio.AddFile("bin/busybox", File.ReadAllBytes(image.Busybox), executable: true);
        cpio.AddFile("init", Encoding.UTF8.GetBytes(init), executable: true);
        foreach ((string name, string file) in files)
        {
            cpio.AddFile("lib/modules/" + name, File.ReadAllBytes(file));
        }

        return path;
    }
}
