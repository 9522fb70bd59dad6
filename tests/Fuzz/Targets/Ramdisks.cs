using System.Formats.Tar;
using System.Runtime.InteropServices;
using System.Text;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// A domain's ramdisk, in memory that ends where the archive does. What is accepted is what .NET's own reader finds in it; what is refused
/// is refused for a reason that has a text.
/// </summary>
internal static unsafe partial class Ramdisks
{
    private const int BlockSize = 512;
    private const int ChecksumOffset = 148;
    private const int MostBlocks = 64;
    private const int ProtNone = 0;
    private const int ProtReadWrite = 3;
    private const int MapPrivateAnonymous = 0x22;

    // Behind it lies a page that cannot be read.
    private static readonly byte* ArchiveEnd = Reserve();

    private static readonly string[] Types = ["0", "5", "x", "L", "g", "\0", "1", "2", "3", "6", "K", "S", "7", "V"];

    public static byte[][] Tokens { get; } =
    [
        "../"u8.ToArray(), "./"u8.ToArray(), "a/b"u8.ToArray(), "xenlet"u8.ToArray(), "path="u8.ToArray(), "size="u8.ToArray(),
        "mtime="u8.ToArray(), "GNU.sparse."u8.ToArray(), "0000001000\0"u8.ToArray(), [0x80, 0, 0, 0], [0xff, 0xff],
        "12 path=a/b\n"u8.ToArray(),
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        byte[] archive = Build(script);
        byte* start = ArchiveEnd - archive.Length;
        archive.CopyTo(new Span<byte>(start, archive.Length));
        Xenlet.Kernel.Nucleus.Linux.Tar.TarReader reader = new(start, (ulong)archive.Length);
        List<(string Path, bool IsDirectory, string Content)> found = [];
        while (true)
        {
            TarProblem problem = reader.Next(out Xenlet.Kernel.Nucleus.Linux.Tar.TarEntry entry, out bool isEnd);
            if (problem == TarProblem.None && !isEnd)
            {
                problem = RamdiskPaths.Check(in entry.Path, entry.IsDirectory);
            }

            if (problem != TarProblem.None)
            {
                Assert.True(TarProblemText.Of(problem).Length > 0);
                _ = Text(in entry.Path);
                return;
            }

            if (isEnd)
            {
                break;
            }

            bool isInside = entry.Content >= start && entry.Length <= (ulong)(ArchiveEnd - entry.Content);
            Assert.True(isInside, "a content lies outside the archive");
            string[] names = Names(in entry.Path);
            Assert.DoesNotContain("..", names);
            Assert.DoesNotContain(".", names);
            Assert.DoesNotContain("", names);
            string content = Encoding.Latin1.GetString(new ReadOnlySpan<byte>(entry.Content, (int)entry.Length));
            found.Add((string.Join('/', names), entry.IsDirectory, content));
        }

        if (ReadByDotNet(archive) is { } expected)
        {
            Assert.Equal(
                expected.Select(entry => (entry.IsDirectory, entry.Content)), found.Select(entry => (entry.IsDirectory, entry.Content)));
            Assert.All(found.Zip(expected), pair => Assert.True(IsSame(pair.First.Path, pair.Second.Path), $"{pair}"));
        }
    }

    /// <summary>Headers whose fields the input chooses, mostly with right checksums, and contents; then an end, or none.</summary>
    private static byte[] Build(Script script)
    {
        List<byte> archive = [];
        int cut = 0;
        while (!script.AtEnd && archive.Count < MostBlocks * BlockSize)
        {
            int action = script.Below(16);
            if (action == 15)
            {
                archive.AddRange(script.Bytes(script.Byte()));
                continue;
            }

            cut = action == 6 ? script.UInt16() : cut;
            byte[] header = new byte[BlockSize];
            Put(script.Bytes(script.Below(101)), 0);
            ReadOnlySpan<byte> content = script.Bytes(script.UInt16() % (3 * BlockSize));
            Put(action == 14 ? script.Bytes(12) : Encoding.ASCII.GetBytes(Convert.ToString(content.Length, 8).PadLeft(11, '0')), 124);
            Put(action == 13 ? script.Bytes(12) : "14000000000"u8, 136);
            header[156] = (byte)Types[script.Below(Types.Length)][0];
            Put(action == 12 ? "ustar  \0"u8 : "ustar\000"u8, 257);

            Put(action >= 9 ? script.Bytes(script.Below(156)) : [], 345);
            header.AsSpan(ChecksumOffset, 8).Fill((byte)' ');
            int sum = header.Sum(value => value) + (action == 8 ? script.Byte() : 0);
            Put(Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0"), ChecksumOffset);
            archive.AddRange(header);
            archive.AddRange(content);
            archive.AddRange(new byte[action == 7 ? 0 : -content.Length & (BlockSize - 1)]);

            void Put(ReadOnlySpan<byte> bytes, int offset) => bytes.CopyTo(header.AsSpan(offset));
        }

        archive.AddRange(new byte[2 * BlockSize]);
        return [.. archive.SkipLast(cut % (4 * BlockSize))];
    }

    /// <summary>Null for an archive with a field that .NET refuses and a guest has no use for: an owner, the time of an access.</summary>
    private static List<(string Path, bool IsDirectory, string Content)>? ReadByDotNet(byte[] archive)
    {
        try
        {
            return ReadAll(archive);
        }
        catch (Exception failure) when (failure is InvalidDataException or OverflowException or ArgumentOutOfRangeException)
        {
            return null;
        }
    }

    private static List<(string Path, bool IsDirectory, string Content)> ReadAll(byte[] archive)
    {
        List<(string Path, bool IsDirectory, string Content)> entries = [];
        using System.Formats.Tar.TarReader reader = new(new MemoryStream(archive));
        while (reader.GetNextEntry(copyData: true) is { } entry)
        {
            if (entry.EntryType is TarEntryType.GlobalExtendedAttributes)
            {
                continue;
            }

            using MemoryStream content = new();
            entry.DataStream?.CopyTo(content);
            string path = string.Join('/', entry.Name.TrimEnd('/').Split('/').Where((name, i) => i > 0 || name != "."));
            entries.Add((path, entry.EntryType == TarEntryType.Directory, Encoding.Latin1.GetString(content.ToArray())));
        }

        return entries;
    }

    /// <summary>
    /// .NET leaves the prefix out behind a pax header without a path, and in a header of the type of old archives. GNU tar goes by the
    /// magic number, as the nucleus does.
    /// </summary>
    private static bool IsSame(string path, string byDotNet) =>
        path == byDotNet || path.EndsWith("/" + byDotNet, StringComparison.Ordinal) || (byDotNet.Length == 0 && path.Length > 0);

    private static string[] Names(in TarPath path)
    {
        List<string> names = [];
        ulong at = 0;
        while (RamdiskPaths.TryNext(in path, ref at, out byte* name, out uint length, out bool isLast))
        {
            names.Add(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(name, (int)length));
            Assert.Equal(at >= path.Length, isLast);
        }

        return [.. names];
    }

    private static string Text(in TarPath path)
    {
        StringBuilder text = new();
        for (ulong i = 0; i < path.Length; i++)
        {
            text.Append((char)path[i]);
        }

        return text.ToString();
    }

    private static byte* Reserve()
    {
        const int size = 1 << 20;
        byte* memory = MapMemory(null, size + 4096, ProtReadWrite, MapPrivateAnonymous, -1, 0);
        Assert.True((nint)memory > 0 && Protect(memory + size, 4096, ProtNone) == 0, "no memory");
        return memory + size;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* MapMemory(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);
}
