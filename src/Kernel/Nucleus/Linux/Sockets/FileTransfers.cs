using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>sendfile to a stream.</summary>
internal static unsafe class FileTransfers
{
    /// <summary>
    /// sendfile: as many bytes as there is room for; it waits only if there is none. Another target than a stream is EINVAL, whereupon
    /// callers read and write.
    /// </summary>
    public static long Send(Thread* thread, int descriptor, int from, ulong offsetAddress, ulong count)
    {
        OpenFile* file = FileTable.Get(from);
        if (file == null || FileTable.Get(descriptor) == null || !NodeTransfers.Allows(file, writes: false))
        {
            return -Errno.EBADF;
        }

        bool isStream = SocketCalls.Find(descriptor, out Socket* socket) == 0 && socket->Kind == SocketKind.Stream;
        if (!isStream || !FileContent.Has(file))
        {
            return -Errno.EINVAL;
        }

        long error = offsetAddress == 0 ? 0 : ProgramMemory.PrepareWrite(offsetAddress, sizeof(long));
        if (error < 0)
        {
            return error;
        }

        long position = offsetAddress == 0 ? (long)file->Position : *(long*)offsetAddress;
        if (position < 0)
        {
            return -Errno.EINVAL;
        }

        IoVectors bytes;
        IoVectors.LoadFile(&bytes, file, (ulong)position, count);
        if (bytes.Length == 0)
        {
            return 0;
        }

        long sent = SocketTransfers.Send(thread, descriptor, &bytes, SocketTransfers.MSG_DONTWAIT, 0, 0);
        if (sent == -Errno.EAGAIN && !socket->File->IsNonBlocking)
        {
            return SocketTransfers.Wait(thread, socket, socket->Options->SendTimeout, 0);
        }

        if (sent > 0 && offsetAddress != 0)
        {
            *(long*)offsetAddress = position + sent;
        }
        else if (sent > 0)
        {
            file->Position = (ulong)(position + sent);
        }

        return sent;
    }
}
