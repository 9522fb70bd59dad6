namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>The kinds of files that a descriptor can refer to. There is no file system.</summary>
internal enum FileKind : uint
{
    Closed,

    /// <summary>Standard input, output and error.</summary>
    Console,

    /// <summary>/dev/null.</summary>
    Null,

    /// <summary>/dev/urandom or /dev/random, which are the same.</summary>
    Random,

    PipeReader,
    PipeWriter,

    /// <summary>The root directory, which lists as empty.</summary>
    Directory,

    /// <summary>A file whose contents are in the image.</summary>
    Text,

    /// <summary>An epoll set.</summary>
    EventPoll,
}

/// <summary>An open file.</summary>
internal unsafe struct OpenFile
{
    public FileKind Kind;

    /// <summary>O_ flags as fcntl(F_GETFL) returns them.</summary>
    public uint Flags;

    /// <summary>The pipe, for either of its ends.</summary>
    public Pipe* Pipe;

    /// <summary>Where the next read of a text file begins.</summary>
    public ulong Position;

    /// <summary>The set of an epoll descriptor.</summary>
    public EventPoll* EventPoll;

    public readonly bool IsNonBlocking => (Flags & FileTable.O_NONBLOCK) != 0;
}
