namespace Xenlet.Kernel.Nucleus;

/// <summary>All that a file descriptor can be here: there is no file system.</summary>
internal enum FileKind : uint
{
    Closed,

    /// <summary>Standard input, output and error.</summary>
    Console,

    /// <summary>/dev/null.</summary>
    Null,

    /// <summary>/dev/urandom and /dev/random, which are the same.</summary>
    Random,

    PipeReader,
    PipeWriter,
}

/// <summary>An open file.</summary>
internal unsafe struct OpenFile
{
    public FileKind Kind;

    /// <summary>O_ flags as fcntl(F_GETFL) gives them.</summary>
    public uint Flags;

    public Pipe* Pipe;

    public readonly bool IsNonBlocking => (Flags & Files.O_NONBLOCK) != 0;
}
