using System.Diagnostics;
using System.Formats.Tar;
using System.Runtime.InteropServices;
using System.Text;

namespace Xenlet.Kernel.Tests;

/// <summary>A domain's ramdisk over the image's files.</summary>
public sealed unsafe class RamdiskTests : FileSystemTest
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    private static readonly string LongName = new('n', 120);
    private static readonly string LongPath = string.Join('/', Enumerable.Repeat("directory", 40)) + "/" + new string('ü', 127);

    private static readonly string TooLong = string.Concat(Enumerable.Repeat("abc/", 1001)) + "d";
    private static readonly byte[] TooLarge = "99999999999999999999 a=b\n"u8.ToArray();

    public RamdiskTests()
    {
        FileNode* settings = KnownFiles.TryAdd(WorkingDirectory.Current, Bytes("settings"), NodeKind.File, FileStatus.ReadForAll);
        byte[] content = Encoding.UTF8.GetBytes("of the image");
        settings->Content = Place(content);
        settings->Length = (ulong)content.Length;
        FileNode* directory = KnownFiles.TryAdd(
            WorkingDirectory.Current, Bytes("wwwroot"), NodeKind.Directory, FileStatus.ReadSearchForAll);
        Assert.True(KnownFiles.TryAdd(directory, Bytes("index"), NodeKind.File, FileStatus.ReadForAll) != null);
    }

    [Theory]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public void Its_files_take_the_place_of_the_images_and_are_added_to_them(TarEntryFormat format)
    {
        Lay(TarWriting.Archive(
            format, ("./", null), ("./settings", "of the domain"), ("new/below/file", ""), ("wwwroot/", null), ("wwwroot/more", "m")));

        Assert.Equal("xenlet settings wwwroot new", Entries("/app"));
        Assert.Equal("index more", Entries("wwwroot"));
        Assert.Equal(("of the domain", "", "m"), (Content("settings"), Content("new/below/file"), Content("wwwroot/more")));
        ulong fraction = format == TarEntryFormat.Pax ? 250_000_000u : 0;
        ulong time = ((ulong)TarWriting.Time.ToUnixTimeSeconds() * NanosecondsPerSecond) + fraction;
        Assert.Equal((time, time, time), (Time("settings"), Time("/app"), Time("wwwroot")));
        Assert.Equal(0ul, Time("new"));
        Assert.Equal(-Errno.EROFS, Open("settings", O_RDWR));
        Assert.Equal(-Errno.EROFS, Call(SystemCallNumber.Unlink, Path("new/below/file")));
    }

    [Theory]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public void Long_names_are_whole(TarEntryFormat format)
    {
        Lay(TarWriting.Archive(format, (LongName, "1"), (LongPath, "2"), ("short", "3")));

        Assert.Equal(("1", "2", "3"), (Content(LongName), Content(LongPath), Content("short")));
    }

    [Theory]
    [InlineData("ustar")]
    [InlineData("posix")]
    [InlineData("gnu")]
    public void What_the_command_tar_writes_is_understood(string format)
    {
        string directory = Directory.CreateTempSubdirectory("ramdisk").FullName;
        try
        {
            string nested = Directory.CreateDirectory(System.IO.Path.Combine(directory, "files", "ä b", new string('d', 90))).FullName;
            File.WriteAllText(System.IO.Path.Combine(nested, new string('f', 90)), "found");
            File.WriteAllText(System.IO.Path.Combine(directory, "files", "settings"), "of tar");
            string archive = System.IO.Path.Combine(directory, "archive.tar");
            string[] arguments = ["-C", System.IO.Path.Combine(directory, "files"), "--format", format, "-cf", archive, "."];
            using (Process tar = Process.Start("tar", arguments))
            {
                tar.WaitForExit();
                Assert.Equal(0, tar.ExitCode);
            }

            Lay(File.ReadAllBytes(archive));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        Assert.Equal(("found", "of tar"), (Content($"ä b/{new string('d', 90)}/{new string('f', 90)}"), Content("settings")));
    }

    [Fact]
    public void Numbers_beyond_octal_digits_and_records_without_a_meaning_are_understood()
    {
        byte[] binary = TarWriting.Header("binary"u8, time: "\x80\0\0\0\0\0\0\u0001\0\0\0\u0002");
        Lay(TarWriting.Whole(
            TarWriting.Entry("global"u8, 'g', Encoding.UTF8.GetBytes(TarWriting.Record("comment=abc"))),
            binary,
            TarWriting.Header("negative"u8, time: "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff"),
            TarWriting.Pax("mtime=12.5", "SCHILY.xattr.a=b", "size=3", "path=renamed"),
            TarWriting.Entry("original"u8, '0', "abc"u8)));

        Assert.Equal("xenlet settings wwwroot binary negative renamed", Entries("/app"));
        Assert.Equal((0x1_0000_0002 * NanosecondsPerSecond, 0ul), (Time("binary"), Time("negative")));
        Assert.Equal(("abc", 12_500_000_000ul), (Content("renamed"), Time("renamed")));
    }

    public static TheoryData<string, string, byte[]> Refused { get; } = new()
    {
        { "parent", "entry 1 '../a' has '..' in its path", Named("../a") },
        { "parent below", "entry 1 'a/../b' has '..' in its path", Named("a/../b") },
        { "parent at the end", "entry 1 'a/..' has '..' in its path", Named("a/..", '5') },
        { "absolute", "entry 1 '/etc/passwd' has an absolute path", Named("/etc/passwd") },
        { "dot", "entry 1 'a/./b' has '.' behind", Named("a/./b") },
        { "two slashes", "entry 1 'a//b' has an empty name", Named("a//b") },
        { "no name", "entry 1 has an empty name", Named("") },
        { "file with slash", "entry 1 'a/' is a file with a slash", Named("a/") },
        { "file for the directory", "entry 1 '.' is a file, and there is a directory", Named(".") },
        { "hard link", "entry 1 'a' is a link", Named("a", '1') },
        { "symbolic link", "entry 1 'a' is a link", Named("a", '2') },
        { "character device", "entry 1 'a' is a device", Named("a", '3') },
        { "block device", "entry 1 'a' is a device", Named("a", '4') },
        { "pipe", "entry 1 'a' is a device or a pipe", Named("a", '6') },
        { "sparse", "entry 1 'a' is a sparse file", Named("a", 'S') },
        { "volume", "entry 1 'a' is neither", Named("a", 'V') },
        { "program", "entry 1 'xenlet' has the name of the program", Named("xenlet") },
        { "below the program", "entry 1 'xenlet/a' lies below a file", Named("xenlet/a") },
        { "below a file", "entry 1 'settings/a' lies below a file", Named("settings/a") },
        { "file for directory", "entry 1 'wwwroot' is a file, and there is a directory", Named("wwwroot") },
        { "directory for file", "entry 1 'settings' is a directory, and there is a file", Named("settings", '5') },
        { "twice", "entry 2 './a' is there a second time", TarWriting.Whole(TarWriting.Header("a"u8), TarWriting.Header("./a"u8)) },
        { "root twice", "entry 2 './' is there a second", TarWriting.Whole(TarWriting.Header("."u8, '5'), TarWriting.Header("./"u8, '5')) },
        { "long name", "has a name of more than 255 bytes", TarWriting.Archive(TarEntryFormat.Pax, (new string('n', 256), "")) },
        { "long path", "has a path of more than 4,000 bytes", TarWriting.Archive(TarEntryFormat.Gnu, (TooLong, "")) },
        { "not UTF-8", @"entry 1 '\xff' has a path that is not UTF-8", TarWriting.Whole(TarWriting.Header([0xff])) },
        { "overlong", @"entry 1 '\xc0\xaf' has a path that is not UTF-8", TarWriting.Whole(TarWriting.Header([0xc0, 0xaf])) },
        { "escape", @"entry 1 '../\x1b[2J' has '..'", TarWriting.Whole(TarWriting.Header("../\u001b[2J"u8)) },
        { "zero in name", "has a zero byte", TarWriting.Whole(TarWriting.Pax("path=a\0b"), TarWriting.Header("a"u8)) },
        { "checksum", "entry 1 has a header with a wrong checksum", Changed(Named("a"), 0, (byte)'b') },
        { "no archive", "entry 1 has no header of a tar archive", [0x1f, 0x8b, .. new byte[2000]] },
        { "size", "entry 1 'a' has a size, time or checksum that is no number", TarWriting.Whole(TarWriting.Header("a"u8, size: "9")) },
        { "negative size", "has a size, time", TarWriting.Whole(TarWriting.Header("a"u8, size: "\u00ff\u00ff\u00ff\u00ff")) },
        { "huge size", "has a size, time", TarWriting.Whole(TarWriting.Header("a"u8, size: "\x80\u0001")) },
        { "size beyond", "entry 1 'a' reaches beyond the end", TarWriting.Whole(TarWriting.Header("a"u8, size: "2001")) },
        { "pax size beyond", "reaches beyond", TarWriting.Whole(TarWriting.Pax("size=18446744073709551"), TarWriting.Header("a"u8)) },
        { "directory with content", "is a directory with a size", TarWriting.Whole(TarWriting.Entry("a"u8, '5', "abc"u8)) },
        { "no end", "entry 2 is missing, and so are", TarWriting.Header("a"u8) },
        { "half an end", "entry 2 is missing, and so are", [.. TarWriting.Header("a"u8), .. new byte[512]] },
        { "half a header", "entry 1 is missing", new byte[511] },
        { "nothing", "entry 1 is missing", [0] },
        { "extension alone", "entry 1 'a' does not follow its extended header", TarWriting.Whole(TarWriting.Pax("path=a")) },
        { "record too long", "with a record that is none", TarWriting.Whole(TarWriting.Entry("x"u8, 'x', "99 path=a\n"u8)) },
        { "record without end", "with a record that is none", TarWriting.Whole(TarWriting.Entry("x"u8, 'x', "9 path=ab"u8)) },
        { "record without key", "with a record that is none", TarWriting.Whole(TarWriting.Entry("x"u8, 'x', "5 =a\n"u8)) },
        { "record of digits", "with a record that is none", TarWriting.Whole(TarWriting.Entry("x"u8, 'x', "3"u8)) },
        { "record with a number too large", "with a record that is none", TarWriting.Whole(TarWriting.Entry("x"u8, 'x', TooLarge)) },
        { "path twice", "path, size or mtime twice", TarWriting.Whole(TarWriting.Pax("path=a", "path=b"), TarWriting.Header("a"u8)) },
        { "two names", "does not follow its", TarWriting.Whole(TarWriting.Pax("path=a"), TarWriting.Entry("L"u8, 'L', "b\0"u8)) },
        { "name and global", "does not follow", TarWriting.Whole(TarWriting.Entry("L"u8, 'L', "b\0"u8), TarWriting.Entry("g"u8, 'g', [])) },
        { "sparse by pax", "changes what a file is", TarWriting.Whole(TarWriting.Pax("GNU.sparse.major=1"), TarWriting.Header("a"u8)) },
        { "global path", "changes what a file is", TarWriting.Whole(TarWriting.Entry("g"u8, 'g', "9 path=a\n"u8)) },
        { "late", "later than the year 2554", TarWriting.Whole(TarWriting.Pax("mtime=18446744073"), TarWriting.Header("a"u8)) },
        { "time", "with a record that is none", TarWriting.Whole(TarWriting.Pax("mtime=1e5"), TarWriting.Header("a"u8)) },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_cannot_be_is_refused_and_named(string what, string message, byte[] archive)
    {
        _ = what;
        PanicException refused = Assert.Throws<PanicException>(() => Lay(archive));
        Assert.StartsWith("xenlet: ramdisk: entry ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        Assert.Equal(refused.Message.Length - 1, refused.Message.IndexOf('\n'));
    }

    [Fact]
    public void More_than_16384_files_and_directories_are_refused()
    {
        Boot(4096);
        byte[] one = TarWriting.Header([]);
        byte[] archive = new byte[(RamdiskFiles.MaximumNodes + 3) * (ulong)TarWriting.BlockSize];
        for (int i = 0; i <= RamdiskFiles.MaximumNodes; i++)
        {
            Encoding.ASCII.GetBytes($"{i:00000}").CopyTo(one, 0);
            TarWriting.Sealed(one).CopyTo(archive, i * TarWriting.BlockSize);
        }

        PanicException refused = Assert.Throws<PanicException>(() => Lay(archive));
        Assert.Contains("entry 16385 '16384' makes more than 16,384", refused.Message, StringComparison.Ordinal);
    }

    private static byte[] Named(string path, char type = '0') => TarWriting.Whole(TarWriting.Header(Encoding.UTF8.GetBytes(path), type));

    private static byte[] Changed(byte[] archive, int offset, byte value)
    {
        archive[offset] = value;
        return archive;
    }

    /// <summary>Lays an archive over the files, as the loader passes it at boot.</summary>
    private static void Lay(byte[] archive)
    {
        ModuleListEntry module = new() { Address = (ulong)Place(archive), Size = (ulong)archive.Length };
        StartInfo info = new() { ModuleCount = 1, ModuleListAddress = (ulong)&module };
        Assert.True(MemoryMap.TryAdd(Pages.RoundDown(module.Address), Pages.RoundUp(module.Address + module.Size)));
        Ramdisk.Find(&info, 0x20_0000, 0x40_0000);
        Extent extent = Ramdisk.Extent;
        Assert.Equal((Pages.RoundDown(module.Address), Pages.RoundUp(module.Address + module.Size)), (extent.Start, extent.End));
        Ramdisk.AddFiles();
    }

    private ulong Time(string path)
    {
        Assert.Equal(0, Call(SystemCallNumber.Stat, Path(path), Buffer));
        stat* status = (stat*)Buffer;
        return (status->st_mtime * NanosecondsPerSecond) + status->st_mtime_nsec;
    }

    private static ReadOnlySpan<byte> Bytes(string text) => new(Place(Encoding.UTF8.GetBytes(text)), Encoding.UTF8.GetByteCount(text));

    private static byte* Place(byte[] bytes)
    {
        byte* place = (byte*)NativeMemory.AlignedAlloc((nuint)bytes.Length, 4096);
        bytes.CopyTo(new Span<byte>(place, bytes.Length));
        return place;
    }
}
