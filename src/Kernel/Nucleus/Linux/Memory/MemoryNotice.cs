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

    /// <summary>A mapping of the program, or one that it wanted to write to, was refused.</summary>
    /// <param name="length">Its length in bytes, a multiple of the page size.</param>
    public static void OnMapping(ulong length)
    {
        // There are other reasons to refuse one. It needs page tables too, one for 2 MiB and one for each level above.
        ulong tables = (length / Pages.LargeSize) + 3;
        if ((length / Pages.Size) + tables > MemoryCharge.Available && !s_isMappingTold)
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

        byte* line = stackalloc byte[MaximumLength];
        byte* end = line;
        if (ConsoleDevice.IsInLine)
        {
            *end++ = (byte)'\n';
        }

        byte* start = end;
        Append(ref end, "xenlet: the domain's memory is used up: "u8);
        Append(ref end, before);
        AppendKibibytes(ref end, bytes);
        Append(ref end, after);
        AppendKibibytes(ref end, FrameAllocator.FreeFrames * Pages.Size);
        Append(ref end, " KiB are free, "u8);
        AppendKibibytes(ref end, MemoryCharge.Promised * Pages.Size);
        Append(ref end, " of them promised\n"u8);
        _ = ConsoleDevice.Write(line, (ulong)(end - line));
        KernelLog.Write(start, (nuint)(end - start));
        return true;
    }

    private static void AppendKibibytes(ref byte* end, ulong bytes) => end += Digits.WriteDecimal(bytes / 1024, end);

    private static void Append(ref byte* end, ReadOnlySpan<byte> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            *end++ = text[i];
        }
    }
}
