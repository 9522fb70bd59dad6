using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Xenlet.HostilePeer;

/// <summary>A device file of Linux below <c>/dev/xen</c>.</summary>
internal sealed unsafe partial class XenFile : IDisposable
{
    // Linux's fcntl.h, mman.h, poll.h.
    private const int OpenReadWrite = 2;
    private const int OpenCloseOnExec = 0x80000;
    private const int ProtectReadWrite = 3;
    private const int MapShared = 1;
    private const short PollIn = 1;
    private readonly int _descriptor;

    /// <exception cref="Win32Exception">Linux refused.</exception>
    public XenFile(string name) => _descriptor = Check(open("/dev/xen/" + name, OpenReadWrite | OpenCloseOnExec), "opening " + name);

    /// <summary>Takes the lowest priority, for this thread and those that it starts: dom0's own back ends share its processor.</summary>
    public static void BeNice() => _ = nice(19);

    /// <summary>The number of a call of asm-generic/ioctl.h without a direction, as Xen's devices have them.</summary>
    public static nuint CallNumber(char type, int number, int size) => (nuint)((size << 16) | (type << 8) | number);

    /// <summary>Makes a call of the device, and returns its result.</summary>
    /// <exception cref="Win32Exception">Linux refused.</exception>
    public int Call<T>(nuint number, ref T argument, string what)
        where T : unmanaged
    {
        fixed (T* pointer = &argument)
        {
            return Check(ioctl(_descriptor, number, pointer), what);
        }
    }

    /// <summary>The same; false where Linux refuses.</summary>
    public bool TryCall<T>(nuint number, ref T argument)
        where T : unmanaged
    {
        fixed (T* pointer = &argument)
        {
            return ioctl(_descriptor, number, pointer) >= 0;
        }
    }

    /// <summary>Maps a page of the file; null where Linux refuses.</summary>
    public void* TryMapPage(ulong offset)
    {
        void* address = mmap(null, MappedPage.Size, ProtectReadWrite, MapShared, _descriptor, (long)offset);
        return (nint)address == -1 ? null : address;
    }

    public static void UnmapPage(void* address) => _ = munmap(address, MappedPage.Size);

    /// <summary>Waits until there is something to read.</summary>
    public bool Wait(int milliseconds)
    {
        PollEntry entry = new() { Descriptor = _descriptor, Events = PollIn };
        return poll(&entry, 1, milliseconds) > 0;
    }

    public int Read(Span<byte> buffer)
    {
        fixed (byte* first = buffer)
        {
            return Check((int)read(_descriptor, first, (nuint)buffer.Length), "read");
        }
    }

    public void Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* first = buffer)
        {
            Check((int)write(_descriptor, first, (nuint)buffer.Length), "write");
        }
    }

    public void Dispose() => _ = close(_descriptor);

    private static int Check(int result, string what) =>
        result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError(), what);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int descriptor, nuint number, void* argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial void* mmap(void* address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc")]
    private static partial int munmap(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int descriptor, void* buffer, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int descriptor, void* buffer, nuint length);

    [LibraryImport("libc")]
    private static partial int poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);

    [LibraryImport("libc")]
    private static partial int nice(int increment);

    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
