using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Console;

/// <summary>Bytes to be echoed to the terminal. A byte that finds the queue full is dropped: echo never holds up input.</summary>
internal unsafe struct EchoQueue
{
    private const int Capacity = 512;

    private fixed byte _ring[Capacity];
    private int _tail;
    private int _used;

    /// <summary>The number of bytes that still fit.</summary>
    public readonly int Room => Capacity - _used;

    /// <summary>The number of bytes in the queue.</summary>
    public readonly int Count => _used;

    /// <summary>Empties the queue.</summary>
    public void Clear()
    {
        _tail = 0;
        _used = 0;
    }

    /// <summary>Adds a byte, or drops it when the queue is full.</summary>
    public bool TryPut(byte value)
    {
        if (_used == Capacity)
        {
            return false;
        }

        Ring[(_tail + _used) % Capacity] = value;
        _used++;
        return true;
    }

    /// <summary>
    /// Removes up to <paramref name="count"/> bytes.
    /// </summary>
    public int Take(byte* buffer, int count)
    {
        int taken = 0;
        while (taken < count && _used > 0)
        {
            buffer[taken++] = Ring[_tail];
            _tail = (_tail + 1) % Capacity;
            _used--;
        }

        return taken;
    }

    [UnscopedRef]
    private Span<byte> Ring => MemoryMarshal.CreateSpan(ref _ring[0], Capacity);
}
