namespace Xenlet.BackEnds.Stores;

/// <summary>
/// Which parts of a copy-on-write store are changed, and where they are. A piece has a slot from the first write into it until all of it is
/// discarded; what of it is changed is known to the unit, so that nothing is ever copied from the original.
/// </summary>
/// <param name="slots">The number of slots.</param>
internal sealed class ChangedPieces(long slots)
{
    /// <summary>The size of pieces and slots in bytes.</summary>
    public const int Size = 64 << 10;

    private const int Unit = 512;

    private readonly Lock _lock = new();
    private readonly Dictionary<long, ChangedPiece> _pieces = [];
    private readonly Stack<long> _free = new();
    private long _next;

    /// <summary>Slots that hold changes.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _pieces.Count;
            }
        }
    }

    /// <summary>Finds where the bytes of a range are. <see cref="End"/> must follow when they have been read.</summary>
    public ChangedUse BeginRead(long offset, int length)
    {
        ChangedUse use = new([], []);
        lock (_lock)
        {
            foreach ((long number, int inPiece, int start, int count) in PartsOf(offset, length))
            {
                if (!_pieces.TryGetValue(number, out ChangedPiece? piece))
                {
                    ChangedRun.Add(use.Runs, new(false, offset + start, start, count));
                    continue;
                }

                Hold(use, number, piece);
                for (int i = 0; i < count; i += Unit)
                {
                    bool isChanged = (piece.Changed & Mask(inPiece + i, Unit)) != 0;
                    long place = isChanged ? (piece.Slot * Size) + inPiece + i : offset + start + i;
                    ChangedRun.Add(use.Runs, new(isChanged, place, start + i, Unit));
                }
            }
        }

        return use;
    }

    /// <summary>Finds where the bytes of a range go. <see cref="End"/> must follow when they have been written, or have not.</summary>
    /// <exception cref="IOException">There are not enough slots. Nothing has changed.</exception>
    public ChangedUse BeginWrite(long offset, int length)
    {
        ChangedUse use = new([], []);
        lock (_lock)
        {
            long missing = PartsOf(offset, length).LongCount(part => !_pieces.ContainsKey(part.Number));
            if (missing > slots - _next + _free.Count)
            {
                throw new IOException($"There is no room for more changes: {_pieces.Count} pieces of {Size >> 10} KiB are changed.");
            }

            foreach ((long number, int inPiece, int start, int count) in PartsOf(offset, length))
            {
                if (!_pieces.TryGetValue(number, out ChangedPiece? piece))
                {
                    piece = new ChangedPiece(_free.TryPop(out long slot) ? slot : _next++);
                    _pieces.Add(number, piece);
                }

                Hold(use, number, piece);
                ChangedRun.Add(use.Runs, new(true, (piece.Slot * Size) + inPiece, start, count));
            }
        }

        return use;
    }

    /// <summary>A range has been written, and is changed from here on.</summary>
    public void Mark(long offset, int length)
    {
        lock (_lock)
        {
            foreach ((long number, int inPiece, _, int count) in PartsOf(offset, length))
            {
                _pieces[number].Changed |= Mask(inPiece, count);
            }
        }
    }

    /// <summary>Forgets the changes of a range.</summary>
    /// <returns>The slots that hold nothing any more. They are nobody's until <see cref="Free"/>.</returns>
    public List<long> Forget(long offset, long length)
    {
        List<long> left = [];
        lock (_lock)
        {
            long firstPiece = offset / Size;
            long pieces = length == 0 ? 0 : ((offset + length - 1) / Size) - firstPiece + 1;

            // The range may have far more pieces than are changed, or far fewer: a front end that discards a sector again and again must
            // not cost what all of its changes cost.
            foreach (long number in pieces <= _pieces.Count ? RangeOf(firstPiece, pieces) : _pieces.Keys.ToArray())
            {
                long first = Math.Max(offset, number * Size);
                long count = Math.Min(offset + length, (number + 1) * Size) - first;
                if (count > 0 && _pieces.TryGetValue(number, out ChangedPiece? piece))
                {
                    piece.Changed &= ~Mask((int)(first % Size), (int)count);
                    Leave(number, piece, left);
                }
            }
        }

        return left;
    }

    /// <summary>A read or write is done.</summary>
    /// <returns>As <see cref="Forget"/> does.</returns>
    public List<long> End(ChangedUse use)
    {
        List<long> left = [];
        lock (_lock)
        {
            foreach (long number in use.Pieces)
            {
                ChangedPiece piece = _pieces[number];
                piece.Users--;
                Leave(number, piece, left);
            }
        }

        return left;
    }

    /// <summary>Slots can be used again.</summary>
    public void Free(List<long> left)
    {
        lock (_lock)
        {
            left.ForEach(_free.Push);
        }
    }

    /// <summary>The parts of a range within pieces: the piece, the offset in it and in the range, the size.</summary>
    private static IEnumerable<(long Number, int InPiece, int Start, int Count)> PartsOf(long offset, int length)
    {
        int count;
        for (int start = 0; start < length; start += count)
        {
            int inPiece = (int)((offset + start) % Size);
            count = Math.Min(length - start, Size - inPiece);
            yield return ((offset + start) / Size, inPiece, start, count);
        }
    }

    private static IEnumerable<long> RangeOf(long first, long count)
    {
        for (long number = first; number < first + count; number++)
        {
            yield return number;
        }
    }

    private static UInt128 Mask(int offset, int length) =>
        (UInt128.MaxValue >> (128 - (length / Unit))) << (offset / Unit);

    private static void Hold(ChangedUse use, long number, ChangedPiece piece)
    {
        piece.Users++;
        use.Pieces.Add(number);
    }

    private void Leave(long number, ChangedPiece piece, List<long> left)
    {
        if (piece is { Users: 0 } && piece.Changed == 0)
        {
            _pieces.Remove(number);
            left.Add(piece.Slot);
        }
    }
}
