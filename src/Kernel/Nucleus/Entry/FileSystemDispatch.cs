using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Entry;

/// <summary>The part of <see cref="SystemCallDispatch"/> for calls on paths, and on open files of the file system.</summary>
internal static unsafe class FileSystemDispatch
{
    /// <summary>Makes a call. Returns false if it is none of these.</summary>
    public static bool TryDispatch(Thread* thread, Frame* frame, out long result)
    {
        result = Dispatch(thread, frame, frame->Rdi, frame->Rsi, frame->Rdx, frame->R10, out bool isKnown);
        return isKnown;
    }

    private static long Dispatch(Thread* thread, Frame* frame, ulong a1, ulong a2, ulong a3, ulong a4, out bool isKnown)
    {
        const int current = PathWalk.AT_FDCWD;
        isKnown = true;
        switch ((int)frame->Vector)
        {
            case SystemCallNumber.Lseek:
                return LengthCalls.Seek((int)a1, (long)a2, (int)a3);
            case SystemCallNumber.Pread64:
                return NodeTransfers.At(thread, (int)a1, a2, a3, (long)a4, writes: false);
            case SystemCallNumber.Pwrite64:
                return NodeTransfers.At(thread, (int)a1, a2, a3, (long)a4, writes: true);
            case SystemCallNumber.Preadv:
                return NodeTransfers.VectorsAt((int)a1, a2, a3, (long)a4, writes: false);
            case SystemCallNumber.Pwritev:
                return NodeTransfers.VectorsAt((int)a1, a2, a3, (long)a4, writes: true);
            case SystemCallNumber.Getdents64:
                return DirectoryListing.Read((int)a1, a2, a3);
            case SystemCallNumber.Truncate:
                return LengthCalls.Truncate(a1, (long)a2);
            case SystemCallNumber.Ftruncate:
                return LengthCalls.TruncateOpen((int)a1, (long)a2);
            case SystemCallNumber.Fallocate:
                return LengthCalls.Allocate(thread, (int)a1, (uint)a2, (long)a3, (long)a4);
            case SystemCallNumber.Fsync:
            case SystemCallNumber.Fdatasync:
                return LengthCalls.Synchronise((int)a1);
            case SystemCallNumber.Syncfs:
                return FileTable.IsOpen((int)a1) ? 0 : -Errno.EBADF;
            case SystemCallNumber.Sync:
                return 0;
            case SystemCallNumber.MemfdCreate:
                return MemoryFiles.Create(a1, (uint)a2);
            case SystemCallNumber.Fadvise64:
                return LengthCalls.Advise((int)a1, (long)a3, (int)a4);
            case SystemCallNumber.Flock:
                return FileLocks.Lock(thread, (int)a1, (uint)a2);

            case SystemCallNumber.Getcwd:
                return WorkingDirectory.Get(a1, a2);
            case SystemCallNumber.Chdir:
                return PathCalls.ChangeDirectory(a1);
            case SystemCallNumber.Fchdir:
                return PathCalls.ChangeDirectoryTo((int)a1);
            case SystemCallNumber.Readlink:
                return PathCalls.ReadLink(current, a1, a2, a3);
            case SystemCallNumber.Readlinkat:
                return PathCalls.ReadLink((int)a1, a2, a3, a4);
            case SystemCallNumber.Access:
                return PathCalls.Access(thread, current, a1, (uint)a2);
            case SystemCallNumber.Faccessat:
            case SystemCallNumber.Faccessat2:
                return PathCalls.Access(thread, (int)a1, a2, (uint)a3);
            case SystemCallNumber.Statfs:
                return PathCalls.FileSystem(a1, a2);
            case SystemCallNumber.Fstatfs:
                return PathCalls.FileSystemOf((int)a1, a2);
            case SystemCallNumber.Statx:
                return PathCalls.ExtendedStatus((int)a1, a2, (uint)a3, frame->R8);

            case SystemCallNumber.Mkdir:
                return ChangeCalls.MakeDirectory(current, a1, (uint)a2);
            case SystemCallNumber.Mkdirat:
                return ChangeCalls.MakeDirectory((int)a1, a2, (uint)a3);
            case SystemCallNumber.Rmdir:
                return ChangeCalls.RemoveDirectory(current, a1);
            case SystemCallNumber.Unlink:
                return ChangeCalls.Remove(current, a1);
            case SystemCallNumber.Unlinkat:
                return ChangeCalls.RemoveAt((int)a1, a2, (uint)a3);
            case SystemCallNumber.Symlink:
                return ChangeCalls.MakeLink(a1, current, a2);
            case SystemCallNumber.Symlinkat:
                return ChangeCalls.MakeLink(a1, (int)a2, a3);
            case SystemCallNumber.Link:
                return ChangeCalls.MakeName(current, a1, current, a2);
            case SystemCallNumber.Linkat:
                return ChangeCalls.MakeName((int)a1, a2, (int)a3, a4);
            case SystemCallNumber.Rename:
                return RenameCalls.Rename(current, a1, current, a2, 0);
            case SystemCallNumber.Renameat:
                return RenameCalls.Rename((int)a1, a2, (int)a3, a4, 0);
            case SystemCallNumber.Renameat2:
                return RenameCalls.Rename((int)a1, a2, (int)a3, a4, (uint)frame->R8);
            case SystemCallNumber.Chmod:
                return ChangeCalls.ChangeMode(current, a1, (uint)a2);
            case SystemCallNumber.Fchmod:
                return ChangeCalls.ChangeModeOf((int)a1, (uint)a2);
            case SystemCallNumber.Fchmodat:
                return ChangeCalls.ChangeMode((int)a1, a2, (uint)a3);
            case SystemCallNumber.Utimensat:
                return TimeChanges.Set((int)a1, a2, a3, (uint)a4);
            case SystemCallNumber.Umask:
                return OpenCalls.SetMask((uint)a1);

            case SystemCallNumber.InotifyInit1:
                return Inotify.Create((uint)a1);
            case SystemCallNumber.InotifyAddWatch:
                return Inotify.AddWatch((int)a1, a2, (uint)a3);
            case SystemCallNumber.InotifyRmWatch:
                return Inotify.RemoveWatch((int)a1, (int)a2);

            default:
                isKnown = false;
                return -Errno.ENOSYS;
        }
    }
}
