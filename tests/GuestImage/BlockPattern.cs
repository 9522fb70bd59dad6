using System.Runtime.InteropServices;

namespace Xenlet.GuestImage;

/// <summary>
/// What a sector of a disk holds: its number, a seed and nothing else, mixed so that no two are alike. Guest and host compile this same
/// file.
/// </summary>
public static class BlockPattern
{
    /// <summary>Bytes of a sector.</summary>
    public const int SectorSize = 512;

    /// <summary>Fills whole sectors.</summary>
    /// <param name="sectors">Their bytes.</param>
    /// <param name="first">The first one's number.</param>
    /// <param name="seed">What distinguishes one filling from another.</param>
    public static void Fill(Span<byte> sectors, long first, int seed)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(sectors);
        ulong next = ((ulong)seed << 40) + ((ulong)first * (SectorSize / 8));
        for (int i = 0; i < words.Length; i++, next++)
        {
            ulong mixed = next * 0x9E3779B97F4A7C15;
            words[i] = mixed ^ (mixed >> 29);
        }
    }

    /// <summary>The number of the first sector that is not as <see cref="Fill"/> makes it, or -1.</summary>
    public static long FindDifference(ReadOnlySpan<byte> sectors, long first, int seed)
    {
        Span<byte> expected = stackalloc byte[SectorSize];
        for (int at = 0; at < sectors.Length; at += SectorSize, first++)
        {
            Fill(expected, first, seed);
            if (!sectors.Slice(at, SectorSize).SequenceEqual(expected))
            {
                return first;
            }
        }

        return -1;
    }
}
