using System.Runtime.InteropServices;

namespace Xenlet.GuestBench;

/// <summary>The C library's thin wrappers of system calls, bound when the program is linked.</summary>
internal static unsafe partial class NativeMethods
{
    private const int SYS_futex = 202;
    private const int FUTEX_WAIT_PRIVATE = 128;
    private const int FUTEX_WAKE_PRIVATE = 129;
    private const int PROT_READ = 1;
    private const int PROT_WRITE = 2;
    private const int MAP_PRIVATE = 2;
    private const int MAP_ANONYMOUS = 0x20;

    /// <summary>A system call that does nothing; without the collector's bookkeeping around it, which would be measured too.</summary>
    [LibraryImport("libc", EntryPoint = "getppid"), SuppressGCTransition]
    public static partial int GetParentProcessId();

    /// <summary>A write of no bytes, likewise.</summary>
    [LibraryImport("libc", EntryPoint = "write"), SuppressGCTransition]
    public static partial nint Write(int descriptor, byte* bytes, nint count);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);

    /// <summary>Makes a pipe: the end to read from, then the end to write to.</summary>
    [LibraryImport("libc", EntryPoint = "pipe2")]
    public static partial int MakePipe(int* descriptors, int flags);

    [LibraryImport("libc", EntryPoint = "sched_yield")]
    public static partial int Yield();

    /// <summary>Blocks while <paramref name="word"/> is 0; may return although it still is.</summary>
    public static void FutexWaitWhileZero(int* word) => SystemCall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, 0);

    /// <summary>Wakes one thread that waits for <paramref name="word"/>.</summary>
    public static void FutexWake(int* word) => SystemCall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, 0);

    /// <summary>Wakes nobody: no thread waits for <paramref name="word"/>. Without the collector's bookkeeping.</summary>
    public static void FutexWakeNobody(int* word) => ShortSystemCall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, 0);

    /// <summary>Reserves memory whose pages come when they are touched.</summary>
    public static byte* Map(nint size)
    {
        nint address = MemoryMap(null, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return address == -1
            ? throw new InvalidOperationException($"mmap of {size} bytes failed with errno {Marshal.GetLastSystemError()}.")
            : (byte*)address;
    }

    [LibraryImport("libc", EntryPoint = "munmap")]
    public static partial int Unmap(byte* address, nint size);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint MemoryMap(void* address, nint size, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "syscall"), SuppressGCTransition]
    private static partial long ShortSystemCall(long number, int* word, long operation, long value, nint timeout);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long SystemCall(long number, int* word, long operation, long value, nint timeout);
}
