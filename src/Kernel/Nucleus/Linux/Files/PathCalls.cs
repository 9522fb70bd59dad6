using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>Calls that name a file. Only the files of <see cref="KnownFiles"/> exist, and nothing can be created.</summary>
internal static unsafe class PathCalls
{
    private const uint AT_EMPTY_PATH = 0x1000;
    private const ulong PATH_MAX = 4096;

    public static long Open(Thread* thread, ulong path, uint flags)
    {
        long error = Find(thread, path, out KnownPath known, out long length);
        if (error != 0)
        {
            return error;
        }

        switch (known)
        {
            case KnownPath.Null:
                return FileTable.Open(FileKind.Null, flags, null);
            case KnownPath.Random:
                return FileTable.Open(FileKind.Random, flags, null);
            case KnownPath.Root:
                return (flags & FileTable.O_ACCMODE) == 0 ? FileTable.Open(FileKind.Directory, flags, null) : -Errno.EISDIR;
            case KnownPath.UserDatabase:
            case KnownPath.NameServices:
            case KnownPath.HostConfiguration:
            case KnownPath.Hosts:
                return (flags & FileTable.O_ACCMODE) == 0 ? FileTable.Open(FileKind.Text, flags, (void*)(ulong)known) : -Errno.EROFS;
            case KnownPath.Served:
                return ServedFiles.Open(thread, (byte*)path, (ulong)length, flags);
            case KnownPath.Program:
                return -Errno.EACCES;
            default:
                return (flags & FileTable.O_CREAT) != 0 ? -Errno.EROFS : -Errno.ENOENT;
        }
    }

    public static long Status(Thread* thread, ulong path, ulong address)
    {
        long error = Find(thread, path, out KnownPath known, out long length);
        return error != 0 ? error : known switch
        {
            KnownPath.None => -Errno.ENOENT,
            KnownPath.Served => ServedFiles.Status(thread, (byte*)path, (ulong)length, address),
            KnownPath.Program => FileStatus.Write(address, FileStatus.S_IFREG | FileStatus.ReadSearchForAll),
            KnownPath.Root => FileStatus.Write(address, FileStatus.S_IFDIR | FileStatus.ReadSearchForAll),
            KnownPath.Null or KnownPath.Random => FileStatus.Write(address, FileStatus.S_IFCHR | FileStatus.ReadWriteForAll),
            _ => FileStatus.WriteRegular(address, (ulong)KnownFiles.TextOf(known).Length, 0),
        };
    }

    public static long StatusAt(Thread* thread, int descriptor, ulong path, ulong address, uint flags)
    {
        bool isEmpty = (flags & AT_EMPTY_PATH) != 0 && ProgramMemory.StringLength(path, 1) == 0;
        return isEmpty ? FileCalls.Status(descriptor, address) : Status(thread, path, address);
    }

    public static long WorkingDirectory(ulong buffer, ulong size)
    {
        if (size < 2)
        {
            return -Errno.ERANGE;
        }

        long error = ProgramMemory.PrepareWrite(buffer, 2);
        if (error < 0)
        {
            return error;
        }

        *(ushort*)buffer = '/';
        return 2;
    }

    /// <summary>readlink: no existing file is a link.</summary>
    public static long ReadLink(ulong path)
    {
        long error = Find(null, path, out KnownPath known, out _);
        return error != 0 ? error : known == KnownPath.None ? -Errno.ENOENT : -Errno.EINVAL;
    }

    /// <summary>access: every existing file can be read, and the devices can be written.</summary>
    public static long Access(Thread* thread, ulong path, uint mode)
    {
        const uint W_OK = 2;
        long error = Find(thread, path, out KnownPath known, out long length);
        return error != 0 ? error : known switch
        {
            KnownPath.None => -Errno.ENOENT,
            KnownPath.Null or KnownPath.Random => 0,
            KnownPath.Served => ServedFiles.Access(thread, (byte*)path, (ulong)length, (mode & W_OK) != 0),
            _ => (mode & W_OK) != 0 ? -Errno.EROFS : 0,
        };
    }

    /// <summary>getdents64: the root directory lists as empty.</summary>
    public static long List(int descriptor)
    {
        OpenFile* file = FileTable.Get(descriptor);
        return file == null ? -Errno.EBADF : file->Kind == FileKind.Directory ? 0 : -Errno.ENOTDIR;
    }

    /// <summary>A call that needs a file that could exist: none does, and those in /dev cannot be changed.</summary>
    public static long Missing(ulong path)
    {
        long error = Find(null, path, out KnownPath known, out _);
        return error != 0 ? error : known == KnownPath.None ? -Errno.ENOENT : -Errno.EROFS;
    }

    private static long Find(Thread* thread, ulong path, out KnownPath known, out long length)
    {
        length = 0;
        if (thread != null && thread->IsRetry)
        {
            // Only the stack's files are waited for: the answer has come, whatever the path's bytes or the stack are now.
            known = KnownPath.Served;
            return 0;
        }

        known = KnownPath.None;
        length = ProgramMemory.StringLength(path, PATH_MAX);
        if (length < 0)
        {
            return length;
        }

        ReadOnlySpan<byte> text = new((byte*)path, (int)length);
        known = KnownFiles.Find(text);
        return 0;
    }
}
