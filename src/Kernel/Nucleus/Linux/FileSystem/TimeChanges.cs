using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>utimensat.</summary>
internal static unsafe class TimeChanges
{
    // linux/stat.h
    private const long UTIME_NOW = (1 << 30) - 1;
    private const long UTIME_OMIT = (1 << 30) - 2;

    private const ulong NanosecondsPerSecond = 1_000_000_000;

    /// <param name="at">A directory, or the file itself where there is no path.</param>
    /// <param name="path">Address of a path, or 0.</param>
    /// <param name="times">Address of two times, of access and of modification; 0 for now.</param>
    /// <param name="flags">AT_SYMLINK_NOFOLLOW or 0.</param>
    public static long Set(int at, ulong path, ulong times, uint flags)
    {
        ulong now = Clock.RealTime();
        ulong accessed = now;
        ulong modified = now;
        bool setsAccessed = true;
        bool setsModified = true;
        if (times != 0)
        {
            long error = ProgramMemory.PrepareRead(times, 2 * (ulong)sizeof(timespec));
            if (error < 0)
            {
                return error;
            }

            timespec* both = (timespec*)times;
            if (!TryRead(both[0], now, out accessed, out setsAccessed) || !TryRead(both[1], now, out modified, out setsModified))
            {
                return -Errno.EINVAL;
            }
        }

        long result = Find(at, path, flags, out FileNode* node);
        if (result != 0)
        {
            return result;
        }

        if (!node->IsWritable)
        {
            return -Errno.EROFS;
        }

        node->Accessed = setsAccessed ? accessed : node->Accessed;
        node->Modified = setsModified ? modified : node->Modified;
        node->Changed = now;
        NodeEvents.Tell(node, NodeEvents.IN_ATTRIB);
        return 0;
    }

    private static long Find(int at, ulong path, uint flags, out FileNode* node)
    {
        if (path != 0)
        {
            return PathWalk.FindNode(at, path, follows: (flags & PathCalls.AT_SYMLINK_NOFOLLOW) == 0, out node);
        }

        OpenFile* file = FileTable.Get(at);
        node = file == null ? null : file->Node;
        return file == null ? -Errno.EBADF : node == null ? -Errno.EINVAL : 0;
    }

    /// <summary>Times before 1970 are taken for 1970, which is all that a node can have.</summary>
    private static bool TryRead(timespec time, ulong now, out ulong nanoseconds, out bool isSet)
    {
        isSet = time.tv_nsec != UTIME_OMIT;
        nanoseconds = now;
        if (time.tv_nsec is UTIME_NOW or UTIME_OMIT)
        {
            return true;
        }

        if (time.tv_nsec < 0 || (ulong)time.tv_nsec >= NanosecondsPerSecond)
        {
            return false;
        }

        ulong seconds = Math.Min((ulong)Math.Max(time.tv_sec, 0), (ulong.MaxValue / NanosecondsPerSecond) - 1);
        nanoseconds = (seconds * NanosecondsPerSecond) + (ulong)time.tv_nsec;
        return true;
    }
}
