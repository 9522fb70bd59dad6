using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>flock, which locks a file for an open file; and the locks of fcntl, which a process has against others.</summary>
internal static unsafe class FileLocks
{
    // asm-generic/fcntl.h
    private const uint LOCK_SH = 1;
    private const uint LOCK_EX = 2;
    private const uint LOCK_NB = 4;
    private const uint LOCK_UN = 8;
    private const short F_RDLCK = 0;
    private const short F_WRLCK = 1;
    private const short F_UNLCK = 2;

    public static long Lock(Thread* thread, int descriptor, uint operation)
    {
        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        uint kind = operation & ~LOCK_NB;
        if (file->Node == null || kind is not (LOCK_SH or LOCK_EX or LOCK_UN))
        {
            return -Errno.EINVAL;
        }

        // As on Linux, a lock of another kind is given up before the new one is asked for.
        if (file->Lock != kind)
        {
            Unlock(file);
        }

        if (kind == LOCK_UN || file->Lock == kind)
        {
            return 0;
        }

        FileNode* node = file->Node;
        if (node->ExclusiveLock != null || (kind == LOCK_EX && node->SharedLocks > 0))
        {
            if ((operation & LOCK_NB) != 0)
            {
                return -Errno.EAGAIN;
            }

            WaitQueue.Join(&node->LockWaiters, thread);
            Scheduler.Block(thread, WaitKind.FileLock, ulong.MaxValue, WaitEnd.Restartable);
            return CallResult.None;
        }

        file->Lock = (byte)kind;
        node->ExclusiveLock = kind == LOCK_EX ? file : null;
        node->SharedLocks += kind == LOCK_SH ? 1 : 0;
        return 0;
    }

    /// <summary>Gives up the lock of an open file, if it has one.</summary>
    public static void Unlock(OpenFile* file)
    {
        if (file->Lock == 0)
        {
            return;
        }

        FileNode* node = file->Node;
        node->SharedLocks -= file->Lock == LOCK_SH ? 1 : 0;
        node->ExclusiveLock = file->Lock == LOCK_EX ? null : node->ExclusiveLock;
        file->Lock = 0;
        WaitQueue.WakeAll(&node->LockWaiters);
    }

    /// <summary>F_GETLK: no other process holds a lock.</summary>
    public static long Ask(OpenFile* file, ulong address)
    {
        long error = Check(file, address);
        if (error == 0)
        {
            ((flock*)address)->l_type = F_UNLCK;
        }

        return error;
    }

    /// <summary>F_SETLK and F_SETLKW: no other process could hold a lock that is in the way.</summary>
    public static long Set(OpenFile* file, ulong address)
    {
        long error = Check(file, address);
        if (error != 0)
        {
            return error;
        }

        short type = ((flock*)address)->l_type;
        return type == F_UNLCK || NodeTransfers.Allows(file, writes: type == F_WRLCK) ? 0 : -Errno.EBADF;
    }

    private static long Check(OpenFile* file, ulong address)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(flock));
        return error != 0 ? error
            : file->Kind != FileKind.Regular || ((flock*)address)->l_type is not (F_RDLCK or F_WRLCK or F_UNLCK) ? -Errno.EINVAL : 0;
    }
}
