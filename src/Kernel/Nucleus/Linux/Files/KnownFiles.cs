using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>The paths that exist, and what they are.</summary>
internal enum KnownPath
{
    None,

    /// <summary>"/" and ".".</summary>
    Root,

    /// <summary>/dev/null.</summary>
    Null,

    /// <summary>/dev/urandom and /dev/random.</summary>
    Random,

    /// <summary>/etc/passwd, which names user 0: Environment.UserName reads it.</summary>
    UserDatabase,

    /// <summary>The program itself: Environment.ProcessPath reads the link. It cannot be opened.</summary>
    Program,
}

/// <summary>There is no file system. These few names exist because the base library asks for them.</summary>
internal static class KnownFiles
{
    /// <summary>The content of /etc/passwd (passwd(5)): everything runs as root.</summary>
    public static ReadOnlySpan<byte> UserDatabase => "root:x:0:0:root:/:\n"u8;

    /// <summary>The program's path (AT_EXECFN), with a terminating 0.</summary>
    public static ReadOnlySpan<byte> ProgramPath => "/xenlet\0"u8;

    /// <summary>Looks a path up.</summary>
    public static KnownPath Find(ReadOnlySpan<byte> path) =>
        Bytes.AreEqual(path, "/"u8) || Bytes.AreEqual(path, "."u8) ? KnownPath.Root
        : Bytes.AreEqual(path, "/dev/null"u8) ? KnownPath.Null
        : Bytes.AreEqual(path, "/dev/urandom"u8) || Bytes.AreEqual(path, "/dev/random"u8) ? KnownPath.Random
        : Bytes.AreEqual(path, "/etc/passwd"u8) ? KnownPath.UserDatabase
        : Bytes.AreEqual(path, ProgramPath[..^1]) ? KnownPath.Program
        : KnownPath.None;
}
