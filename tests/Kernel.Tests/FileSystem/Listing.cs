using System.Text;

namespace Xenlet.Kernel.Tests;

/// <summary>What getdents64 has written.</summary>
internal static unsafe class Listing
{
    /// <summary>Lists a directory from its descriptor's position to the end.</summary>
    /// <param name="read">Makes the call with a buffer of this size.</param>
    /// <param name="buffer">The buffer's address.</param>
    /// <param name="size">The buffer's size.</param>
    public static IReadOnlyList<string> Names(Func<ulong, long> read, ulong buffer, ulong size = 4096)
    {
        List<string> names = [];
        for (long count = read(size); count != 0; count = read(size))
        {
            Assert.True(count > 0, $"getdents64 gave {count}");
            for (ulong at = buffer; at < buffer + (ulong)count; at += *(ushort*)(at + 16))
            {
                // struct linux_dirent64 (linux/dirent.h): d_reclen at 16, d_name at 19.
                names.Add(Encoding.UTF8.GetString(new ReadOnlySpan<byte>((byte*)at + 19, 256)).Split('\0')[0]);
            }
        }

        return names;
    }
}
