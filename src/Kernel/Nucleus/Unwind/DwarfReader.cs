using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>
/// Reads DWARF's encodings from memory that may not be mapped. A failure is kept in <see cref="Failed"/>, and later reads return 0, so a
/// caller checks once after a group of reads.
/// </summary>
internal struct DwarfReader
{
    /// <summary>DW_EH_PE_omit: no value (Linux Standard Base, "DWARF Exception Header Encoding").</summary>
    public const byte Omit = 0xff;

    private const int FormatMask = 0x0f;
    private const int ApplicationMask = 0x70;
    private const int PcRelative = 0x10;
    private const int DataRelative = 0x30;
    private const int Indirect = 0x80;

    private readonly ulong _end;

    /// <summary>
    /// Reads from <paramref name="position"/> up to, but not including, <paramref name="end"/>.
    /// </summary>
    public DwarfReader(ulong position, ulong end)
    {
        Position = position;
        _end = end;
        Failed = end < position;
    }

    /// <summary>Address of the next byte.</summary>
    public ulong Position { get; private set; }

    /// <summary>A read went past the end, or met unmapped memory or an unknown encoding.</summary>
    public bool Failed { get; private set; }

    /// <summary>Whether nothing is left, or nothing more can be read.</summary>
    public readonly bool AtEnd => Failed || Position >= _end;

    /// <summary>Marks the reader as failed: what it read makes no sense to the caller.</summary>
    public void Fail() => Failed = true;

    /// <summary>Reads one byte.</summary>
    public byte ReadByte() => (byte)ReadLittleEndian(1);

    /// <summary>Reads an unsigned number of 1 to 8 bytes.</summary>
    public ulong ReadLittleEndian(int size)
    {
        if (Failed || _end - Position < (ulong)size || !TryReadMemory(Position, size, out ulong value))
        {
            Failed = true;
            return 0;
        }

        Position += (ulong)size;
        return value;
    }

    /// <summary>Reads a two's complement number of 1 to 8 bytes.</summary>
    public long ReadSigned(int size)
    {
        int unused = 64 - 8 * size;
        return (long)(ReadLittleEndian(size) << unused) >> unused;
    }

    /// <summary>Reads a ULEB128 number.</summary>
    public ulong ReadUnsignedLeb()
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte next = ReadByte();
            if (shift < 64)
            {
                value |= (ulong)(next & 0x7f) << shift;
            }

            if ((next & 0x80) == 0)
            {
                return value;
            }
        }

        Failed = true;
        return 0;
    }

    /// <summary>Reads an SLEB128 number.</summary>
    public long ReadSignedLeb()
    {
        long value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte next = ReadByte();
            if (shift < 64)
            {
                value |= (long)(next & 0x7f) << shift;
            }

            if ((next & 0x80) == 0)
            {
                int read = shift + 7;
                return read < 64 && (next & 0x40) != 0 ? value | (-1L << read) : value;
            }
        }

        Failed = true;
        return 0;
    }

    /// <summary>Skips bytes.</summary>
    public void Skip(ulong count)
    {
        if (Failed || _end - Position < count)
        {
            Failed = true;
            return;
        }

        Position += count;
    }

    /// <summary>Reads a pointer in a DW_EH_PE encoding.</summary>
    /// <param name="encoding">The encoding.</param>
    /// <param name="dataBase">The base of "data relative" values: the header's own address.</param>
    public ulong ReadEncoded(byte encoding, ulong dataBase)
    {
        ulong position = Position;
        ulong value = ReadEncodedNumber(encoding);
        if ((encoding & Indirect) != 0)
        {
            Failed = true;
        }

        return (encoding & ApplicationMask) switch
        {
            0 => value,
            PcRelative => position + value,
            DataRelative => dataBase + value,
            _ => FailWithZero(),
        };
    }

    /// <summary>Reads a pointer encoding's number without adding its base. A length has no base.</summary>
    public ulong ReadEncodedNumber(byte encoding)
    {
        switch (encoding & FormatMask)
        {
            case 0x0:
            case 0x4:
            case 0xc:
                return ReadLittleEndian(8);
            case 0x1:
                return ReadUnsignedLeb();
            case 0x2:
                return ReadLittleEndian(2);
            case 0x3:
                return ReadLittleEndian(4);
            case 0x9:
                return (ulong)ReadSignedLeb();
            case 0xa:
                return (ulong)ReadSigned(2);
            case 0xb:
                return (ulong)ReadSigned(4);
            default:
                return FailWithZero();
        }
    }

    /// <summary>Reads 1 to 8 bytes at any address. Returns false if one of them is not mapped.</summary>
    public static bool TryReadMemory(ulong address, int size, out ulong value)
    {
        // Words are read at their natural alignment, so none crosses a page.
        ulong word = address & ~7ul;
        int offset = (int)(address - word);
        value = 0;
        if (!ProbeMemory.TryRead64(word, out ulong low))
        {
            return false;
        }

        value = low >> (8 * offset);
        if (offset + size > 8)
        {
            if (word > ulong.MaxValue - 15 || !ProbeMemory.TryRead64(word + 8, out ulong high))
            {
                return false;
            }

            value |= high << (64 - 8 * offset);
        }

        if (size < 8)
        {
            value &= (1ul << (8 * size)) - 1;
        }

        return true;
    }

    private ulong FailWithZero()
    {
        Failed = true;
        return 0;
    }
}
