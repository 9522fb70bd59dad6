namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>Tells watches what happens in /tmp. Elsewhere nothing ever does.</summary>
internal static unsafe class NodeEvents
{
    // linux/inotify.h
    public const uint IN_MODIFY = 2;
    public const uint IN_ATTRIB = 4;
    public const uint IN_CLOSE_WRITE = 8;
    public const uint IN_MOVED_FROM = 0x40;
    public const uint IN_MOVED_TO = 0x80;
    public const uint IN_CREATE = 0x100;
    public const uint IN_DELETE = 0x200;
    public const uint IN_DELETE_SELF = 0x400;
    public const uint IN_MOVE_SELF = 0x800;
    public const uint IN_IGNORED = 0x8000;
    public const uint IN_ISDIR = 0x4000_0000;

    /// <summary>Events of a name, of which the node itself is not told.</summary>
    private const uint OfNames = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

    private static uint s_lastCookie;

    /// <summary>Something has happened to a node: those who watch its directory are told its name.</summary>
    public static void Tell(FileNode* node, uint mask) => Tell(node, mask, 0);

    /// <summary>A node is about to lose its name for another.</summary>
    /// <returns>What connects the two events.</returns>
    public static uint TellMovedFrom(FileNode* node)
    {
        s_lastCookie = s_lastCookie == uint.MaxValue ? 1 : s_lastCookie + 1;
        Tell(node, IN_MOVED_FROM, s_lastCookie);
        return s_lastCookie;
    }

    public static void TellMovedTo(FileNode* node, uint cookie)
    {
        Tell(node, IN_MOVED_TO, cookie);
        TellWatches(node, IN_MOVE_SELF | DirectoryBit(node), 0, null);
    }

    /// <summary>A node has no name any more: nobody can watch it.</summary>
    public static void End(FileNode* node)
    {
        TellWatches(node, IN_DELETE_SELF, 0, null);
        while (node->Watches != null)
        {
            Inotify.Remove(node->Watches);
        }
    }

    private static void Tell(FileNode* node, uint mask, uint cookie)
    {
        uint all = mask | DirectoryBit(node);
        if ((mask & OfNames) == 0)
        {
            TellWatches(node, all, cookie, null);
        }

        if (node->Parent != null)
        {
            TellWatches(node->Parent, all, cookie, node);
        }
    }

    private static void TellWatches(FileNode* watched, uint mask, uint cookie, FileNode* named)
    {
        NodeWatch* watch = watched->Watches;
        while (watch != null)
        {
            // The watch may end with its event.
            NodeWatch* next = watch->NextOfNode;
            Inotify.Add(watch, mask, cookie, named);
            watch = next;
        }
    }

    private static uint DirectoryBit(FileNode* node) => node->Kind == NodeKind.Directory ? IN_ISDIR : 0;
}
