using System.Globalization;

namespace Xenlet.DiskBench;

/// <summary>A number of equal operations on a disk.</summary>
/// <param name="IsWrite">They write; otherwise they read.</param>
/// <param name="IsRandom">Each is at a place that has nothing to do with the last one's; otherwise each follows the last one.</param>
/// <param name="Size">Bytes of one of them.</param>
/// <param name="Depth">How many are in flight at a time.</param>
/// <param name="Count">How many there are.</param>
internal sealed record Work(bool IsWrite, bool IsRandom, int Size, int Depth, int Count)
{
    /// <summary>Reads the words <c>read|write sequential|random SIZE DEPTH COUNT</c>.</summary>
    /// <exception cref="ArgumentException">They are others.</exception>
    public static Work Parse(ReadOnlySpan<string> words) => words switch
    {
        [("read" or "write") and var kind, ("sequential" or "random") and var order, var size, var depth, var count] =>
            new(kind == "write", order == "random", Number(size), Number(depth), Number(count)),
        _ => throw new ArgumentException($"'{string.Join(' ', words!)}' is no work."),
    };

    /// <summary>
    /// Where an operation is, in bytes from the beginning of a disk; the same for the same number on every kind of guest.
    /// </summary>
    /// <param name="number">The operation, from 0.</param>
    /// <param name="length">Bytes of the disk.</param>
    public long OffsetOf(int number, long length)
    {
        ulong places = (ulong)(length / Size);
        ulong place = IsRandom ? Mix((ulong)number) : (ulong)number;
        return (long)(place % places) * Size;
    }

    /// <summary>The finaliser of SplitMix64: neighbouring numbers give values that have nothing to do with each other.</summary>
    private static ulong Mix(ulong value)
    {
        value += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }

    private static int Number(string word) => int.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);
}
