using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>A message of a DHCP server (RFC 2131, section 2), over bytes that belong to the caller.</summary>
internal readonly ref struct DhcpMessage
{
    /// <summary>Bytes before the options, the magic cookie among them.</summary>
    public const int HeaderSize = 240;

    public const uint Cookie = 0x6382_5363;

    private const int NameOffset = 44;
    private const int FileOffset = 108;
    private const int CookieOffset = 236;

    private readonly ReadOnlySpan<byte> _message;

    private DhcpMessage(ReadOnlySpan<byte> message) => _message = message;

    public uint TransactionId => BinaryPrimitives.ReadUInt32BigEndian(_message[4..]);

    /// <summary>The address that the server lends.</summary>
    public InternetAddress YourAddress => InternetAddress.Read(_message[16..20]);

    public MacAddress ClientAddress => new(_message[28..34]);

    /// <summary>Reads a message; false unless it is a reply to a client of Ethernet.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out DhcpMessage dhcp)
    {
        if (message.Length < HeaderSize || message[0] != 2 || message[1] != 1 || message[2] != MacAddress.Size
            || BinaryPrimitives.ReadUInt32BigEndian(message[CookieOffset..]) != Cookie)
        {
            dhcp = default;
            return false;
        }

        dhcp = new DhcpMessage(message);
        return true;
    }

    /// <summary>
    /// Copies an option's value, the parts of a long one joined (RFC 3396). False when the option is absent, or longer than the buffer.
    /// </summary>
    public bool TryGet(byte code, Span<byte> buffer, out int length)
    {
        length = 0;
        bool isFound = Collect(_message[HeaderSize..], code, buffer, ref length);
        Span<byte> overload = stackalloc byte[1];
        int overloadLength = 0;
        if (Collect(_message[HeaderSize..], DhcpOption.Overload, overload, ref overloadLength) && overloadLength == 1)
        {
            isFound |= (overload[0] & 1) != 0 && Collect(_message[FileOffset..CookieOffset], code, buffer, ref length);
            isFound |= (overload[0] & 2) != 0 && Collect(_message[NameOffset..FileOffset], code, buffer, ref length);
        }

        return isFound && length <= buffer.Length;
    }

    /// <summary>A number of one byte.</summary>
    public byte? GetByte(byte code)
    {
        Span<byte> value = stackalloc byte[1];
        return TryGet(code, value, out int length) && length == 1 ? value[0] : null;
    }

    /// <summary>A number of four bytes.</summary>
    public uint? GetUInt32(byte code)
    {
        Span<byte> value = stackalloc byte[4];
        return TryGet(code, value, out int length) && length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(value) : null;
    }

    /// <summary>An address.</summary>
    public InternetAddress? GetAddress(byte code) => GetUInt32(code) is { } address ? InternetAddress.FromIPv4(address) : null;

    private static bool Collect(ReadOnlySpan<byte> options, byte code, Span<byte> buffer, ref int length)
    {
        bool isFound = false;
        while (!options.IsEmpty && options[0] != DhcpOption.End)
        {
            if (options[0] == DhcpOption.Pad)
            {
                options = options[1..];
                continue;
            }

            if (options.Length < 2 || options.Length - 2 < options[1])
            {
                break;
            }

            ReadOnlySpan<byte> value = options.Slice(2, options[1]);
            if (options[0] == code)
            {
                isFound = true;
                if (length + value.Length <= buffer.Length)
                {
                    value.CopyTo(buffer[length..]);
                }

                length += value.Length;
            }

            options = options[(2 + value.Length)..];
        }

        return isFound;
    }
}
