using System.IO.Compression;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>The Linux guests to compare with.</summary>
internal static class LinuxGuests
{
    /// <summary>A guest that ends behind its first line.</summary>
    public static GuestConfig Minimal(Dom0Image image, string directory) => LinuxGuest.Create(image, "linux", directory);

    /// <summary>A guest that runs a program before it ends.</summary>
    public static GuestConfig Running(Dom0Image image, MeasuredProgram program, string directory)
    {
        GuestConfig config = LinuxGuest.Create(image, "linux-" + program.Name, directory, "/bin/" + program.Name);

        // The kernel unpacks archives that follow each other into one file system.
        using FileStream file = new(config.Ramdisk!, FileMode.Append);
        using GZipStream gzip = new(file, CompressionLevel.Fastest);
        using CpioWriter cpio = new(gzip);
        cpio.AddFile("bin/" + program.Name, File.ReadAllBytes(program.Image), executable: true);
        return config;
    }
}
