namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>The kinds of files that a descriptor can refer to.</summary>
internal enum FileKind : byte
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

    Directory,

    /// <summary>A file with content, of the image or in /tmp.</summary>
    Regular,

    /// <summary>A file whose content the TCP/IP stack gave when it was opened.</summary>
    Served,

    /// <summary>An epoll set.</summary>
    EventPoll,

    /// <summary>A counter of eventfd.</summary>
    EventCounter,

    Socket,

    /// <summary>An instance of inotify.</summary>
    Inotify,
}
