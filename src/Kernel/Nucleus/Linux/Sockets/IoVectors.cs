using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>The buffers of one call, as if they were one.</summary>
internal unsafe struct IoVectors
{
    private iovec _single;
    private iovec* _vectors;
    private ulong _count;

    // The buffer in which the last byte was looked for, and how many bytes lie before it.
    private ulong _current;
    private ulong _before;

    // sendfile: the bytes come from a file, from this position on.
    private OpenFile* _file;
    private ulong _position;

    /// <summary>Bytes of all buffers.</summary>
    public ulong Length;

    /// <summary>One buffer.</summary>
    public static void Load(IoVectors* buffers, ulong address, ulong length)
    {
        buffers->_single = new iovec { iov_base = address, iov_len = Math.Min(length, FileCalls.MAX_RW_COUNT) };
        buffers->_vectors = &buffers->_single;
        buffers->_count = 1;
        buffers->_file = null;
        buffers->_current = 0;
        buffers->_before = 0;
        buffers->Length = buffers->_single.iov_len;
    }

    /// <summary>The bytes of a file, as far as it goes.</summary>
    public static void LoadFile(IoVectors* buffers, OpenFile* file, ulong position, ulong length)
    {
        ulong end = FileContent.Length(file);
        Load(buffers, 0, position < end ? Math.Min(length, end - position) : 0);
        buffers->_file = file;
        buffers->_position = position;
    }

    /// <summary>An array of buffers in the program's memory.</summary>
    public static long Read(IoVectors* buffers, ulong vectors, ulong count)
    {
        if (count > FileCalls.UIO_MAXIOV)
        {
            return -Errno.EMSGSIZE;
        }

        long error = ProgramMemory.PrepareRead(vectors, count * (ulong)sizeof(iovec));
        if (error < 0)
        {
            return error;
        }

        buffers->_vectors = (iovec*)vectors;
        buffers->_count = count;
        buffers->_file = null;
        buffers->_current = 0;
        buffers->_before = 0;
        buffers->Length = 0;
        for (ulong i = 0; i < count; i++)
        {
            ulong length = buffers->_vectors[i].iov_len;
            if (length > long.MaxValue)
            {
                return -Errno.EINVAL;
            }

            buffers->Length = Math.Min(buffers->Length + length, FileCalls.MAX_RW_COUNT);
        }

        return 0;
    }

    /// <summary>Writes bytes of the buffers, behind the queue's last and so far behind it.</summary>
    /// <returns>The number of bytes; less than asked for if memory runs out; -EFAULT for a bad buffer, if nothing was written.</returns>
    public static long CopyToQueue(IoVectors* buffers, ulong skip, ulong length, ByteQueue* queue, ulong offset)
    {
        if (buffers->_file != null)
        {
            return CopyFile(buffers->_file, buffers->_position + skip, length, queue, offset);
        }

        ulong done = 0;
        while (done < length)
        {
            ulong address = Piece(buffers, skip + done, out ulong part);
            part = Math.Min(part, length - done);
            long error = ProgramMemory.PrepareRead(address, part);
            if (error < 0)
            {
                return done > 0 ? (long)done : error;
            }

            if (!ByteQueue.TryWrite(queue, offset + done, (byte*)address, part))
            {
                break;
            }

            done += part;
        }

        return (long)done;
    }

    private static long CopyFile(OpenFile* file, ulong position, ulong length, ByteQueue* queue, ulong offset)
    {
        const int most = 1024;
        byte* bytes = stackalloc byte[most];
        ulong done = 0;
        while (done < length)
        {
            ulong part = FileContent.Copy(file, position + done, bytes, Math.Min(length - done, most));
            if (part == 0 || !ByteQueue.TryWrite(queue, offset + done, bytes, part))
            {
                break;
            }

            done += part;
        }

        return (long)done;
    }

    /// <summary>Copies bytes of the queue to the buffers.</summary>
    public static long CopyFromQueue(IoVectors* buffers, ulong skip, ulong length, ByteQueue* queue, ulong offset)
    {
        ulong done = 0;
        while (done < length)
        {
            ulong address = Piece(buffers, skip + done, out ulong part);
            part = Math.Min(part, length - done);
            long error = ProgramMemory.PrepareWrite(address, part);
            if (error < 0)
            {
                return done > 0 ? (long)done : error;
            }

            ByteQueue.Copy(queue, offset + done, (byte*)address, part);
            done += part;
        }

        return (long)done;
    }

    /// <summary>Writes the first byte of the buffers.</summary>
    public static long CopyByte(IoVectors* buffers, byte value)
    {
        ulong address = Piece(buffers, 0, out _);
        long error = ProgramMemory.PrepareWrite(address, 1);
        if (error == 0)
        {
            *(byte*)address = value;
        }

        return error;
    }

    /// <summary>
    /// Where a byte of the buffers lies, and how many follow it there. A call goes through its bytes in order, so the search goes on where
    /// the last one ended: from the beginning each time, an array of a thousand buffers would cost half a million steps.
    /// </summary>
    private static ulong Piece(IoVectors* buffers, ulong position, out ulong length)
    {
        // Another thread of the program may have changed the array meanwhile.
        while (buffers->_current < buffers->_count
            && position - buffers->_before >= buffers->_vectors[buffers->_current].iov_len)
        {
            buffers->_before += buffers->_vectors[buffers->_current].iov_len;
            buffers->_current++;
        }

        bool isThere = buffers->_current < buffers->_count;
        ulong offset = position - buffers->_before;
        length = isThere ? buffers->_vectors[buffers->_current].iov_len - offset : 1;
        return isThere ? buffers->_vectors[buffers->_current].iov_base + offset : 0;
    }
}
