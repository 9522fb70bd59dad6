using System.Diagnostics.CodeAnalysis;

namespace Xenlet.Net.Base;

/// <summary>Objects that nobody uses for now, the last one first. For one thread.</summary>
/// <param name="limit">How many are kept; more are left to the collector.</param>
internal sealed class ObjectPool<T>(int limit)
    where T : class
{
    private const int SmallestCapacity = 4;

    // The structure spares each store the look at the array's own type.
    private Place[] _places = [];
    private int _count;

    /// <summary>Takes the one that was given back last.</summary>
    public bool TryTake([NotNullWhen(true)] out T? taken)
    {
        Place[] places = _places;
        int last = _count - 1;
        if ((uint)last >= (uint)places.Length)
        {
            taken = null;
            return false;
        }

        _count = last;
        taken = places[last].Object!;
        places[last].Object = null;
        return true;
    }

    /// <summary>Nobody uses an object any more.</summary>
    public void Return(T unused)
    {
        int count = _count;
        if (count == _places.Length)
        {
            if (count == limit)
            {
                return;
            }

            Array.Resize(ref _places, (int)Math.Clamp(count * 2L, SmallestCapacity, limit));
        }

        _places[count].Object = unused;
        _count = count + 1;
    }

    private struct Place
    {
        public T? Object;
    }
}
