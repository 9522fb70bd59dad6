using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Sockets;

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

    /// <summary>/etc/nsswitch.conf and /etc/host.conf: how glibc looks names up.</summary>
    NameServices,
    HostConfiguration,

    /// <summary>/etc/hosts as it is without a TCP/IP stack.</summary>
    Hosts,

    /// <summary>What the TCP/IP stack knows of, and whether there is such a file at all.</summary>
    Served,

    /// <summary>The program itself: Environment.ProcessPath reads the link. It cannot be opened.</summary>
    Program,
}

/// <summary>There is no file system. These few names exist because the base library asks for them.</summary>
internal static class KnownFiles
{
    /// <summary>The content of /etc/passwd (passwd(5)): everything runs as root.</summary>
    public static ReadOnlySpan<byte> UserDatabase => "root:x:0:0:root:/:\n"u8;

    /// <summary>The content of a text. nsswitch.conf names the two modules that glibc's static library has.</summary>
    public static ReadOnlySpan<byte> TextOf(KnownPath text) => text switch
    {
        KnownPath.UserDatabase => UserDatabase,
        KnownPath.NameServices => "hosts: files dns\n"u8,
        KnownPath.HostConfiguration => "multi on\n"u8,
        _ => "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 xenlet\n"u8,
    };

    /// <summary>The program's path (AT_EXECFN), with a terminating 0.</summary>
    public static ReadOnlySpan<byte> ProgramPath => "/xenlet\0"u8;

    /// <summary>Looks a path up.</summary>
    public static KnownPath Find(ReadOnlySpan<byte> path) =>
        Bytes.AreEqual(path, "/"u8) || Bytes.AreEqual(path, "."u8) ? KnownPath.Root
        : Bytes.AreEqual(path, "/dev/null"u8) ? KnownPath.Null
        : Bytes.AreEqual(path, "/dev/urandom"u8) || Bytes.AreEqual(path, "/dev/random"u8) ? KnownPath.Random
        : Bytes.AreEqual(path, "/etc/passwd"u8) ? KnownPath.UserDatabase
        : Bytes.AreEqual(path, ProgramPath[..^1]) ? KnownPath.Program
        : Bytes.AreEqual(path, "/etc/nsswitch.conf"u8) ? KnownPath.NameServices
        : Bytes.AreEqual(path, "/etc/host.conf"u8) ? KnownPath.HostConfiguration
        : StackRequests.IsServed && IsServedFolder(path) ? KnownPath.Root
        : StackRequests.IsServed && IsServed(path) ? KnownPath.Served
        : Bytes.AreEqual(path, "/etc/hosts"u8) ? KnownPath.Hosts
        : KnownPath.None;

    /// <summary>Whether a path is one that the stack may have a file for.</summary>
    private static bool IsServed(ReadOnlySpan<byte> path) =>
        Bytes.AreEqual(path, "/etc/hosts"u8) || Bytes.AreEqual(path, "/etc/resolv.conf"u8)
        || Bytes.StartsWith(path, "/proc/net/"u8) || Bytes.StartsWith(path, "/proc/sys/net/"u8)
        || Bytes.StartsWith(path, "/sys/class/net/"u8);

    /// <summary>Folders of such files. As the root, they list as empty; .NET opens the last two, and counts no folder in them.</summary>
    private static bool IsServedFolder(ReadOnlySpan<byte> path) =>
        Bytes.AreEqual(path, "/proc/net"u8) || Bytes.AreEqual(path, "/sys/class/net"u8)
        || Bytes.AreEqual(path, "/proc/sys/net/ipv4/conf"u8) || Bytes.AreEqual(path, "/proc/sys/net/ipv6/conf"u8);
}
