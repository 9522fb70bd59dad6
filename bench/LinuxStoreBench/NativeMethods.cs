using System.Runtime.InteropServices;

namespace Xenlet.StoreBench;

/// <summary>libxenstore, as <c>xenstore.h</c> declares it.</summary>
internal static unsafe partial class NativeMethods
{
    private const string Library = "libxenstore.so.4";

    [LibraryImport(Library, EntryPoint = "xs_open")]
    public static partial nint Open(ulong flags);

    [LibraryImport(Library, EntryPoint = "xs_close")]
    public static partial void Close(nint store);

    /// <summary>Gives memory to be freed, or null.</summary>
    [LibraryImport(Library, EntryPoint = "xs_read")]
    public static partial void* Read(nint store, uint transaction, byte* path, out uint length);

    [LibraryImport(Library, EntryPoint = "xs_write")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool Write(nint store, uint transaction, byte* path, byte* value, uint length);

    [LibraryImport(Library, EntryPoint = "xs_watch")]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool Watch(nint store, byte* path, byte* token);

    /// <summary>Waits for an event; gives memory to be freed, or null.</summary>
    [LibraryImport(Library, EntryPoint = "xs_read_watch")]
    public static partial byte** ReadWatch(nint store, out uint count);

    [LibraryImport("libc", EntryPoint = "free")]
    public static partial void Free(void* memory);
}
