using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>Where a path leads.</summary>
internal unsafe struct FoundPath
{
    /// <summary>What the path names, or null: its last component does not exist.</summary>
    public FileNode* Node;

    /// <summary>The directory that has the last component, or would have it; null if that is "/", "." or "..".</summary>
    public FileNode* Directory;

    /// <summary>The last component, in the caller's memory or in that of a link.</summary>
    public byte* Name;
    public uint NameLength;

    /// <summary>Whether a slash follows the last component: it has to be a directory.</summary>
    public bool HasSlash;
}

/// <summary>Follows paths from directory to directory (path_resolution(7)).</summary>
internal static unsafe class PathWalk
{
    /// <summary>The directory of a call that has none: the working directory (linux/fcntl.h).</summary>
    public const int AT_FDCWD = -100;

    /// <summary>linux/limits.h.</summary>
    public const ulong PATH_MAX = 4096;

    // linux/namei.h
    private const int MAXSYMLINKS = 40;

    /// <summary>Finds what a path in the program's memory names.</summary>
    /// <param name="descriptor">The directory from which a path without a leading slash begins, or <see cref="AT_FDCWD"/>.</param>
    /// <param name="path">Address of the path.</param>
    /// <param name="follows">Whether a link that is the last component is followed.</param>
    /// <param name="found">What was found. The result is 0 as well if nothing but the last component is missing.</param>
    /// <returns>0 or a negative errno.</returns>
    public static long Find(int descriptor, ulong path, bool follows, out FoundPath found)
    {
        found = default;
        long length = ProgramMemory.StringLength(path, PATH_MAX);
        if (length <= 0)
        {
            return length < 0 ? length : -Errno.ENOENT;
        }

        FileNode* start = WorkingDirectory.Current;
        if (*(byte*)path != '/' && descriptor != AT_FDCWD)
        {
            OpenFile* file = FileTable.Get(descriptor);
            if (file == null || file->Kind != FileKind.Directory)
            {
                return file == null ? -Errno.EBADF : -Errno.ENOTDIR;
            }

            start = file->Node;
        }

        int links = 0;
        return Walk(start, (byte*)path, (uint)length, follows, ref links, out found);
    }

    /// <summary>As <see cref="Find"/>, for what has to exist.</summary>
    public static long FindNode(int descriptor, ulong path, bool follows, out FileNode* node)
    {
        long error = Find(descriptor, path, follows, out FoundPath found);
        node = found.Node;
        return error != 0 ? error : node == null ? -Errno.ENOENT : 0;
    }

    private static long Walk(FileNode* start, byte* path, uint length, bool follows, ref int links, out FoundPath found)
    {
        found = default;
        found.Node = *path == '/' ? FileTree.Root : start;
        uint at = SkipSlashes(path, 0, length);
        while (at < length)
        {
            uint begin = at;
            while (at < length && path[at] != '/')
            {
                at++;
            }

            uint next = SkipSlashes(path, at, length);
            long error = Step(ref found, path + begin, at - begin, next < length, next > at, follows, ref links);
            if (error != 0 || found.Node == null)
            {
                return error;
            }

            at = next;
        }

        return 0;
    }

    /// <summary>From a directory to what it has under a name.</summary>
    private static long Step(ref FoundPath found, byte* name, uint length, bool goesOn, bool hasSlash, bool follows, ref int links)
    {
        FileNode* directory = found.Node;
        if (directory->Kind != NodeKind.Directory)
        {
            return -Errno.ENOTDIR;
        }

        found.Name = name;
        found.NameLength = length;
        found.HasSlash = hasSlash;
        if (IsDots(name, length))
        {
            found.Directory = null;
            found.Node = length == 2 && directory->Parent != null ? directory->Parent : directory;
            return 0;
        }

        if (length > NodeNames.NAME_MAX)
        {
            return -Errno.ENAMETOOLONG;
        }

        FileNode* node = FileTree.Find(directory, name, length);
        found.Directory = directory;
        found.Node = node;
        if (node == null)
        {
            return goesOn ? -Errno.ENOENT : 0;
        }

        if (node->Kind == NodeKind.Link && (goesOn || hasSlash || follows))
        {
            if (++links > MAXSYMLINKS)
            {
                return -Errno.ELOOP;
            }

            long error = Walk(directory, node->Content, (uint)node->Length, follows: true, ref links, out found);
            if (error != 0 || found.Node == null)
            {
                return error != 0 ? error : goesOn ? -Errno.ENOENT : 0;
            }

            found.HasSlash |= hasSlash;
        }

        return hasSlash && found.Node->Kind != NodeKind.Directory ? -Errno.ENOTDIR : 0;
    }

    private static uint SkipSlashes(byte* path, uint at, uint length)
    {
        while (at < length && path[at] == '/')
        {
            at++;
        }

        return at;
    }

    private static bool IsDots(byte* name, uint length) =>
        name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'));
}
