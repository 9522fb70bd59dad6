using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Sockets.Interfaces;

/// <summary>
/// Writes a message of netlink (RFC 3549, section 2.3; linux/netlink.h): a header, a structure and attributes. Numbers are the machine's,
/// addresses as on the wire; everything begins at a multiple of four bytes.
/// </summary>
internal sealed class NetlinkMessage
{
    /// <summary>Bytes of nlmsghdr.</summary>
    public const int HeaderSize = 16;

    private const int AttributeHeaderSize = 4;

    private readonly List<byte> _bytes = [.. new byte[HeaderSize]];

    /// <param name="structure">What follows the header.</param>
    public NetlinkMessage(params ReadOnlySpan<byte> structure) => Append(structure);

    /// <summary>The 4 bytes of a number.</summary>
    public static byte[] Number(int value) => Number((uint)value);

    /// <summary>The 4 bytes of a number.</summary>
    public static byte[] Number(uint value)
    {
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    public void Add(ushort type, params ReadOnlySpan<byte> value)
    {
        Span<byte> header = stackalloc byte[AttributeHeaderSize];
        BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)(AttributeHeaderSize + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], type);
        Append(header);
        Append(value);
    }

    /// <summary>Adds a text with a terminating 0.</summary>
    public void Add(ushort type, string text) => Add(type, [.. Encoding.UTF8.GetBytes(text), 0]);

    /// <summary>The message with its header.</summary>
    /// <param name="type">What it is.</param>
    /// <param name="flags">NLM_F_ bits.</param>
    /// <param name="sequence">The number of the request that it answers; 0 for none.</param>
    /// <param name="port">Who made the request; 0 for nobody.</param>
    public byte[] ToBytes(ushort type, ushort flags, uint sequence, uint port)
    {
        byte[] bytes = [.. _bytes];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, bytes.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(6), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), port);
        return bytes;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        while (_bytes.Count % sizeof(uint) != 0)
        {
            _bytes.Add(0);
        }
    }
}
