using System.Buffers.Binary;
using System.IO.Compression;
using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Image;

/// <summary>
/// A disk from which a PC's BIOS boots Xen and dom0 through GRUB: GRUB's boot sector, its core in the sectors after that, and one
/// partition, which contains no file system but an archive in the "newc" format, which GRUB also reads.
/// </summary>
internal static class BootDisk
{
    /// <summary>The Debian package of GRUB's parts for a BIOS.</summary>
    public const string GrubPackage = "grub-pc-bin";

    /// <summary>GRUB's boot sector in that package.</summary>
    public const string GrubBootSector = GrubDirectory + "/boot.img";

    private const string GrubDirectory = "/usr/lib/grub/i386-pc";
    private const string GrubProgram = "grub-mkimage";
    private const int SectorSize = 512;
    private const int PartitionStart = 2048;
    private const int PartitionTable = 0x1BE;
    private const int BootSignature = 0x1FE;

    /// <summary>Heads times sectors per track. An emulator that is told neither assumes 16 and 63, and needs whole cylinders.</summary>
    private const int SectorsPerCylinder = 16 * 63;

    private static readonly string[] GrubModules = ["biosdisk", "part_msdos", "newc", "multiboot", "serial", "boot"];

    /// <summary>Writes a disk.</summary>
    /// <param name="path">The disk's file. GRUB's core is written beside it.</param>
    /// <param name="image">The image to boot.</param>
    /// <param name="xenCommandLine">Xen's command line.</param>
    /// <param name="dom0CommandLine">The command line of dom0's Linux.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <exception cref="QemuXenException">GRUB is not installed.</exception>
    public static async Task WriteAsync(
        string path, Dom0Image image, string xenCommandLine, string dom0CommandLine, CancellationToken cancellationToken)
    {
        byte[] core = await MakeCoreAsync(path, xenCommandLine, dom0CommandLine, cancellationToken);
        if (SectorSize + core.Length > PartitionStart * SectorSize)
        {
            throw new QemuXenException($"GRUB's core takes {core.Length} bytes, more than there is room for before the partition.");
        }

        await using FileStream disk = File.Create(path);
        disk.Position = PartitionStart * SectorSize;
        using (CpioWriter archive = new CpioWriter(disk))
        {
            archive.AddFile("xen", await File.ReadAllBytesAsync(image.Hypervisor, cancellationToken));
            archive.AddFile("linux", await File.ReadAllBytesAsync(image.Kernel, cancellationToken));
            archive.AddFile("initramfs", await DecompressAsync(image.Initramfs, cancellationToken));
        }

        const int Cylinder = SectorsPerCylinder * SectorSize;
        disk.SetLength((disk.Position + Cylinder - 1) / Cylinder * Cylinder);
        byte[] first = await File.ReadAllBytesAsync(GrubBootSector, cancellationToken);
        WritePartitionTable(first.AsSpan(PartitionTable, 64), (int)(disk.Length / SectorSize) - PartitionStart);
        BinaryPrimitives.WriteUInt16LittleEndian(first.AsSpan(BootSignature), 0xAA55);
        disk.Position = 0;
        await disk.WriteAsync(first.AsMemory(0, SectorSize), cancellationToken);
        await disk.WriteAsync(core, cancellationToken);
    }

    private static async Task<byte[]> MakeCoreAsync(
        string path, string xenCommandLine, string dom0CommandLine, CancellationToken cancellationToken)
    {
        string configuration = path + ".grub";
        string core = path + ".core";
        await File.WriteAllTextAsync(
            configuration,
            $"""
            set root=(hd0,msdos1)
            serial --unit=0 --speed=115200
            terminal_output serial
            set gfxpayload=text
            multiboot /xen {xenCommandLine}
            module /linux {dom0CommandLine}
            module /initramfs
            boot

            """,
            cancellationToken);
        await HostCommand.RunAsync(
            GrubProgram,
            ["-O", "i386-pc", "-d", GrubDirectory, "-o", core, "-p", "/", "-c", configuration, .. GrubModules],
            cancellationToken: cancellationToken);
        return await File.ReadAllBytesAsync(core, cancellationToken);
    }

    /// <summary>The uncompressed initramfs: this host decompresses it faster than the emulated machine.</summary>
    private static async Task<byte[]> DecompressAsync(string path, CancellationToken cancellationToken)
    {
        await using FileStream file = File.OpenRead(path);
        await using GZipStream gzip = new(file, CompressionMode.Decompress);
        using MemoryStream content = new();
        await gzip.CopyToAsync(content, cancellationToken);
        return content.ToArray();
    }

    /// <summary>
    /// A PC's partition table with one entry: active, of Linux's type, with its position in sectors. It overwrites GRUB's code for floppy
    /// disks.
    /// </summary>
    private static void WritePartitionTable(Span<byte> table, int sectors)
    {
        table.Clear();
        table[0] = 0x80;
        table[4] = 0x83;
        BinaryPrimitives.WriteInt32LittleEndian(table[8..], PartitionStart);
        BinaryPrimitives.WriteInt32LittleEndian(table[12..], sectors);
    }
}
