using System.Buffers.Binary;
using System.Text;

namespace Xenlet.QemuXen.Machine;

/// <summary>The 9P2000.L messages that <see cref="FileServer"/> handles, with their numbers in Linux's include/net/9p/9p.h.</summary>
internal enum FileMessageType : byte
{
    Error = 6,
    Open = 12,
    Create = 14,
    GetAttributes = 24,
    SetAttributes = 26,
    ReadDirectory = 40,
    Synchronize = 50,
    MakeDirectory = 72,
    RenameAt = 74,
    UnlinkAt = 76,
    Version = 100,
    Attach = 104,
    Flush = 108,
    Walk = 110,
    Read = 116,
    Write = 118,
    Clunk = 120,
}

/// <summary>Reads the fields of a message: little-endian integers, and strings preceded by their length.</summary>
internal ref struct FileMessageReader(ReadOnlySpan<byte> body)
{
    private ReadOnlySpan<byte> _rest = body;

    public byte Byte() => Bytes(1)[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8));

    public string Text() => Encoding.UTF8.GetString(Bytes(UInt16()));

    /// <summary>The next bytes.</summary>
    /// <exception cref="InvalidDataException">The message is shorter.</exception>
    public ReadOnlySpan<byte> Bytes(uint count)
    {
        if (count > _rest.Length)
        {
            throw new InvalidDataException("A 9P message is shorter than its fields.");
        }

        ReadOnlySpan<byte> bytes = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return bytes;
    }
}

/// <summary>Writes a message after a header that is filled in last.</summary>
/// <param name="room">The maximum size of a message.</param>
internal sealed class FileMessageWriter(int room)
{
    /// <summary>Size, type and tag.</summary>
    public const int HeaderSize = 7;

    private readonly byte[] _message = new byte[room];

    /// <summary>The message's size so far. A smaller value drops what was written last.</summary>
    public int Length { get; set; }

    public void Begin() => Length = HeaderSize;

    public void Byte(byte value) => Take(1)[0] = value;

    public void UInt16(int value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), (ushort)value);

    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    public void UInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    public void Text(string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        UInt16(length);
        Encoding.UTF8.GetBytes(text, Take(length));
    }

    /// <summary>The next bytes, for the caller to fill.</summary>
    public Span<byte> Take(int count)
    {
        Span<byte> bytes = _message.AsSpan(Length, count);
        Length += count;
        return bytes;
    }

    /// <summary>Fills in a number that precedes data written after it.</summary>
    public void SetUInt32(int position, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_message.AsSpan(position), value);

    /// <summary>Fills in the header and returns the whole message, which is valid until the next one begins.</summary>
    public ReadOnlyMemory<byte> End(byte type, ushort tag)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_message, Length);
        _message[4] = type;
        BinaryPrimitives.WriteUInt16LittleEndian(_message.AsSpan(5), tag);
        return _message.AsMemory(0, Length);
    }
}
