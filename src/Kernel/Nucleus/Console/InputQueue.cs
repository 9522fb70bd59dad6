using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Console;

/// <summary>
/// The console input that the program may read: a ring of records, each a length of two bytes (low byte first) and that many bytes.
/// </summary>
/// <remarks>
/// A record is one line, or what an end-of-file character pushed (if its length is 0, the end of file itself), or bytes typed while the
/// terminal was not canonical. Records keep line ends apart from the bytes, so a line may contain any byte, even a literal newline.
/// </remarks>
internal unsafe struct InputQueue
{
    /// <summary>The longest record: a line of 4095 bytes and its newline.</summary>
    public const int MaximumRecord = 4096;

    private const int HeaderSize = 2;
    private const int Capacity = MaximumRecord + HeaderSize;

    private fixed byte _ring[Capacity];
    private int _tail;
    private int _used;

    // Unread bytes of the record at the tail whose header was taken; -1 if the tail is at a header.
    private int _remaining;

    // Ring index of the newest record's header while the record may still grow; -1 if there is none.
    private int _openHeader;
    private int _openLength;

    /// <summary>Empties the queue. Call it once before anything else.</summary>
    public void Clear()
    {
        _tail = 0;
        _used = 0;
        _remaining = -1;
        _openHeader = -1;
        _openLength = 0;
        ByteCount = 0;
    }

    /// <summary>The number of readable bytes in all records.</summary>
    public int ByteCount { get; private set; }

    /// <summary>Whether there is a record, even an empty one.</summary>
    public readonly bool HasRecord => _used > 0;

    /// <summary>Appends a whole record, or nothing if it does not fit.</summary>
    public bool TryAppend(ReadOnlySpan<byte> record)
    {
        if (record.Length > MaximumRecord || _used + HeaderSize + record.Length > Capacity)
        {
            return false;
        }

        Put((byte)record.Length);
        Put((byte)(record.Length >> 8));
        for (int i = 0; i < record.Length; i++)
        {
            Put(record[i]);
        }

        ByteCount += record.Length;
        _openHeader = -1;
        return true;
    }

    /// <summary>Appends a byte to the record of bytes typed without line editing; opens a record if the newest is a line.</summary>
    public bool TryAppendByte(byte value)
    {
        bool open = _openHeader >= 0 && _openLength < MaximumRecord;
        if (_used + (open ? 1 : HeaderSize + 1) > Capacity)
        {
            return false;
        }

        if (!open)
        {
            _openHeader = Wrap(_tail + _used);
            _openLength = 0;
            Put(0);
            Put(0);
        }

        Put(value);
        ByteCount++;
        _openLength++;
        Ring[_openHeader] = (byte)_openLength;
        Ring[Wrap(_openHeader + 1)] = (byte)(_openLength >> 8);
        return true;
    }

    /// <summary>Reads from the first record only, as a canonical read does. An empty record is consumed and gives 0.</summary>
    public int ReadRecord(byte* buffer, int count)
    {
        if (!HasRecord || count <= 0)
        {
            return 0;
        }

        if (_remaining < 0)
        {
            _remaining = TakeHeader();
        }

        int taken = count < _remaining ? count : _remaining;
        for (int i = 0; i < taken; i++)
        {
            buffer[i] = Take();
        }

        ByteCount -= taken;
        _remaining -= taken;
        if (_remaining == 0)
        {
            _remaining = -1;
        }

        return taken;
    }

    /// <summary>Reads bytes across records, as a non-canonical read does. Skips empty records.</summary>
    public int ReadBytes(byte* buffer, int count)
    {
        int total = 0;
        while (total < count && HasRecord)
        {
            total += ReadRecord(buffer + total, count - total);
        }

        return total;
    }

    private static int Wrap(int index) => index < Capacity ? index : index - Capacity;

    [UnscopedRef]
    private Span<byte> Ring => MemoryMarshal.CreateSpan(ref _ring[0], Capacity);

    // A record whose header was taken can no longer grow: its length was copied to _remaining.
    private int TakeHeader()
    {
        if (_tail == _openHeader)
        {
            _openHeader = -1;
        }

        int low = Take();
        return low | Take() << 8;
    }

    private void Put(byte value)
    {
        Ring[Wrap(_tail + _used)] = value;
        _used++;
    }

    private byte Take()
    {
        byte value = Ring[_tail];
        _tail = Wrap(_tail + 1);
        _used--;
        return value;
    }
}
