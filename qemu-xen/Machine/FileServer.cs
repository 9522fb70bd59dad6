using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Machine;

/// <summary>
/// Serves one directory of the host to a Linux that mounts it by 9P (the protocol 9P2000.L of Linux's fs/9p), over any stream. It supports
/// what scripts do with files: read, write, create, list, rename and remove; but no links, devices, locks or extended attributes.
/// Everything belongs to root.
/// </summary>
/// <param name="root">The directory. No name leads out of it, and symbolic links in it are not followed.</param>
internal sealed class FileServer(string root)
{
    /// <summary>As on Linux, an open file does not keep others from using it.</summary>
    private const FileShare Sharing = FileShare.ReadWrite | FileShare.Delete;

    private const uint LargestMessage = 256 * 1024;

    /// <summary>A message's size, type and tag, and what precedes the data in an answer.</summary>
    private const uint Overhead = FileMessageWriter.HeaderSize + sizeof(uint);

    private readonly Dictionary<uint, Entry> _entries = [];

    // A name is written before it is known whether it fits.
    private readonly FileMessageWriter _answer = new((int)LargestMessage + 1024);
    private uint _messageLimit = LargestMessage;

    /// <summary>Answers messages until the stream ends.</summary>
    public async Task ServeAsync(Stream stream, CancellationToken cancellationToken)
    {
        await using (stream)
        {
            byte[] message = new byte[LargestMessage];
            try
            {
                while (true)
                {
                    await stream.ReadExactlyAsync(message.AsMemory(0, FileMessageWriter.HeaderSize), cancellationToken);
                    uint size = BinaryPrimitives.ReadUInt32LittleEndian(message);
                    if (size is < FileMessageWriter.HeaderSize or > LargestMessage)
                    {
                        throw new InvalidDataException("A 9P message has an impossible size.");
                    }

                    int body = (int)size - FileMessageWriter.HeaderSize;
                    await stream.ReadExactlyAsync(message.AsMemory(FileMessageWriter.HeaderSize, body), cancellationToken);
                    await stream.WriteAsync(Answer(message.AsSpan(0, (int)size)), cancellationToken);
                }
            }
            catch (Exception e) when (e is IOException or InvalidDataException or OperationCanceledException)
            {
                // The other end has gone or violates the protocol: the mount has ended.
            }
            finally
            {
                foreach (Entry entry in _entries.Values)
                {
                    entry.Dispose();
                }

                _entries.Clear();
            }
        }
    }

    private ReadOnlyMemory<byte> Answer(ReadOnlySpan<byte> message)
    {
        byte type = message[4];
        ushort tag = BinaryPrimitives.ReadUInt16LittleEndian(message[5..]);
        int error;
        try
        {
            _answer.Begin();
            FileMessageReader body = new(message[FileMessageWriter.HeaderSize..]);
            if (Execute((FileMessageType)type, ref body))
            {
                // An answer's type is its request's plus one.
                return _answer.End((byte)(type + 1), tag);
            }

            error = LinuxErrno.EOPNOTSUPP;
        }
        catch (Exception e) when (LinuxErrno.Of(e) is { } number)
        {
            error = number;
        }

        _answer.Begin();
        _answer.UInt32((uint)error);
        return _answer.End((byte)FileMessageType.Error + 1, tag);
    }

    /// <summary>Executes a message and writes the answer. Returns false if its type is not supported.</summary>
    private bool Execute(FileMessageType type, ref FileMessageReader body)
    {
        switch (type)
        {
            case FileMessageType.Version:
                _messageLimit = Math.Min(body.UInt32(), LargestMessage);
                _answer.UInt32(_messageLimit);
                _answer.Text(body.Text() == "9P2000.L" ? "9P2000.L" : "unknown");
                return true;
            case FileMessageType.Attach:
                Attach(body.UInt32());
                return true;
            case FileMessageType.Walk:
                Walk(ref body);
                return true;
            case FileMessageType.GetAttributes:
                WriteAttributes(Find(body.UInt32()).Path);
                return true;
            case FileMessageType.SetAttributes:
                SetAttributes(ref body);
                return true;
            case FileMessageType.Open:
                Open(ref body);
                return true;
            case FileMessageType.Create:
                Create(ref body);
                return true;
            case FileMessageType.Read:
                Read(ref body);
                return true;
            case FileMessageType.Write:
                Write(ref body);
                return true;
            case FileMessageType.ReadDirectory:
                ReadDirectory(ref body);
                return true;
            case FileMessageType.MakeDirectory:
                string directory = Child(Find(body.UInt32()).Path, body.Text());
                Directory.CreateDirectory(ThrowIfThere(directory));
                WriteIdentity(directory);
                return true;
            case FileMessageType.RenameAt:
                string source = Existing(Child(Find(body.UInt32()).Path, body.Text()));
                string target = Child(Find(body.UInt32()).Path, body.Text());
                Rename(source, target);
                return true;
            case FileMessageType.UnlinkAt:
                Remove(Existing(Child(Find(body.UInt32()).Path, body.Text())));
                return true;
            case FileMessageType.Clunk:
                if (_entries.Remove(body.UInt32(), out Entry? done))
                {
                    done.Dispose();
                }

                return true;
            case FileMessageType.Flush:
                // Messages are answered in order, so the message that it names already has its answer.
                return true;
            case FileMessageType.Synchronize:
                // What was written is already in the host's file, which is all that anybody here reads.
                return true;
            default:
                return false;
        }
    }

    private void Attach(uint number)
    {
        SetEntry(number, new Entry(root));
        WriteIdentity(root);
    }

    private void Walk(ref FileMessageReader body)
    {
        Entry from = Find(body.UInt32());
        uint number = body.UInt32();
        ushort count = body.UInt16();
        string path = from.Path;
        List<string> passed = [];
        for (int i = 0; i < count; i++)
        {
            path = Child(path, body.Text());
            if (!File.Exists(path) && !Directory.Exists(path))
            {
                break;
            }

            passed.Add(path);
        }

        if (count > 0 && passed.Count == 0)
        {
            throw new FileNotFoundException(null, path);
        }

        if (passed.Count == count)
        {
            SetEntry(number, new Entry(path));
        }

        _answer.UInt16(passed.Count);
        passed.ForEach(WriteIdentity);
    }

    private void Open(ref FileMessageReader body)
    {
        Entry entry = Find(body.UInt32());
        uint flags = body.UInt32();
        if (!Directory.Exists(entry.Path))
        {
            OpenFile(entry, flags, FileMode.Open);
        }

        WriteIdentity(entry.Path);
        _answer.UInt32(0);
    }

    private void Create(ref FileMessageReader body)
    {
        uint number = body.UInt32();
        string path = Child(Find(number).Path, body.Text());
        uint flags = body.UInt32();
        uint mode = body.UInt32();
        Entry entry = new(path);
        OpenFile(entry, flags, (flags & OpenFlags.Exclusive) != 0 ? FileMode.CreateNew : FileMode.OpenOrCreate);
        File.SetUnixFileMode(path, OwnerCanAlways(mode));
        SetEntry(number, entry);
        WriteIdentity(path);
        _answer.UInt32(0);
    }

    private static void OpenFile(Entry entry, uint flags, FileMode mode)
    {
        FileAccess access = (flags & OpenFlags.AccessMask) switch
        {
            OpenFlags.WriteOnly => FileAccess.Write,
            OpenFlags.ReadWrite => FileAccess.ReadWrite,
            _ => FileAccess.Read,
        };
        entry.Handle = File.OpenHandle(Regular(entry.Path), mode, access, Sharing);
        entry.Appends = (flags & OpenFlags.Append) != 0;
        if ((flags & OpenFlags.Truncate) != 0)
        {
            RandomAccess.SetLength(entry.Handle, 0);
        }
    }

    private void Read(ref FileMessageReader body)
    {
        SafeFileHandle handle = Opened(body.UInt32()).Handle!;
        long offset = (long)body.UInt64();
        int room = (int)Math.Min(body.UInt32(), _messageLimit - Overhead);
        int start = _answer.Length;
        _answer.UInt32(0);
        int count = RandomAccess.Read(handle, _answer.Take(room), offset);
        _answer.SetUInt32(start, (uint)count);
        _answer.Length = start + sizeof(uint) + count;
    }

    private void Write(ref FileMessageReader body)
    {
        Entry entry = Opened(body.UInt32());
        long offset = (long)body.UInt64();
        uint count = body.UInt32();
        RandomAccess.Write(entry.Handle!, body.Bytes(count), entry.Appends ? RandomAccess.GetLength(entry.Handle!) : offset);
        _answer.UInt32(count);
    }

    private void ReadDirectory(ref FileMessageReader body)
    {
        Entry entry = Find(body.UInt32());
        ulong offset = body.UInt64();
        uint limit = Math.Min(body.UInt32(), _messageLimit - Overhead);

        // The list is made when it is read from its start, and stays the same until its end.
        if (offset == 0 || entry.Names is null)
        {
            IEnumerable<FileSystemInfo> served = new DirectoryInfo(entry.Path).EnumerateFileSystemInfos().Where(
                one => one.LinkTarget is null);
            entry.Names = [".", "..", .. served.Select(one => one.Name)];
        }

        _answer.UInt32(0);
        int start = _answer.Length;
        for (int i = (int)offset; i < entry.Names.Count; i++)
        {
            int before = _answer.Length;
            string name = entry.Names[i];
            string path = name is "." or ".." ? entry.Path : Path.Combine(entry.Path, name);
            WriteIdentity(path);
            _answer.UInt64((ulong)i + 1);
            _answer.Byte(Directory.Exists(path) ? DirectoryEntryType.Directory : DirectoryEntryType.File);
            _answer.Text(name);
            if (_answer.Length - start > limit)
            {
                _answer.Length = before;
                break;
            }
        }

        _answer.SetUInt32(start - sizeof(uint), (uint)(_answer.Length - start));
    }

    private void SetAttributes(ref FileMessageReader body)
    {
        string path = Existing(Find(body.UInt32()).Path);
        uint valid = body.UInt32();
        uint mode = body.UInt32();
        body.Bytes(2 * sizeof(uint));
        long size = (long)body.UInt64();
        if ((valid & AttributeFlags.Mode) != 0)
        {
            File.SetUnixFileMode(path, OwnerCanAlways(mode));
        }

        if ((valid & AttributeFlags.Size) != 0)
        {
            using SafeFileHandle handle = File.OpenHandle(Regular(path), FileMode.Open, FileAccess.Write, Sharing);
            RandomAccess.SetLength(handle, size);
        }
    }

    private static void Rename(string source, string target)
    {
        if (Directory.Exists(source))
        {
            Directory.Move(source, ThrowIfThere(target));
        }
        else
        {
            File.Move(source, target, overwrite: true);
        }
    }

    private static void Remove(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path);
        }
        else
        {
            File.Delete(path);
        }
    }

    private void WriteAttributes(string path)
    {
        const ulong BasicAttributes = 0x7FF;
        const ulong BlockSize = 4096;
        FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(Existing(path));
        ulong size = info is FileInfo file ? (ulong)file.Length : BlockSize;
        uint kind = info is FileInfo ? 0x8000u : 0x4000u;
        _answer.UInt64(BasicAttributes);
        WriteIdentity(path);
        _answer.UInt32(kind | (uint)info.UnixFileMode);
        _answer.UInt32(0);
        _answer.UInt32(0);
        _answer.UInt64(1);
        _answer.UInt64(0);
        _answer.UInt64(size);
        _answer.UInt64(BlockSize);
        _answer.UInt64((size + 511) / 512);
        ReadOnlySpan<DateTime> times = [info.LastAccessTimeUtc, info.LastWriteTimeUtc, info.LastWriteTimeUtc, DateTime.UnixEpoch];
        foreach (DateTime time in times)
        {
            TimeSpan since = time - DateTime.UnixEpoch;
            _answer.UInt64((ulong)(since.Ticks / TimeSpan.TicksPerSecond));
            _answer.UInt64((ulong)(since.Ticks % TimeSpan.TicksPerSecond) * 100);
        }

        _answer.UInt64(0);
        _answer.UInt64(0);
    }

    /// <summary>Writes a file's unique identity (a "qid"): its kind, its version, and a number computed from its path.</summary>
    private void WriteIdentity(string path)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(path), hash);
        _answer.Byte((byte)(Directory.Exists(path) ? 0x80 : 0));
        _answer.UInt32((uint)File.GetLastWriteTimeUtc(path).Ticks);
        _answer.UInt64(BinaryPrimitives.ReadUInt64LittleEndian(hash));
    }

    private string Child(string directory, string name)
    {
        if (name == "..")
        {
            return directory == root ? root : Path.GetDirectoryName(directory)!;
        }

        if (name.Length == 0 || name == "." || name.AsSpan().ContainsAny('/', '\0'))
        {
            throw new ArgumentException($"'{name}' is no name of a file.", nameof(name));
        }

        string path = Path.Combine(directory, name);
        return new FileInfo(path).LinkTarget is null ? path : throw new UnauthorizedAccessException($"{path} is a symbolic link.");
    }

    private Entry Find(uint number) =>
        _entries.GetValueOrDefault(number) ?? throw new ArgumentException($"There is no fid {number}.", nameof(number));

    private Entry Opened(uint number)
    {
        Entry entry = Find(number);
        return entry.Handle is not null ? entry : throw new ArgumentException($"The file of fid {number} is not open.", nameof(number));
    }

    private void SetEntry(uint number, Entry entry)
    {
        if (_entries.Remove(number, out Entry? before))
        {
            before.Dispose();
        }

        _entries.Add(number, entry);
    }

    private static string Existing(string path) =>
        File.Exists(path) || Directory.Exists(path) ? path : throw new FileNotFoundException(null, path);

    private static string ThrowIfThere(string path) =>
        File.Exists(path) || Directory.Exists(path) ? throw new IOException($"{path} exists.", LinuxErrno.EEXIST) : path;

    /// <summary>Opening a pipe would wait for its other end, and hold up every other message.</summary>
    private static string Regular(string path) =>
        !File.Exists(path) || (File.GetAttributes(path) & (FileAttributes.Device | FileAttributes.ReparsePoint)) == 0
            ? path
            : throw new UnauthorizedAccessException($"{path} is no regular file.");

    /// <summary>This process must be able to do for root in dom0 whatever root may do regardless of the mode.</summary>
    private static UnixFileMode OwnerCanAlways(uint mode) => (UnixFileMode)(mode & 0x1FF) | UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>What a client's number (a "fid") refers to.</summary>
    private sealed class Entry(string path) : IDisposable
    {
        public string Path => path;

        public SafeFileHandle? Handle { get; set; }

        public bool Appends { get; set; }

        public List<string>? Names { get; set; }

        public void Dispose() => Handle?.Dispose();
    }

    /// <summary>Open flags, P9_DOTL_* of include/net/9p/9p.h.</summary>
    private static class OpenFlags
    {
        public const uint AccessMask = 3;
        public const uint WriteOnly = 1;
        public const uint ReadWrite = 2;
        public const uint Exclusive = 0x80;
        public const uint Truncate = 0x200;
        public const uint Append = 0x400;
    }

    /// <summary>Attributes to set, P9_ATTR_* of fs/9p.</summary>
    private static class AttributeFlags
    {
        public const uint Mode = 1;
        public const uint Size = 8;
    }

    /// <summary>Kinds of directory entries, DT_* of dirent.h.</summary>
    private static class DirectoryEntryType
    {
        public const byte Directory = 4;
        public const byte File = 8;
    }
}
