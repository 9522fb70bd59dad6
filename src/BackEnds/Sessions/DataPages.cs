namespace Xenlet.BackEnds;

/// <summary>
/// The pages with data that all front ends of a driver have mapped together. The kernel maps 32,768 pages at most: were all of them taken
/// by pages that can be copied as well, no further ring could be mapped.
/// </summary>
/// <param name="maximum">The largest number.</param>
public sealed class DataPages(int maximum)
{
    private int _count;

    /// <summary>The number of pages.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Counts one more page.</summary>
    /// <returns>False if there are too many.</returns>
    internal bool TryAdd()
    {
        if (Interlocked.Increment(ref _count) <= maximum)
        {
            return true;
        }

        Remove(1);
        return false;
    }

    /// <summary>Pages are not mapped any more.</summary>
    internal void Remove(int count) => Interlocked.Add(ref _count, -count);
}
