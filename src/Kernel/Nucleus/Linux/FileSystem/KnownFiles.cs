using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>The names that exist in every guest: what the base library asks for, the directory of the program, and /tmp.</summary>
internal static unsafe class KnownFiles
{
    private const uint EverythingSticky = 0x3ff; // 01777

    /// <summary>The content of /etc/passwd (passwd(5)): everything runs as root.</summary>
    public static ReadOnlySpan<byte> UserDatabase => "root:x:0:0:root:/:\n"u8;

    /// <summary>The program's path (AT_EXECFN), with a terminating 0. Its directory has what the image has of files.</summary>
    public static ReadOnlySpan<byte> ProgramPath => "/app/xenlet\0"u8;

    /// <summary>Makes the tree. The working directory is that of the program. Returns false if there is no memory for it.</summary>
    public static bool TryInitialise()
    {
        if (!FileTree.TryInitialise())
        {
            return false;
        }

        FileNode* root = FileTree.Root;
        FileNode* devices = TryAddDirectory(root, "dev"u8);
        FileNode* settings = TryAddDirectory(root, "etc"u8);
        FileNode* processes = TryAddDirectory(root, "proc"u8);
        FileNode* self = TryAddDirectory(processes, "self"u8);
        FileNode* program = TryAddDirectory(root, "app"u8);
        FileNode* temporary = TryAdd(root, "tmp"u8, NodeKind.Directory, EverythingSticky);
        FileNode* sharedMemory = TryAdd(devices, "shm"u8, NodeKind.Link, FileStatus.Everything);
        FileNode* executable = TryAdd(self, "exe"u8, NodeKind.Link, FileStatus.Everything);
        if (TryAdd(devices, "null"u8, NodeKind.Null, FileStatus.ReadWriteForAll) == null
            || TryAdd(devices, "random"u8, NodeKind.Random, FileStatus.ReadWriteForAll) == null
            || TryAdd(devices, "urandom"u8, NodeKind.Random, FileStatus.ReadWriteForAll) == null
            || TryAdd(program, "xenlet"u8, NodeKind.Program, FileStatus.ReadSearchForAll) == null
            || temporary == null || executable == null || sharedMemory == null || !TryAddTexts(settings) || !TryAddServed(root, processes)
            || !TryAddProcess(processes, self))
        {
            return false;
        }

        SetContent(executable, ProgramPath[..^1]);

        // Where glibc's shm_open makes its files (shm_overview(7)).
        SetContent(sharedMemory, "/tmp"u8);
        temporary->IsWritable = true;
        TemporaryFiles.Root = temporary;
        TemporaryFiles.SetDefaultLimit();
        WorkingDirectory.Set(program);
        return ImageFiles.TryAdd(program);
    }

    /// <summary>
    /// Files of /etc. nsswitch.conf names the two modules that glibc's static library has; of hosts, the TCP/IP stack has another one.
    /// </summary>
    private static bool TryAddTexts(FileNode* directory) =>
        TryAddText(directory, "passwd"u8, UserDatabase)
        && TryAddText(directory, "nsswitch.conf"u8, "hosts: files dns\n"u8)
        && TryAddText(directory, "host.conf"u8, "multi on\n"u8)
        && TryAddText(directory, "hosts"u8, "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 xenlet\n"u8);

    /// <summary>
    /// Directories of files that the TCP/IP stack answers for (<see cref="ServedFiles"/>), which list as empty: .NET opens them, and counts
    /// no directory in them.
    /// </summary>
    private static bool TryAddServed(FileNode* root, FileNode* processes)
    {
        FileNode* ofKernel = TryAddDirectory(TryAddDirectory(processes, "sys"u8), "net"u8);
        return TryAddDirectory(processes, "net"u8) != null
            && TryAddDirectory(TryAddDirectory(ofKernel, "ipv4"u8), "conf"u8) != null
            && TryAddDirectory(TryAddDirectory(ofKernel, "ipv6"u8), "conf"u8) != null
            && TryAddDirectory(TryAddDirectory(TryAddDirectory(root, "sys"u8), "class"u8), "net"u8) != null;
    }

    /// <summary>Files about the machine and the process, which is number 1.</summary>
    private static bool TryAddProcess(FileNode* processes, FileNode* self)
    {
        FileNode* number = TryAdd(processes, "1"u8, NodeKind.Link, FileStatus.Everything);
        if (number != null)
        {
            SetContent(number, "self"u8);
        }

        return number != null
            && TryAddProcess(processes, "meminfo"u8, ProcessFile.Memory)
            && TryAddProcess(processes, "uptime"u8, ProcessFile.Uptime)
            && TryAddProcess(self, "stat"u8, ProcessFile.Statistics)
            && TryAddProcess(self, "statm"u8, ProcessFile.MemoryStatistics)
            && TryAddProcess(self, "status"u8, ProcessFile.Status);
    }

    private static bool TryAddProcess(FileNode* directory, ReadOnlySpan<byte> name, ProcessFile file)
    {
        FileNode* node = TryAdd(directory, name, NodeKind.Process, FileStatus.ReadForAll);
        if (node != null)
        {
            node->ProcessFile = file;
        }

        return node != null;
    }

    private static FileNode* TryAddDirectory(FileNode* directory, ReadOnlySpan<byte> name) =>
        TryAdd(directory, name, NodeKind.Directory, FileStatus.ReadSearchForAll);

    private static bool TryAddText(FileNode* directory, ReadOnlySpan<byte> name, ReadOnlySpan<byte> content)
    {
        FileNode* file = TryAdd(directory, name, NodeKind.File, FileStatus.ReadForAll);
        if (file == null)
        {
            return false;
        }

        SetContent(file, content);
        return true;
    }

    /// <summary>Adds what cannot be changed. Returns null if there is no memory for it, or no directory.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="name">Its name, which stays where it is for ever.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="permissions">Its permission bits.</param>
    public static FileNode* TryAdd(FileNode* directory, ReadOnlySpan<byte> name, NodeKind kind, uint permissions)
    {
        FileNode* node = directory == null ? null : FileTree.TryCreate(kind, permissions);
        if (node != null)
        {
            FileTree.Insert(directory, node, Address(name), (uint)name.Length);
        }

        return node;
    }

    private static void SetContent(FileNode* node, ReadOnlySpan<byte> content)
    {
        node->Content = Address(content);
        node->Length = (ulong)content.Length;
    }

    /// <summary>Of bytes in the image, which do not move.</summary>
    private static byte* Address(ReadOnlySpan<byte> bytes) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(bytes));
}
