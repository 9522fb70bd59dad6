namespace Xenlet.Drivers.Block;

/// <summary>The fragments that wait to be sent, in order. It allocates only when it grows.</summary>
internal sealed class FragmentQueue
{
    private BlockFragment[] _items = new BlockFragment[16];
    private int _first;

    public int Count { get; private set; }

    /// <summary>The next fragment to send.</summary>
    public ref BlockFragment First => ref _items[_first];

    public void AddLast(BlockFragment fragment)
    {
        Grow();
        _items[(_first + Count++) & (_items.Length - 1)] = fragment;
    }

    public void AddFirst(BlockFragment fragment)
    {
        Grow();
        _first = (_first - 1) & (_items.Length - 1);
        Count++;
        First = fragment;
    }

    public BlockFragment RemoveFirst()
    {
        BlockFragment first = First;
        First = default;
        _first = (_first + 1) & (_items.Length - 1);
        Count--;
        return first;
    }

    /// <summary>Removes an operation's fragments, and returns their number.</summary>
    public int Remove(BlockOperation operation)
    {
        int count = Count;
        int removed = 0;
        for (int i = 0; i < count; i++)
        {
            BlockFragment fragment = RemoveFirst();
            if (fragment.Operation == operation)
            {
                removed++;
            }
            else
            {
                AddLast(fragment);
            }
        }

        return removed;
    }

    private void Grow()
    {
        if (Count < _items.Length)
        {
            return;
        }

        BlockFragment[] larger = new BlockFragment[_items.Length * 2];
        for (int i = 0; i < Count; i++)
        {
            larger[i] = _items[(_first + i) & (_items.Length - 1)];
        }

        (_items, _first) = (larger, 0);
    }
}
