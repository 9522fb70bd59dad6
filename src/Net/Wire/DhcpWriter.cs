using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Net.Wire;

/// <summary>Writes a message of a DHCP client (RFC 2131, section 2): the fixed part, then options one by one.</summary>
internal ref struct DhcpWriter
{
    /// <summary>Bytes of a message, padding included: what servers of BOOTP expect at least.</summary>
    public const int Size = 300;

    private readonly Span<byte> _message;
    private int _length;

    public DhcpWriter(
        Span<byte> message, uint transactionId, ushort seconds, InternetAddress clientAddress, MacAddress hardware, byte type)
    {
        _message = message[..Size];
        _message.Clear();
        _message[0] = 1;
        _message[1] = 1;
        _message[2] = MacAddress.Size;
        BinaryPrimitives.WriteUInt32BigEndian(_message[4..], transactionId);
        BinaryPrimitives.WriteUInt16BigEndian(_message[8..], seconds);
        clientAddress.Write(_message[12..]);
        hardware.CopyTo(_message[28..]);
        BinaryPrimitives.WriteUInt32BigEndian(_message[(DhcpMessage.HeaderSize - 4)..], DhcpMessage.Cookie);
        _length = DhcpMessage.HeaderSize;
        Add(DhcpOption.MessageType, [type]);
        Span<byte> identifier = stackalloc byte[1 + MacAddress.Size];
        identifier[0] = 1;
        hardware.CopyTo(identifier[1..]);
        Add(DhcpOption.ClientIdentifier, identifier);
    }

    public void Add(byte code, scoped ReadOnlySpan<byte> value)
    {
        _message[_length] = code;
        _message[_length + 1] = (byte)value.Length;
        value.CopyTo(_message[(_length + 2)..]);
        _length += 2 + value.Length;
    }

    public void Add(byte code, InternetAddress address)
    {
        Span<byte> value = stackalloc byte[4];
        address.Write(value);
        Add(code, value);
    }

    /// <summary>Adds a name as far as there is room.</summary>
    public void AddName(byte code, string name)
    {
        int room = _message.Length - _length - 3;
        if (name.Length > 0 && name.Length <= Math.Min(room, 63) && Ascii.IsValid(name))
        {
            Span<byte> value = stackalloc byte[63];
            Encoding.ASCII.GetBytes(name, value);
            Add(code, value[..name.Length]);
        }
    }

    public readonly void End() => _message[_length] = DhcpOption.End;
}
