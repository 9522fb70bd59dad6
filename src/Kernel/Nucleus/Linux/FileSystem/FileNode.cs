using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>What a name of the file system stands for.</summary>
internal enum NodeKind : uint
{
    Directory,
    File,
    Link,

    /// <summary>/dev/null.</summary>
    Null,

    /// <summary>/dev/urandom and /dev/random.</summary>
    Random,

    /// <summary>A file of /proc.</summary>
    Process,

    /// <summary>The program itself. It cannot be opened: its content lies in memory in another form.</summary>
    Program,
}

/// <summary>
/// A file, directory or link, Linux's inode and the one name that it has. What is in the image and what is in /tmp is made of the same
/// nodes; of a file in the image or in the ramdisk
/// <see cref="Content"/> points to where it lies, those of /tmp have pages.
/// </summary>
internal unsafe struct FileNode
{
    /// <summary>The length, and the content of a file in /tmp. First, so that <see cref="Of"/> finds the node.</summary>
    public FileData Data;

    public NodeKind Kind;

    /// <summary>Of a file of /proc: which.</summary>
    public ProcessFile ProcessFile;

    /// <summary>Whether it lies in /tmp, where everything can be changed.</summary>
    public bool IsWritable;

    /// <summary>Whether an entry of the domain's ramdisk names it.</summary>
    public bool IsOfRamdisk;

    /// <summary>The permission bits of st_mode.</summary>
    public uint Permissions;

    public ulong Number;

    /// <summary>Open files of the node, and the working directory. A node without a name lives as long as it has one.</summary>
    public int References;

    /// <summary>The directory that it is in; null for the root, and for what was removed.</summary>
    public FileNode* Parent;

    public byte* Name;
    public uint NameLength;

    /// <summary>The next node with the same hash.</summary>
    public FileNode* NextInBucket;

    /// <summary>Neighbours in the directory, in the order of <see cref="Position"/>.</summary>
    public FileNode* Previous;
    public FileNode* Next;

    /// <summary>Where getdents64 finds it in its directory.</summary>
    public ulong Position;

    /// <summary>Of a directory: what is in it, the last position given, and how many directories are in it.</summary>
    public FileNode* First;
    public FileNode* Last;
    public ulong LastPosition;
    public uint Directories;

    /// <summary>The content, if it lies in one piece: that of a file in the image, and the path of a link.</summary>
    public byte* Content;

    /// <summary>Nanoseconds since 1970-01-01 UTC.</summary>
    public ulong Accessed;
    public ulong Modified;
    public ulong Changed;

    /// <summary>Open files that hold the lock of flock, shared; the one that holds it alone.</summary>
    public int SharedLocks;
    public void* ExclusiveLock;
    public WaitQueue LockWaiters;

    /// <summary>The watches of inotify on this node.</summary>
    public NodeWatch* Watches;

    /// <summary>Of a file: its length. Of a link: that of the path that it has.</summary>
    public ulong Length
    {
        readonly get => Data.Length;
        set => Data.Length = value;
    }

    /// <summary>The most bytes that a read may find: more than there are where a text is made when it is read.</summary>
    public readonly ulong ReadableLength => Kind == NodeKind.Process ? ProcessFiles.Longest : Data.Length;

    /// <summary>The node that a content lies in.</summary>
    public static FileNode* Of(FileData* data) => (FileNode*)data;

    /// <summary>Whether the node has no name any more.</summary>
    public readonly bool IsRemoved => Name == null;
}
