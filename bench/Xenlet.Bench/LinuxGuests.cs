using System.IO.Compression;
using Xenlet.QemuXen;
using Xenlet.QemuXen.Image;

namespace Xenlet.Bench;

/// <summary>The Linux guests to compare with.</summary>
internal static class LinuxGuests
{
    /// <summary>A guest that ends behind its first line.</summary>
    public static GuestConfig Minimal(Dom0Image image, string directory) => LinuxGuest.Create(image, "linux", directory);

    /// <summary>A guest that runs a program before it ends.</summary>
    public static GuestConfig Running(Dom0Image image, MeasuredProgram program, string directory) =>
        Running(image, program, directory, "linux-" + program.Name, "", []);

    /// <summary>The same under a name, with kernel modules, and with commands that come before the program.</summary>
    public static GuestConfig Running(
        Dom0Image image, MeasuredProgram program, string directory, string name, string prepare, IReadOnlyList<string> modules)
    {
        GuestConfig config = LinuxGuest.Create(image, name, directory, $"{prepare}\n/bin/{program.Name}", modules);

        // The kernel unpacks archives that follow each other into one file system. They must be compressed as one: xl unpacks the first
        // only.
        string ramdisk = Path.Combine(directory, config.Name + ".gz");
        using FileStream file = File.Create(ramdisk);
        using GZipStream output = new(file, CompressionLevel.Fastest);
        using (FileStream first = File.OpenRead(config.Ramdisk!))
        using (GZipStream input = new(first, CompressionMode.Decompress))
        {
            input.CopyTo(output);
        }

        using CpioWriter cpio = new(output);
        cpio.AddFile("bin/" + program.Name, File.ReadAllBytes(program.Image), executable: true);
        return config with { Ramdisk = ramdisk };
    }

    /// <summary>A guest with an interface that runs a program; its initramfs has a name.</summary>
    public static GuestConfig OnNetwork(Dom0Image image, MeasuredProgram program, string directory, string name, string address) => Running(
        image,
        program,
        directory,
        name,
        $"""
        until [ -d /sys/class/net/eth0 ]; do usleep 20000; done
        ifconfig lo up
        ifconfig eth0 {address} netmask 255.255.255.0 up
        """,
        ["xen-netfront"]);
}
