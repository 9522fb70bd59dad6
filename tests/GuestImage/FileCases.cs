using System.IO.MemoryMappedFiles;

namespace Xenlet.GuestImage;

/// <summary>
/// Files of the image and in /tmp, as .NET's classes see them. What is as on Linux is in tests/GuestWork, beside Linux's.
/// </summary>
internal static class FileCases
{
    public static IEnumerable<Case> All =>
    [
        new("files-of-the-image", FilesOfTheImage),
        new("ramdisk-files", RamdiskFiles),
        new("files-cannot-be-changed", FilesCannotBeChanged),
        new("files-of-proc", ProcessFiles),
        new("tmp-full", TemporaryFilesFull),
        new("tmp-small-writes", () => SmallWrites(20_000)),
        new("tmp-small-writes-of-count", arguments =>
        {
            SmallWrites(int.Parse(arguments[0]));
            return 0;
        }),
        new("tmp-mapped", Mapped),
        new("watcher-of-image", WatcherOfImage),
        new("watcher-of-tmp", WatcherOfTemporaryFiles),
    ];

    private static void FilesOfTheImage()
    {
        Check.Equal("/app/", AppContext.BaseDirectory);
        Check.Equal("/app/xenlet", Environment.ProcessPath);
        Check.Equal("set by the project", Environment.GetEnvironmentVariable("OF_THE_IMAGE"));
        string directory = Path.Combine(AppContext.BaseDirectory, "content");
        Check.Equal("the first line|the second", string.Join('|', File.ReadAllLines(Path.Combine(directory, "text.txt"))));
        Check.Equal("below/äöü and more.json empty text.txt", string.Join(
            ' ',
            Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(directory, path)).Order(StringComparer.Ordinal)));
        FileInfo json = new(Path.Combine(directory, "below", "äöü and more.json"));
        Check.Equal(20L, json.Length);
        Check.That(json.LastWriteTimeUtc.Year is >= 2001 and <= 2020, $"{json.LastWriteTimeUtc:O}");
        Check.Equal(0L, new FileInfo(Path.Combine(directory, "empty")).Length);
        using FileStream stream = File.OpenRead(Path.Combine(directory, "text.txt"));
        stream.Position = 4;
        byte[] read = new byte[5];
        stream.ReadExactly(read);
        Check.Equal("first", System.Text.Encoding.ASCII.GetString(read));
        Check.Equal(4, RandomAccess.Read(stream.SafeFileHandle, read.AsSpan(0, 4), 22));
    }

    private static void RamdiskFiles()
    {
        Check.Equal("of the domain", File.ReadAllText("content/text.txt"));
        Check.Equal(20L, new FileInfo("content/below/äöü and more.json").Length);
        Check.Equal("added", File.ReadAllText("new/below/" + new string('n', 200)));
        Check.Equal(new DateTime(2024, 5, 6, 7, 8, 9, 250, DateTimeKind.Utc), File.GetLastWriteTimeUtc("content/text.txt"));
        IOException refused = Check.Throws<IOException>(() => File.AppendAllText("content/text.txt", "more"));
        Check.That(refused.Message.Contains("Read-only file system", StringComparison.Ordinal), refused.Message);

        // It stays when all other memory is used and freed.
        for (int round = 0; round < 3; round++)
        {
            List<byte[]> all = [];
            try
            {
                while (true)
                {
                    byte[] block = new byte[1 << 20];
                    block.AsSpan().Fill(0xff);
                    all.Add(block);
                }
            }
            catch (OutOfMemoryException)
            {
                all.Clear();
            }
        }

        using FileStream large = File.OpenRead("large");
        Check.Equal(3L << 20, large.Length);
        byte[] part = new byte[4096];
        while (large.Position < large.Length)
        {
            large.ReadExactly(part);
            Check.Equal(-1, part.AsSpan().IndexOfAnyExcept((byte)'r'));
        }
    }

    private static void FilesCannotBeChanged()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "content", "text.txt");
        foreach (Action change in (Action[])
        [
            () => File.WriteAllText(path, "other"),
            () => File.AppendAllText(path, "more"),
            () => File.Delete(path),
            () => File.Move(path, path + "2"),
            () => File.WriteAllText(path + "2", "new"),
            () => Directory.CreateDirectory("/new"),
            () => File.SetLastWriteTimeUtc(path, DateTime.UtcNow),
        ])
        {
            IOException refused = Check.Throws<IOException>(change);
            Check.That(refused.Message.Contains("Read-only file system", StringComparison.Ordinal), refused.Message);
        }

        Check.That(File.ReadAllText(path).StartsWith("the first line", StringComparison.Ordinal));
    }

    private static void ProcessFiles()
    {
        Dictionary<string, long> memory = File.ReadLines("/proc/meminfo")
            .Select(line => line.Split([' ', ':'], StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(words => words[0], words => long.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture) << 10);
        Check.That(memory["MemAvailable"] <= memory["MemFree"] && memory["MemFree"] < memory["MemTotal"], string.Join(' ', memory));
        GCMemoryInfo collector = GC.GetGCMemoryInfo(GCKind.Any);
        Check.That(
            collector.TotalAvailableMemoryBytes <= memory["MemTotal"] && collector.TotalAvailableMemoryBytes > memory["MemTotal"] / 2,
            $"{collector.TotalAvailableMemoryBytes} of {memory["MemTotal"]}");
        long before = Environment.WorkingSet;
        Check.That(before > 1 << 20 && before < memory["MemTotal"] + (32 << 20), $"a working set of {before}");
        byte[] more = GC.AllocateUninitializedArray<byte>(4 << 20);
        more.AsSpan().Fill(1);
        long after = Environment.WorkingSet;
        Check.That(after > before + (2 << 20), $"a working set of {before} grew by {more.Length} bytes to {after}");
        Check.Equal(File.ReadAllText("/proc/self/statm").Split(' ')[0], File.ReadAllText("/proc/1/statm").Split(' ')[0]);
        Check.Equal(52, File.ReadAllText("/proc/self/stat").Split(' ').Length);
    }

    private static void TemporaryFilesFull()
    {
        const string path = "/tmp/full";
        byte[] block = new byte[64 << 10];
        IOException? full = null;
        using (FileStream stream = new(path, FileMode.CreateNew))
        {
            try
            {
                while (true)
                {
                    RandomAccess.Write(stream.SafeFileHandle, block, RandomAccess.GetLength(stream.SafeFileHandle));
                }
            }
            catch (IOException refused)
            {
                full = refused;
            }
        }

        Check.That(full!.Message.Contains("No space left on device", StringComparison.Ordinal), full.Message);
        Check.That(new FileInfo(path).Length > 1 << 20, $"{new FileInfo(path).Length} bytes fit");
        File.Delete(path);
        File.WriteAllText(path, "there is room again");
        File.Delete(path);
    }

    /// <summary>Writes of one byte, in tens.</summary>
    private static void SmallWrites(int count)
    {
        const string path = "/tmp/small";
        using (FileStream stream = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            for (int i = 0; i < count; i++)
            {
                stream.Write("0123456789"u8[(i % 10)..(i % 10 + 1)]);
            }
        }

        string text = File.ReadAllText(path);
        File.Delete(path);
        Check.Equal(count, text.Length);
        Check.Equal(string.Concat(Enumerable.Repeat("0123456789", count / 10)), text);
    }

    private static void Mapped()
    {
        const string path = "/tmp/mapped";
        File.WriteAllText(path, "in memory");
        using (MemoryMappedFile image = MemoryMappedFile.CreateFromFile(
            new FileStream("/app/content/text.txt", FileMode.Open, FileAccess.Read), null, 0, MemoryMappedFileAccess.Read, default, false))
        {
            using MemoryMappedViewAccessor view = image.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            Check.Equal((byte)'f', view.ReadByte(4));
        }

        using (MemoryMappedFile mapped = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 3 << 20))
        {
            using MemoryMappedViewAccessor view = mapped.CreateViewAccessor();
            view.Write((3 << 20) - 1, (byte)'z');
            view.Write(0, (byte)'I');
            view.Flush();
            using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            byte[] read = new byte[9];
            file.ReadExactly(read);
            Check.Equal("In memory", System.Text.Encoding.ASCII.GetString(read));
            RandomAccess.Write(file.SafeFileHandle, "again"u8, 3);
            Check.Equal((byte)'g', view.ReadByte(4));
            RandomAccess.Read(file.SafeFileHandle, read, (3 << 20) - 1);
            Check.Equal((byte)'z', read[0]);
        }

        File.Delete(path);
        using MemoryMappedFile shared = MemoryMappedFile.CreateNew(null, 100_000);
        using MemoryMappedViewStream one = shared.CreateViewStream();
        using MemoryMappedViewAccessor other = shared.CreateViewAccessor();
        one.Write("of all views"u8);
        Check.Equal((byte)'f', other.ReadByte(1));
    }

    private static void WatcherOfImage()
    {
        using FileSystemWatcher watcher = new(AppContext.BaseDirectory) { IncludeSubdirectories = true };
        int events = 0;
        watcher.Changed += (_, _) => events++;
        watcher.EnableRaisingEvents = true;
        _ = File.ReadAllText("/app/content/text.txt");
        Check.Equal(0, events);
    }

    private static void WatcherOfTemporaryFiles()
    {
        string directory = Directory.CreateTempSubdirectory("watched").FullName;
        List<string> events = [];
        using (FileSystemWatcher watcher = new(directory))
        {
            watcher.Created += (_, happened) => Add($"created {happened.Name}");
            watcher.Renamed += (_, happened) => Add($"renamed {happened.OldName} {happened.Name}");
            watcher.Deleted += (_, happened) => Add($"deleted {happened.Name}");
            watcher.EnableRaisingEvents = true;
            File.WriteAllText(Path.Combine(directory, "a"), "text");
            File.Move(Path.Combine(directory, "a"), Path.Combine(directory, "b"));
            File.Delete(Path.Combine(directory, "b"));
            Check.Eventually(() => Seen() == "created a, renamed a b, deleted b");
        }

        Directory.Delete(directory);

        void Add(string happened)
        {
            lock (events)
            {
                events.Add(happened);
            }
        }

        string Seen()
        {
            lock (events)
            {
                return string.Join(", ", events);
            }
        }
    }
}
