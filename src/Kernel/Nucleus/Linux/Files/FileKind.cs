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

    /// <summary>A file whose content is in the image.</summary>
    Text,

    /// <summary>A file whose content the TCP/IP stack gave when it was opened.</summary>
    Served,

    /// <summary>An epoll set.</summary>
    EventPoll,

    /// <summary>A counter of eventfd.</summary>
    EventCounter,

    Socket,
}
