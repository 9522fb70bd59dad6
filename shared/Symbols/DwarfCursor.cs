using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Symbols;

/// <summary>
/// Takes values from the front of DWARF data (DWARF 5, section 7); what is cut short is an <see cref="InvalidDataException"/>.
/// </summary>
/// <param name="data">The data; what a value does not take stays.</param>
internal ref struct DwarfCursor(ReadOnlySpan<byte> data)
{
    private ReadOnlySpan<byte> _rest = data;

    /// <summary>Whether all is taken.</summary>
    public readonly bool AtEnd => _rest.IsEmpty;

    public byte U8() => Bytes(1)[0];

    public ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2));

    public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4));

    public ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8));

    /// <summary>An offset into another section: 8 bytes in the 64-bit format, else 4.</summary>
    public ulong Offset(bool isWide) => isWide ? U64() : U32();

    /// <summary>A number of 1, 2, 4 or 8 bytes.</summary>
    public ulong Number(int size) => size switch
    {
        1 => U8(),
        2 => U16(),
        4 => U32(),
        8 => U64(),
        _ => throw Damaged(),
    };

    /// <summary>An unsigned LEB128 number.</summary>
    public ulong Unsigned()
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte part = U8();
            value |= shift < 64 ? (ulong)(part & 0x7f) << shift : 0;
            if ((part & 0x80) == 0)
            {
                return value;
            }
        }
    }

    /// <summary>A signed LEB128 number.</summary>
    public long Signed()
    {
        long value = 0;
        int shift = 0;
        byte part;
        do
        {
            part = U8();
            value |= shift < 64 ? (long)(part & 0x7f) << shift : 0;
            shift += 7;
        }
        while ((part & 0x80) != 0);

        return shift < 64 && (part & 0x40) != 0 ? value | (-1L << shift) : value;
    }

    /// <summary>A text that ends with a zero byte.</summary>
    public string Text()
    {
        int end = _rest.IndexOf((byte)0);
        if (end < 0)
        {
            throw Damaged();
        }

        string text = Encoding.UTF8.GetString(_rest[..end]);
        _rest = _rest[(end + 1)..];
        return text;
    }

    /// <summary>The next bytes, as many as asked for.</summary>
    public ReadOnlySpan<byte> Bytes(ulong count)
    {
        if (count > (ulong)_rest.Length)
        {
            throw Damaged();
        }

        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    private static InvalidDataException Damaged() => new("is damaged: it is cut short, or refers to what lies outside it.");
}
