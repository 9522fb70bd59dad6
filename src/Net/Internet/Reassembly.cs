namespace Xenlet.Net.Internet;

/// <summary>A packet of which not all fragments have arrived.</summary>
internal sealed class Reassembly(Action<Reassembly> expired)
{
    /// <summary>The longest IP header with extensions that is kept: it has to fit before the data, and leave room for Ethernet's.</summary>
    public const int LargestHeader = 112;

    /// <summary>Pieces with gaps between them. More are not the work of a network.</summary>
    private const int MostPieces = 32;

    private readonly byte[] _header = new byte[LargestHeader];
    private readonly (int Start, int End)[] _pieces = new (int, int)[MostPieces];
    private int _pieceCount;
    private int _headerLength;
    private int _length;

    public StackTimer? Timer { get; private set; }

    public FragmentKey Key { get; private set; }

    public long StartedAt { get; private set; }

    /// <summary>The data; null while this object is free, and once the packet has been given up.</summary>
    public PacketBuffer? Buffer { get; private set; }

    public bool IsUsed { get; private set; }

    /// <summary>Whether the first fragment has arrived, with the header.</summary>
    public bool HasFirst => _headerLength > 0;

    /// <summary>Begins with a packet, whose data goes into <paramref name="buffer"/>.</summary>
    public void Start(in FragmentKey key, PacketBuffer buffer, long now)
    {
        Timer ??= new StackTimer(() => expired(this));
        Key = key;
        Buffer = buffer;
        StartedAt = now;
        IsUsed = true;
        _pieceCount = 0;
        _headerLength = 0;
        _length = -1;
    }

    /// <summary>Takes the buffer out. The packet's other fragments are dropped until the time is over.</summary>
    public PacketBuffer? GiveUp()
    {
        PacketBuffer? buffer = Buffer;
        Buffer = null;
        return buffer;
    }

    /// <summary>This object is free for another packet.</summary>
    public void End() => IsUsed = false;

    /// <summary>Adds a fragment.</summary>
    /// <returns>False when it contradicts the others: the packet is given up (RFC 5722).</returns>
    public bool TryAdd(int offset, bool hasMore, ReadOnlySpan<byte> data, ReadOnlySpan<byte> header)
    {
        PacketBuffer buffer = Buffer!;
        int end = offset + data.Length;
        if (!hasMore && _length >= 0 && _length != end)
        {
            return false;
        }

        if (!hasMore)
        {
            _length = end;
        }

        if ((_length >= 0 && (end > _length || buffer.Length > _length)) || header.Length > LargestHeader)
        {
            return false;
        }

        if (offset == 0 && !HasFirst)
        {
            header.CopyTo(_header);
            _headerLength = header.Length;
        }

        if (!TryInsert(offset, end, out bool isKnown))
        {
            return false;
        }

        if (isKnown)
        {
            return buffer.Data[offset..end].SequenceEqual(data);
        }

        if (end > buffer.Length)
        {
            buffer.Append(end - buffer.Length);
        }

        data.CopyTo(buffer.Data[offset..]);
        return true;
    }

    /// <summary>Whether all fragments have arrived.</summary>
    public bool IsWhole => HasFirst && _pieceCount == 1 && _pieces[0] == (0, _length);

    /// <summary>How much of the data has arrived from its beginning on.</summary>
    public int FirstPieceLength => _pieceCount > 0 && _pieces[0].Start == 0 ? _pieces[0].End : 0;

    /// <summary>The header that came with the first fragment.</summary>
    public ReadOnlySpan<byte> Header => _header.AsSpan(0, _headerLength);

    /// <summary>Puts the piece in its place among the others, and joins those that touch.</summary>
    private bool TryInsert(int start, int end, out bool isKnown)
    {
        isKnown = false;
        int index = 0;
        while (index < _pieceCount && _pieces[index].End < start)
        {
            index++;
        }

        // The piece at the index is the first that ends at or behind the start.
        if (index < _pieceCount && _pieces[index].Start <= start && end <= _pieces[index].End)
        {
            isKnown = true;
            return true;
        }

        bool isJoinedBefore = index < _pieceCount && _pieces[index].End == start;
        int next = isJoinedBefore ? index + 1 : index;
        if (next < _pieceCount && _pieces[next].Start < end)
        {
            return false;
        }

        bool isJoinedBehind = next < _pieceCount && _pieces[next].Start == end;
        if (isJoinedBefore)
        {
            _pieces[index].End = isJoinedBehind ? _pieces[next].End : end;
            if (isJoinedBehind)
            {
                _pieceCount--;
                Array.Copy(_pieces, next + 1, _pieces, next, _pieceCount - next);
            }
        }
        else if (isJoinedBehind)
        {
            _pieces[next].Start = start;
        }
        else
        {
            if (_pieceCount == MostPieces)
            {
                return false;
            }

            Array.Copy(_pieces, index, _pieces, index + 1, _pieceCount - index);
            _pieces[index] = (start, end);
            _pieceCount++;
        }

        return true;
    }
}
