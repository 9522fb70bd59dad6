using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>An open file: what open, pipe2 and the like make, and what all duplicates of a descriptor share.</summary>
internal unsafe struct OpenFile
{
    public FileKind Kind;

    /// <summary>The lock of flock that the file has: LOCK_SH, LOCK_EX, or 0.</summary>
    public byte Lock;

    /// <summary>Descriptors of the file, of which there are no more than <see cref="FileTable.Capacity"/>.</summary>
    public ushort References;

    /// <summary>O_ flags as fcntl(F_GETFL) returns them.</summary>
    public uint Flags;

    /// <summary>The pipe, the epoll set, the socket, the stack's answer, the instance of inotify or the node, or null.</summary>
    public void* Thing;

    /// <summary>Where the next read or write of a file begins, or the listing of a directory goes on; the value of a counter.</summary>
    public ulong Position;

    /// <summary>Threads that wait for a change of the file, if the file is all that can change: not for a pipe or the console.</summary>
    public WaitQueue Waiters;

    /// <summary>The members of epoll sets that this file is.</summary>
    public EventPollMember* Memberships;

    public readonly Pipe* Pipe => (Pipe*)Thing;

    public readonly EventPoll* EventPoll => (EventPoll*)Thing;

    public readonly Socket* Socket => (Socket*)Thing;

    public readonly WatchInstance* Watching => (WatchInstance*)Thing;

    /// <summary>The node of the file system that was opened, or null.</summary>
    public readonly FileNode* Node =>
        Kind is FileKind.Regular or FileKind.Directory or FileKind.Null or FileKind.Random ? (FileNode*)Thing : null;

    public readonly bool IsNonBlocking => (Flags & FileTable.O_NONBLOCK) != 0;
}
