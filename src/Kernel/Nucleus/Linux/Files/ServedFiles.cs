using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>
/// Files that the TCP/IP stack answers for (docs/sockets.md). The content is asked for when a file is opened, and stays what it was then.
/// </summary>
internal static unsafe class ServedFiles
{
    public static long Open(Thread* thread, byte* path, ulong length, uint flags)
    {
        long error = StackQueries.Ask(thread, SocketCall.ReadFile, 0, path, length, out Socket* content);
        if (error != 0)
        {
            return error;
        }

        long descriptor = (flags & FileTable.O_ACCMODE) == 0 ? FileTable.Open(FileKind.Served, flags, content) : -Errno.EROFS;
        if (descriptor < 0)
        {
            SocketLife.Release(content);
        }

        return descriptor;
    }

    public static long Status(Thread* thread, byte* path, ulong length, ulong address)
    {
        long error = StackQueries.Ask(thread, SocketCall.ReadFile, 0, path, length, out Socket* content);
        if (error == 0)
        {
            error = WriteStatus(content, address);
            SocketLife.Release(content);
        }

        return error;
    }

    /// <summary>Whether there is such a file. All of them can be read, and none written.</summary>
    public static long Access(Thread* thread, byte* path, ulong length, bool isToWrite)
    {
        long error = StackQueries.Ask(thread, SocketCall.ReadFile, 0, path, length, out Socket* content);
        if (error == 0)
        {
            SocketLife.Release(content);
            error = isToWrite ? -Errno.EROFS : 0;
        }

        return error;
    }

    public static long WriteStatus(Socket* content, ulong address) =>
        FileStatus.WriteRegular(address, content->Received.Count, content->ModifiedAt);
}
