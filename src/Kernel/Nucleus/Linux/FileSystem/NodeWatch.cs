using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>A node that an instance of inotify watches.</summary>
internal unsafe struct NodeWatch
{
    public FileNode* Node;
    public NodeWatch* NextOfNode;
    public WatchInstance* Instance;
    public NodeWatch* NextOfInstance;

    /// <summary>The watch descriptor.</summary>
    public int Number;

    /// <summary>Events of interest, and IN_ONESHOT.</summary>
    public uint Mask;
}

/// <summary>An instance of inotify: its watches, and the events that nobody has read yet.</summary>
internal unsafe struct WatchInstance
{
    public OpenFile* File;
    public NodeWatch* Watches;
    public int LastNumber;
    public WatchEvent* FirstEvent;
    public WatchEvent* LastEvent;
    public int Events;
}

/// <summary>An event that nobody has read yet.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WatchEvent
{
    public WatchEvent* Next;
    public inotify_event Head;
    public uint NameLength;
    public fixed byte Name[256];
}
