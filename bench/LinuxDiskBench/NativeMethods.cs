using System.Runtime.InteropServices;

namespace Xenlet.DiskBench;

/// <summary>The C library's functions for files, and the system calls of io_uring, which have none.</summary>
internal static unsafe partial class NativeMethods
{
    public const int O_RDWR = 2;
    public const int O_DIRECT = 0x4000;
    public const int SEEK_END = 2;
    public const int PROT_READ_WRITE = 3;
    public const int MAP_SHARED_POPULATE = 0x8001;

    public const long NR_io_uring_setup = 425;
    public const long NR_io_uring_enter = 426;
    public const long NR_io_uring_register = 427;

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(int file, long offset, int origin);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint ReadAt(int file, void* buffer, nint size, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint WriteAt(int file, void* buffer, nint size, long offset);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial void* Map(void* address, nint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    public static partial int Unmap(void* address, nint length);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial long SystemCall(long number, ulong a1, ulong a2, ulong a3, ulong a4, ulong a5, ulong a6);

    /// <summary>Maps a part of a file for reading and writing.</summary>
    public static void* MapShared(nint length, int file, long offset)
    {
        void* address = Map(null, length, PROT_READ_WRITE, MAP_SHARED_POPULATE, file, offset);
        return (nint)address != -1 ? address : throw new IOException($"mmap failed with errno {Marshal.GetLastPInvokeError()}.");
    }
}
