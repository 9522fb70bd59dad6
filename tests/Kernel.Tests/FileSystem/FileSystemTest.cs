using System.Text;

namespace Xenlet.Kernel.Tests;

/// <summary>A test of calls on files, with paths and buffers as a program has them.</summary>
public abstract unsafe class FileSystemTest : NucleusTest
{
    // asm-generic/fcntl.h
    protected const ulong O_RDONLY = 0;
    protected const ulong O_WRONLY = 1;
    protected const ulong O_RDWR = 2;
    protected const ulong O_CREAT = 0x40;
    protected const ulong O_EXCL = 0x80;
    protected const ulong O_TRUNC = 0x200;
    protected const ulong O_APPEND = 0x400;
    protected const ulong O_NONBLOCK = 0x800;

    private readonly ulong _first;
    private readonly ulong _second;

    protected FileSystemTest(ulong frames = DefaultFrames)
        : base(frames)
    {
        _first = Allocate(2);
        _second = Allocate(2);
        Buffer = Allocate(4);
    }

    /// <summary>Four pages of the program.</summary>
    protected ulong Buffer { get; }

    /// <summary>A path in the program's memory, until the next one.</summary>
    protected ulong Path(string path) => Put(_first, path);

    /// <summary>A path beside that of <see cref="Path"/>.</summary>
    protected ulong OtherPath(string path) => Put(_second, path);

    protected long Open(string path, ulong flags, ulong mode = 0x1b6) => Call(SystemCallNumber.Open, Path(path), flags, mode);

    protected static long Close(long descriptor) => Call(SystemCallNumber.Close, (ulong)descriptor);

    /// <summary>Makes a file with this content.</summary>
    protected void Create(string path, string content = "")
    {
        long descriptor = Open(path, O_CREAT | O_EXCL | O_WRONLY);
        Assert.True(descriptor >= 0, $"open of {path} gave {descriptor}");
        Assert.Equal(Encoding.UTF8.GetByteCount(content), Write(descriptor, content));
        Assert.Equal(0, Close(descriptor));
    }

    protected long Write(long descriptor, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        bytes.CopyTo(new Span<byte>((void*)Buffer, bytes.Length));
        return Call(SystemCallNumber.Write, (ulong)descriptor, Buffer, (ulong)bytes.Length);
    }

    /// <summary>What a read of at most so many bytes gives.</summary>
    protected string Read(long descriptor, int count = 4096)
    {
        long read = Call(SystemCallNumber.Read, (ulong)descriptor, Buffer, (ulong)count);
        Assert.True(read >= 0, $"read gave {read}");
        return Encoding.UTF8.GetString(Load(Buffer, (int)read));
    }

    /// <summary>A file's whole content.</summary>
    protected string Content(string path)
    {
        long descriptor = Open(path, O_RDONLY);
        Assert.True(descriptor >= 0, $"open of {path} gave {descriptor}");
        string content = Read(descriptor);
        Assert.Equal(0, Close(descriptor));
        return content;
    }

    /// <summary>What is in a directory, without "." and "..".</summary>
    protected string Entries(string path, ulong size = 4096)
    {
        ulong descriptor = (ulong)Open(path, O_RDONLY);
        IReadOnlyList<string> names = Listing.Names(count => Call(SystemCallNumber.Getdents64, descriptor, Buffer, count), Buffer, size);
        Assert.Equal(0, Close((long)descriptor));
        Assert.Equal([".", ".."], names.Take(2));
        return string.Join(' ', names.Skip(2));
    }

    /// <summary>The length of a file, from its status.</summary>
    protected long Length(string path)
    {
        Assert.Equal(0, Call(SystemCallNumber.Stat, Path(path), Buffer));
        return ((stat*)Buffer)->st_size;
    }

    private static ulong Put(ulong address, string path)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(path + "\0");
        bytes.CopyTo(new Span<byte>((void*)address, bytes.Length));
        return address;
    }
}
