namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>An epoll set.</summary>
internal unsafe struct EventPoll
{
    /// <summary>The open file that the set is. Threads that wait for events wait for it.</summary>
    public OpenFile* File;

    /// <summary>All members.</summary>
    public EventPollMember* First;

    /// <summary>Members that have had an event and were not looked at since, the oldest first.</summary>
    public EventPollMember* FirstReady;

    public EventPollMember* LastReady;

    public int ReadyCount;

    /// <summary>Members that are the console, which does not notify sets: it is looked at before each wait.</summary>
    public int Consoles;

    /// <summary>Members that are sets.</summary>
    public int Sets;

    /// <summary>Sets that this one is a member of.</summary>
    public int Memberships;
}

/// <summary>An open file in an epoll set, under one of its descriptors.</summary>
internal unsafe struct EventPollMember
{
    public EventPoll* Set;
    public OpenFile* File;

    /// <summary>The descriptor under which the file was added. It may be closed while others of the file are open.</summary>
    public int Descriptor;

    /// <summary>EPOLL bits.</summary>
    public uint Events;

    /// <summary>The value returned to the program.</summary>
    public ulong Data;

    /// <summary>The neighbours in the set.</summary>
    public EventPollMember* Next;

    public EventPollMember* Previous;

    /// <summary>
    /// The next of the file's memberships, of which a file seldom has more than one. They are searched for a member in any case, so a link
    /// back would save nothing.
    /// </summary>
    public EventPollMember* NextOfFile;

    /// <summary>The neighbours among the set's ready members.</summary>
    public EventPollMember* NextReady;

    public EventPollMember* PreviousReady;

    public bool IsReady;

    /// <summary>The conditions at the last look, of a file that does not notify sets.</summary>
    public uint LastConditions;
}
