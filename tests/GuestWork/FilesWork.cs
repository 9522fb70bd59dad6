using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Runtime.Versioning;
using System.Text;

[assembly: SupportedOSPlatform("linux")]

namespace Xenlet.GuestWork;

/// <summary>
/// What .NET's classes do with files in /tmp, as lines: each names what was done, and says what came of it, an exception's type and
/// message too.
/// </summary>
internal static class FilesWork
{
    private const string Root = "/tmp/xenlet-files-work";

    private static readonly string[] Names =
        ["plain", "with blank", "ümläut", "日本語", ".hidden", "-", "a.b.c", "new\nline", "tab\t", "quote'\"", "*?[]", new('n', 255)];

    public static void Run()
    {
        if (Directory.Exists(Root))
        {
            Directory.Delete(Root, recursive: true);
        }

        Directory.CreateDirectory(Root);
        try
        {
            WholeFiles();
            Streams();
            Positions();
            Mappings();
            Shares();
            NamesOfAllKinds();
            Directories();
            Moves();
            Links();
            Times();
            Refusals();
            SmallWrites();
        }
        finally
        {
            Directory.Delete(Root, recursive: true);
        }
    }

    private static string At(string path) => Path.Combine(Root, path);

    private static void Show(string what, Func<object?> action)
    {
        string result;
        try
        {
            result = Convert.ToString(action(), CultureInfo.InvariantCulture) ?? "nothing";
        }
        catch (Exception thrown) when (thrown is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            result = $"{thrown.GetType().Name}: {thrown.Message}";
        }

        Console.WriteLine($"{what}: {result.ReplaceLineEndings("\\n")}");
    }

    private static void Do(string what, Action action) => Show(what, () =>
    {
        action();
        return "done";
    });

    private static void WholeFiles()
    {
        Do("write all text", () => File.WriteAllText(At("a"), "first\n"));
        Do("append all text", () => File.AppendAllText(At("a"), "second\n"));
        Show("read all text", () => File.ReadAllText(At("a")));
        Show("read all lines", () => string.Join('|', File.ReadAllLines(At("a"))));
        Show("length", () => new FileInfo(At("a")).Length);
        Show("exists", () => File.Exists(At("a")) && !File.Exists(At("none")) && !Directory.Exists(At("a")));
        Do("copy", () => File.Copy(At("a"), At("b")));
        Do("copy over", () => File.Copy(At("a"), At("b")));
        Do("copy over, allowed", () => File.Copy(At("a"), At("b"), overwrite: true));
        Show("copied", () => File.ReadAllText(At("b")));
        Do("write all bytes", () => File.WriteAllBytes(At("b"), [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7))]));
        Show("read all bytes", () => File.ReadAllBytes(At("b")).Sum(value => value));
        Do("delete", () => File.Delete(At("b")));
        Do("delete again", () => File.Delete(At("b")));
        Show("temporary file", () => Path.GetTempFileName().StartsWith("/tmp/tmp", StringComparison.Ordinal));
        foreach (string temporary in Directory.GetFiles("/tmp", "tmp*.tmp"))
        {
            File.Delete(temporary);
        }
    }

    private static void Streams()
    {
        foreach (FileMode mode in Enum.GetValues<FileMode>())
        {
            foreach (string name in (string[])["a", "missing"])
            {
                Show($"{mode} of {(name == "a" ? "a file" : "none")}", () =>
                {
                    File.WriteAllText(At("a"), "content");
                    using FileStream stream = new(At(name), mode, mode == FileMode.Append ? FileAccess.Write : FileAccess.ReadWrite);
                    long before = stream.Length;
                    stream.Write("xy"u8);
                    return $"{before} {stream.Length} {stream.Position} {stream.CanSeek} {stream.CanRead}";
                });
                File.Delete(At("missing"));
            }
        }

        Show("truncated and made longer", () =>
        {
            using FileStream stream = new(At("a"), FileMode.Create);
            stream.Write("abcdef"u8);
            stream.SetLength(3);
            stream.SetLength(5);
            stream.Position = 0;
            byte[] read = new byte[10];
            return $"{stream.Read(read)} {Convert.ToHexString(read)}";
        });
        Show("deleted on close", () =>
        {
            using (FileStream stream = new(At("c"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose))
            {
                stream.WriteByte(1);
            }

            return File.Exists(At("c"));
        });
        Show("an open file without a name", () =>
        {
            using FileStream stream = new(At("c"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete);
            stream.Write("still here"u8);
            File.Delete(At("c"));
            stream.Position = 0;
            return $"{new StreamReader(stream).ReadToEnd()} {File.Exists(At("c"))}";
        });
        Show("preallocated", () =>
        {
            using FileStream stream = new(
                At("d"), new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, PreallocationSize = 20_000 });
            return stream.Length;
        });
    }

    private static void Positions()
    {
        using FileStream stream = new(At("e"), FileMode.Create);
        Show("write far away", () =>
        {
            RandomAccess.Write(stream.SafeFileHandle, "end"u8, 3_000_000);
            return RandomAccess.GetLength(stream.SafeFileHandle);
        });
        byte[] read = new byte[8];
        Show("read a hole", () => $"{RandomAccess.Read(stream.SafeFileHandle, read, 2_999_995)} {Convert.ToHexString(read)}");
        Show("read behind the end", () => RandomAccess.Read(stream.SafeFileHandle, read, 4_000_000));
        Show("scatter and gather", () =>
        {
            RandomAccess.Write(stream.SafeFileHandle, [Encoding.ASCII.GetBytes("one"), Encoding.ASCII.GetBytes("three")], 10);
            byte[][] parts = [new byte[2], new byte[4], new byte[2]];
            long count = RandomAccess.Read(stream.SafeFileHandle, [.. parts.Select(part => (Memory<byte>)part)], 10);
            return $"{count} {string.Join('|', parts.Select(part => Encoding.ASCII.GetString(part)))}";
        });
        Show("seek", () => $"{stream.Seek(-3, SeekOrigin.End)} {stream.ReadByte()} {stream.Seek(1, SeekOrigin.Current)}");
        Do("seek before the beginning", () => stream.Seek(-1, SeekOrigin.Begin));
        Do("a flush to disk", () => stream.Flush(flushToDisk: true));
    }

    private static void Mappings()
    {
        Show("a mapping makes its file longer", () =>
        {
            using MemoryMappedFile mapped = MemoryMappedFile.CreateFromFile(At("map"), FileMode.Create, null, 10_000);
            using MemoryMappedViewAccessor view = mapped.CreateViewAccessor();
            view.Write(9_999, (byte)'!');
            view.WriteArray(4_090, "across two pages"u8.ToArray(), 0, 16);
            return $"{new FileInfo(At("map")).Length} {view.Capacity} {view.ReadByte(9_999)}";
        });
        Show("the file has what was written", () => Encoding.ASCII.GetString(File.ReadAllBytes(At("map")), 4_090, 16));
        Show("the mapping has what the file is given", () =>
        {
            using FileStream stream = new(At("map"), FileMode.Open, FileAccess.ReadWrite);
            using MemoryMappedFile mapped = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
            using MemoryMappedViewAccessor view = mapped.CreateViewAccessor();
            RandomAccess.Write(stream.SafeFileHandle, "ACROSS"u8, 4_090);
            view.Write(4_097, (byte)'T');
            byte[] read = new byte[16];
            RandomAccess.Read(stream.SafeFileHandle, read, 4_090);
            return $"{(char)view.ReadByte(4_090)} {Encoding.ASCII.GetString(read)}";
        });
        Show("a private mapping keeps its changes", () =>
        {
            using MemoryMappedFile mapped = MemoryMappedFile.CreateFromFile(
                At("map"), FileMode.Open, null, 0, MemoryMappedFileAccess.CopyOnWrite);
            using MemoryMappedViewAccessor view = mapped.CreateViewAccessor(0, 0, MemoryMappedFileAccess.CopyOnWrite);
            view.Write(4_090, (byte)'x');
            return $"{(char)view.ReadByte(4_090)} {(char)File.ReadAllBytes(At("map"))[4_090]}";
        });
        Show("views of parts", () =>
        {
            using MemoryMappedFile mapped = MemoryMappedFile.CreateFromFile(At("map"));
            using MemoryMappedViewAccessor whole = mapped.CreateViewAccessor();
            using MemoryMappedViewStream part = mapped.CreateViewStream(5_000, 100);
            part.Write("part"u8);
            return $"{part.Length} {(char)whole.ReadByte(5_003)} {part.PointerOffset}";
        });
        Show("a mapping without its file", () =>
        {
            using MemoryMappedFile mapped = MemoryMappedFile.CreateFromFile(At("map"));
            using MemoryMappedViewAccessor view = mapped.CreateViewAccessor();
            File.Delete(At("map"));
            view.Write(1, (byte)'d');
            return $"{File.Exists(At("map"))} {(char)view.ReadByte(1)} {(char)view.ReadByte(9_999)}";
        });
        Show("memory that views share", () =>
        {
            using MemoryMappedFile mapped = MemoryMappedFile.CreateNew(null, 100_000);
            using MemoryMappedViewAccessor one = mapped.CreateViewAccessor();
            using MemoryMappedViewAccessor other = mapped.CreateViewAccessor(50_000, 1000);
            one.Write(50_500, 0x1234_5678_9abc_def0);
            return other.ReadInt64(500);
        });
        Do("map an empty file", () =>
        {
            File.WriteAllText(At("none"), "");
            MemoryMappedFile.CreateFromFile(At("none")).Dispose();
        });
        File.Delete(At("none"));
        Do("map what is missing", () => MemoryMappedFile.CreateFromFile(At("none")).Dispose());
        Do("write to a mapping that is read", () =>
        {
            using MemoryMappedFile mapped = MemoryMappedFile.CreateFromFile(At("e"), FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            mapped.CreateViewAccessor(0, 0, MemoryMappedFileAccess.ReadWrite).Dispose();
        });
    }

    private static void Shares()
    {
        File.WriteAllText(At("s"), "shared");
        foreach (FileShare first in (FileShare[])[FileShare.None, FileShare.Read, FileShare.ReadWrite])
        {
            foreach (FileAccess second in (FileAccess[])[FileAccess.Read, FileAccess.Write])
            {
                Do($"{second} beside {first}", () =>
                {
                    using FileStream one = new(At("s"), FileMode.Open, FileAccess.Read, first);
                    using FileStream other = new(At("s"), FileMode.Open, second, FileShare.ReadWrite);
                });
            }
        }

        Do("lock of a part", () =>
        {
            using FileStream stream = new(At("s"), FileMode.Open, FileAccess.ReadWrite);
            stream.Lock(0, 3);
            stream.Unlock(0, 3);
        });
    }

    private static void NamesOfAllKinds()
    {
        string directory = At("names");
        Directory.CreateDirectory(directory);
        foreach (string name in Names)
        {
            Do($"create a name of {name.Length}", () => File.WriteAllText(Path.Combine(directory, name), name));
        }

        Do("a name of 256 bytes", () => File.WriteAllText(Path.Combine(directory, new string('n', 256)), ""));
        Do("a path of 5000 bytes", () => File.WriteAllText(Path.Combine(directory, string.Concat(Enumerable.Repeat("d/", 2500))), ""));
        Show("all names", () => string.Join(' ', Directory.EnumerateFileSystemEntries(directory)
            .Select(Path.GetFileName).Order(StringComparer.Ordinal)));
        Show("all contents", () => Names.All(name => File.ReadAllText(Path.Combine(directory, name)) == name));
        Show("a pattern", () => Directory.GetFiles(directory, "*.*").Length);
    }

    private static void Directories()
    {
        Show("create below", () => Directory.CreateDirectory(At("x/y/z")).FullName);
        File.WriteAllText(At("x/y/f"), "f");
        Show("enumerate", () => string.Join(' ', Directory.EnumerateFileSystemEntries(At("x"), "*", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)));
        Do("delete what is not empty", () => Directory.Delete(At("x")));
        Do("delete a file as a directory", () => Directory.Delete(At("x/y/f")));
        Do("delete a directory as a file", () => File.Delete(At("x/y")));
        Do("create where a file is", () => Directory.CreateDirectory(At("x/y/f")));
        Do("create below a file", () => Directory.CreateDirectory(At("x/y/f/g")));
        Do("open a directory", () => File.OpenRead(At("x")).Dispose());
        Show("current directory", () =>
        {
            string before = Environment.CurrentDirectory;
            Environment.CurrentDirectory = At("x/y");
            string text = $"{File.ReadAllText("f")} {Path.GetFullPath("../f")} {Directory.GetCurrentDirectory()}";
            Environment.CurrentDirectory = before;
            return text;
        });
        Do("delete all", () => Directory.Delete(At("x"), recursive: true));
        Do("delete what is missing", () => Directory.Delete(At("x")));
    }

    private static void Moves()
    {
        Directory.CreateDirectory(At("m/n"));
        File.WriteAllText(At("m/f"), "f");
        File.WriteAllText(At("m/g"), "g");
        Do("move to a name that is free", () => File.Move(At("m/f"), At("m/h")));
        Do("move over another", () => File.Move(At("m/h"), At("m/g")));
        Do("move over another, allowed", () => File.Move(At("m/h"), At("m/g"), overwrite: true));
        Show("moved", () => $"{File.ReadAllText(At("m/g"))} {File.Exists(At("m/h"))}");
        Do("move what is missing", () => File.Move(At("m/h"), At("m/i")));
        Do("move into what is missing", () => File.Move(At("m/g"), At("none/g")));
        Do("move a directory", () => Directory.Move(At("m/n"), At("m/o")));
        Do("move a directory into itself", () => Directory.Move(At("m"), At("m/o/p")));
        Do("replace", () =>
        {
            File.WriteAllText(At("m/new"), "new");
            File.Replace(At("m/new"), At("m/g"), At("m/backup"));
        });
        Show("replaced", () => $"{File.ReadAllText(At("m/g"))} {File.ReadAllText(At("m/backup"))} {File.Exists(At("m/new"))}");
    }

    private static void Links()
    {
        File.WriteAllText(At("target"), "target");
        Show("link", () => File.CreateSymbolicLink(At("link"), "target").LinkTarget);
        Show("read by it", () => File.ReadAllText(At("link")));
        Show("its target", () => File.ResolveLinkTarget(At("link"), returnFinalTarget: true)?.FullName);
        Show("its attributes", () => File.GetAttributes(At("link")));
        Do("a link to itself", () => File.CreateSymbolicLink(At("loop"), "loop"));
        Do("read by that", () => File.ReadAllText(At("loop")));
        Do("delete the link", () => File.Delete(At("link")));
        Show("the target stays", () => File.Exists(At("target")));
    }

    private static void Times()
    {
        DateTime time = new(2011, 11, 11, 11, 11, 11, DateTimeKind.Utc);
        Show("set a time", () =>
        {
            File.SetLastWriteTimeUtc(At("target"), time);
            return File.GetLastWriteTimeUtc(At("target"));
        });
        Show("a write changes it", () =>
        {
            File.AppendAllText(At("target"), "!");
            return File.GetLastWriteTimeUtc(At("target")) > time;
        });
        Show("mode", () =>
        {
            File.SetUnixFileMode(At("target"), UnixFileMode.UserRead | UnixFileMode.GroupExecute);
            return File.GetUnixFileMode(At("target"));
        });
        Show("read-only", () =>
        {
            File.SetAttributes(At("target"), FileAttributes.ReadOnly);
            return File.GetAttributes(At("target"));
        });
    }

    private static void Refusals()
    {
        Do("read what is missing", () => File.ReadAllText(At("none")));
        Do("read below what is missing", () => File.ReadAllText(At("none/none")));
        Do("read below a file", () => File.ReadAllText(At("a/none")));
        Do("list what is missing", () => Directory.GetFiles(At("none")));
        Do("list a file", () => Directory.GetFiles(At("a")));
        Do("write to a reader", () => File.OpenRead(At("a")).WriteByte(1));
        Do("an empty path", () => File.ReadAllText(""));
        Do("a zero in a path", () => File.ReadAllText("a\0b"));
    }

    private static void SmallWrites()
    {
        Show("50000 small writes", () =>
        {
            using (FileStream stream = new(At("small"), FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0))
            {
                for (int i = 0; i < 50_000; i++)
                {
                    stream.Write([(byte)i, (byte)(i >> 8), (byte)(i >> 16)], 0, 1 + (i % 3));
                }
            }

            byte[] written = File.ReadAllBytes(At("small"));
            return $"{written.Length} {written.Select((value, i) => (long)value * (i % 1000)).Sum()}";
        });
        Show("1000 files", () =>
        {
            Directory.CreateDirectory(At("many"));
            for (int i = 0; i < 1000; i++)
            {
                File.WriteAllText(At($"many/{i}"), "");
            }

            return Directory.GetFiles(At("many")).Length;
        });
    }
}
