using System.Buffers.Binary;

namespace Xenlet.Net.Base;

/// <summary>Numbers that a peer cannot predict, taken from the source in blocks.</summary>
internal sealed class RandomNumbers(IRandomSource source)
{
    private readonly byte[] _block = new byte[256];
    private int _used = 256;

    public uint NextUInt32()
    {
        if (_used == _block.Length)
        {
            source.Fill(_block);
            _used = 0;
        }

        uint value = BinaryPrimitives.ReadUInt32LittleEndian(_block.AsSpan(_used));
        _used += sizeof(uint);
        return value;
    }

    /// <summary>A number from 0 up to, and without, <paramref name="limit"/>.</summary>
    public int Next(int limit) => (int)(((ulong)NextUInt32() * (ulong)limit) >> 32);

    /// <summary>A length of time from 0 up to, and without, <paramref name="limit"/> nanoseconds.</summary>
    public long NextTime(long limit) => (long)(((UInt128)NextUInt32() * (UInt128)limit) >> 32);
}
