using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <summary>
/// Rings for what connections have under way. A connection has one only while something is: most connections wait for their peers, and
/// would each keep one that it had once.
/// </summary>
internal sealed class SegmentRings
{
    private const int Smallest = 8;

    // Larger ones are left to the collector: they are of connections that send much at once, and not often empty.
    private const int Sizes = 4;

    // Of each size as many as have these entries together, some 12 KiB: a round of answers to as many connections makes no garbage.
    private const int EntriesKept = 512;

    private readonly ObjectPool<SentSegment[]>[] _kept = new ObjectPool<SentSegment[]>[Sizes];

    public SegmentRings()
    {
        for (int i = 0; i < Sizes; i++)
        {
            _kept[i] = new ObjectPool<SentSegment[]>(EntriesKept / (Smallest << i));
        }
    }

    /// <summary>A ring of twice as many entries as another one has, or the smallest.</summary>
    /// <param name="before">How many it has; 0 for none.</param>
    public SentSegment[] TakeLarger(int before)
    {
        int length = Math.Max(before * 2, Smallest);
        return SizeOf(length) is int size and < Sizes && _kept[size].TryTake(out SentSegment[]? ring) ? ring : new SentSegment[length];
    }

    /// <summary>A ring is empty, and nobody refers to it.</summary>
    public void Return(SentSegment[] ring)
    {
        if (SizeOf(ring.Length) is int size and < Sizes)
        {
            _kept[size].Return(ring);
        }
    }

    private static int SizeOf(int length) => int.Log2(length / Smallest);
}
