using System.Runtime.InteropServices;

namespace Xenlet.GuestImage;

/// <summary>
/// The content of a disk's sectors: the number and a seed, mixed so that no two sectors are equal. Guest and host compile this same file.
/// </summary>
public static class BlockPattern
{
    /// <summary>Bytes of a sector.</summary>
    public const int SectorSize = 512;

    /// <summary>Fills whole sectors.</summary>
    /// <param name="sectors">Their bytes.</param>
    /// <param name="first">The first one's number.</param>
    /// <param name="seed">Distinguishes this filling from others.</param>
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
