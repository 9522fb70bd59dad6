using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>Files with a content and a position: texts of the image, and what the stack has given.</summary>
internal static unsafe class TextFiles
{
    private const int SEEK_SET = 0;
    private const int SEEK_CUR = 1;
    private const int SEEK_END = 2;

    public static ulong Length(OpenFile* file) =>
        file->Kind == FileKind.Served ? file->Socket->Received.Count : (ulong)KnownFiles.TextOf(file->Text).Length;

    /// <summary>Reads from where the last read has ended, into memory that may be written.</summary>
    public static long Read(OpenFile* file, byte* buffer, ulong count)
    {
        ulong part = Copy(file, file->Position, buffer, count);
        file->Position += part;
        return (long)part;
    }

    /// <summary>pread64.</summary>
    public static long ReadAt(int descriptor, ulong buffer, ulong count, long position)
    {
        long error = Find(descriptor, out OpenFile* file);
        if (error < 0)
        {
            return error;
        }

        if (position < 0)
        {
            return -Errno.EINVAL;
        }

        count = Math.Min(count, FileCalls.MAX_RW_COUNT);
        error = ProgramMemory.PrepareWrite(buffer, count);
        return error < 0 ? error : (long)Copy(file, (ulong)position, (byte*)buffer, count);
    }

    /// <summary>lseek.</summary>
    public static long Seek(int descriptor, long offset, int origin)
    {
        long error = Find(descriptor, out OpenFile* file);
        if (error < 0)
        {
            return error;
        }

        if (origin is not (SEEK_SET or SEEK_CUR or SEEK_END))
        {
            return -Errno.EINVAL;
        }

        ulong from = origin == SEEK_SET ? 0 : origin == SEEK_CUR ? file->Position : Length(file);
        long position = unchecked((long)from + offset);
        if (position < 0)
        {
            return offset < 0 ? -Errno.EINVAL : -Errno.EOVERFLOW;
        }

        file->Position = (ulong)position;
        return position;
    }

    /// <summary>Copies bytes from a position on, as far as there are any.</summary>
    public static ulong Copy(OpenFile* file, ulong position, byte* buffer, ulong count)
    {
        ulong length = Length(file);
        ulong part = position < length ? Math.Min(count, length - position) : 0;
        if (file->Kind == FileKind.Served)
        {
            ByteQueue.Copy(&file->Socket->Received, position, buffer, part);
            return part;
        }

        ReadOnlySpan<byte> text = KnownFiles.TextOf(file->Text);
        for (ulong i = 0; i < part; i++)
        {
            buffer[i] = text[(int)(position + i)];
        }

        return part;
    }

    private static long Find(int descriptor, out OpenFile* file)
    {
        file = FileTable.Get(descriptor);
        return file == null ? -Errno.EBADF : file->Kind is FileKind.Text or FileKind.Served ? 0 : -Errno.ESPIPE;
    }
}
