using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>All nodes, by directory and name.</summary>
internal static unsafe class FileTree
{
    // One frame of pointers.
    private const ulong Buckets = Pages.Size / 8;

    /// <summary>The positions before the first entry of a directory: "." and "..".</summary>
    public const ulong FirstPosition = 2;

    private static FileNode** s_buckets;
    private static Slab s_nodes;
    private static ulong s_lastNumber;

    public static FileNode* Root { get; private set; }

    /// <summary>Makes the root. Returns false if there is no memory for it.</summary>
    public static bool TryInitialise()
    {
        ulong frame = MemoryCharge.AllocateForNucleus();
        s_buckets = frame == 0 ? null : (FileNode**)DirectMap.Bytes(frame);
        Root = frame == 0 ? null : TryCreate(NodeKind.Directory, FileStatus.ReadSearchForAll);
        if (Root == null)
        {
            return false;
        }

        // Never given back. A name that is not null: the root was not removed.
        Root->References = 1;
        Root->Name = (byte*)Root;
        return true;
    }

    /// <summary>A node without a name; null if there is no memory for it.</summary>
    public static FileNode* TryCreate(NodeKind kind, uint permissions)
    {
        if (!s_nodes.TryReserve(1, sizeof(FileNode)))
        {
            return null;
        }

        FileNode* node = (FileNode*)s_nodes.Take(sizeof(FileNode));
        node->Kind = kind;
        node->Permissions = permissions;
        node->Number = ++s_lastNumber;
        node->LastPosition = FirstPosition - 1;
        return node;
    }

    /// <summary>What a directory has under a name, or null.</summary>
    public static FileNode* Find(FileNode* directory, byte* name, uint length)
    {
        FileNode* node = *Bucket(directory, name, length);
        while (node != null && !(node->Parent == directory && node->NameLength == length && IsName(node, name)))
        {
            node = node->NextInBucket;
        }

        return node;
    }

    /// <summary>Gives a node its name, whose memory then is the node's.</summary>
    public static void Insert(FileNode* directory, FileNode* node, byte* name, uint length)
    {
        node->Name = name;
        node->NameLength = length;
        node->Parent = directory;
        FileNode** bucket = Bucket(directory, name, length);
        node->NextInBucket = *bucket;
        *bucket = node;

        node->Position = ++directory->LastPosition;
        node->Next = null;
        node->Previous = directory->Last;
        if (directory->Last == null)
        {
            directory->First = node;
        }
        else
        {
            directory->Last->Next = node;
        }

        directory->Last = node;
        directory->Directories += node->Kind == NodeKind.Directory ? 1u : 0;
    }

    /// <summary>Takes a node's name away, whose memory then is the caller's.</summary>
    public static void Remove(FileNode* node)
    {
        FileNode* directory = node->Parent;
        FileNode** link = Bucket(directory, node->Name, node->NameLength);
        while (*link != node)
        {
            link = &(*link)->NextInBucket;
        }

        *link = node->NextInBucket;
        if (node->Previous == null)
        {
            directory->First = node->Next;
        }
        else
        {
            node->Previous->Next = node->Next;
        }

        if (node->Next == null)
        {
            directory->Last = node->Previous;
        }
        else
        {
            node->Next->Previous = node->Previous;
        }

        directory->Directories -= node->Kind == NodeKind.Directory ? 1u : 0;
        node->Name = null;
        node->Parent = null;
    }

    public static void Hold(FileNode* node) => node->References++;

    /// <summary>An open file of the node, or the working directory, has gone.</summary>
    public static void Release(FileNode* node)
    {
        node->References--;
        FreeIfUnused(node);
    }

    /// <summary>Frees a node that has neither a name, an open file nor a shared mapping.</summary>
    public static void FreeIfUnused(FileNode* node)
    {
        if (node->References > 0 || node->Data.Regions > 0 || node->Data.IsReleased || !node->IsRemoved)
        {
            return;
        }

        TemporaryFiles.FreeContent(node);
        s_nodes.Return(node, sizeof(FileNode), spare: 0);
    }

    /// <summary>Frees what is unused since its last mapping has gone.</summary>
    public static void FreeUnmapped()
    {
        for (FileData* data = FileData.TakeReleased(); data != null; data = FileData.TakeReleased())
        {
            FreeIfUnused(FileNode.Of(data));
        }
    }

    private static bool IsName(FileNode* node, byte* name)
    {
        uint i = 0;
        while (i < node->NameLength && node->Name[i] == name[i])
        {
            i++;
        }

        return i == node->NameLength;
    }

    /// <summary>The list of nodes with the hash of a name: FNV-1a of 64 bits, begun with the directory's number.</summary>
    private static FileNode** Bucket(FileNode* directory, byte* name, uint length)
    {
        const ulong prime = 0x100_0000_01b3;
        ulong hash = (0xcbf2_9ce4_8422_2325 ^ directory->Number) * prime;
        for (uint i = 0; i < length; i++)
        {
            hash = (hash ^ name[i]) * prime;
        }

        return s_buckets + ((hash ^ (hash >> 32)) % Buckets);
    }
}
