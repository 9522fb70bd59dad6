using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Memory;

/// <summary>
/// A line on the console, and in the log, when the domain's memory is used up, once for the program's memory and once for its sockets'.
/// Without it who operates a domain that is too small sees only what its program makes of it: exceptions, or peers that hear nothing.
/// </summary>
internal static unsafe class MemoryNotice
{
    private const int MaximumLength = 256;

    private static bool s_isMappingTold;
    private static bool s_isSocketTold;

    /// <summary>A mapping of the program, or other rights to one, was asked for.</summary>
    /// <param name="error">What came of it; only ENOMEM is told.</param>
    /// <param name="length">Its length in bytes, a multiple of the page size.</param>
    public static void OnMapping(long error, ulong length)
    {
        if (error != -Errno.ENOMEM || s_isMappingTold)
        {
            return;
        }

        // There are other reasons to refuse one. It needs page tables too, one for 2 MiB and one for each level above.
        ulong tables = (length / Pages.LargeSize) + 3;
        if ((length / Pages.Size) + tables > MemoryCharge.Available)
        {
            s_isMappingTold = TryTell("the program was refused "u8, length, " KiB; "u8);
        }
    }

    /// <summary>A socket found no page for its data.</summary>
    /// <param name="inUse">The pages of all sockets.</param>
    public static void OnSocket(ulong inUse)
    {
        if (!s_isSocketTold)
        {
            s_isSocketTold = TryTell("sockets have "u8, inUse * Pages.Size, " KiB and find no more; "u8);
        }
    }

    /// <summary>Says it unless the console has no room, since the nucleus waits for nobody here.</summary>
    private static bool TryTell(ReadOnlySpan<byte> before, ulong bytes, ReadOnlySpan<byte> after)
    {
        if (!ConsoleDevice.CanWrite)
        {
            return false;
        }

        // The line itself is the log's; an end of what stands before it is the console's alone.
        byte* bytesOfLine = stackalloc byte[MaximumLength];
        ByteText line = new(bytesOfLine, MaximumLength);
        line.Write("\n"u8);
        line.Write("xenlet: the domain's memory is used up: "u8);
        line.Write(before);
        line.Write(bytes / 1024);
        line.Write(after);
        line.Write(FrameAllocator.FreeFrames * Pages.Size / 1024);
        line.Write(" KiB are free, "u8);
        line.Write(MemoryCharge.Promised * Pages.Size / 1024);
        line.Write(" of them promised\n"u8);
        ulong skipped = ConsoleDevice.IsInLine ? 0u : 1;
        _ = ConsoleDevice.Write(bytesOfLine + skipped, (ulong)line.Length - skipped);
        KernelLog.Write(bytesOfLine + 1, (nuint)line.Length - 1);
        return true;
    }
}
