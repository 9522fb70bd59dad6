using System.Buffers.Binary;
using System.Net;

namespace Xenlet.Kernel.Sockets;

/// <summary>
/// An address and a port, without an object. An IPv4 address is kept as its IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2); a
/// socket of IPv4 never has any other.
/// </summary>
public readonly record struct SocketEndpoint
{
    private const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    /// <param name="high">The first eight bytes of the address, the first byte of the wire the most significant.</param>
    /// <param name="low">The last eight bytes.</param>
    /// <param name="port">The port.</param>
    /// <param name="scope">The interface that a link-local address belongs to; 0 for none.</param>
    public SocketEndpoint(ulong high, ulong low, ushort port, uint scope = 0)
    {
        High = high;
        Low = low;
        Port = port;
        Scope = scope;
    }

    /// <summary>The first eight bytes of the address, the first byte of the wire the most significant.</summary>
    public ulong High { get; }

    /// <summary>The last eight bytes of the address.</summary>
    public ulong Low { get; }

    /// <summary>The port; 0 for none.</summary>
    public ushort Port { get; }

    /// <summary>The index of the interface that a link-local address of IPv6 belongs to (sin6_scope_id); 0 for none.</summary>
    public uint Scope { get; }

    /// <summary>Whether the address is one of IPv4.</summary>
    public bool IsIPv4 => High == 0 && (Low & 0xFFFF_FFFF_0000_0000) == MappedPrefix;

    /// <summary>An address of 4 or 16 bytes, as the wire has it, and a port.</summary>
    public static SocketEndpoint Read(ReadOnlySpan<byte> address, ushort port, uint scope = 0) => address.Length switch
    {
        4 => new(0, MappedPrefix | BinaryPrimitives.ReadUInt32BigEndian(address), port, scope),
        16 => new(BinaryPrimitives.ReadUInt64BigEndian(address), BinaryPrimitives.ReadUInt64BigEndian(address[8..]), port, scope),
        _ => throw new ArgumentException($"an address has 4 or 16 bytes, not {address.Length}", nameof(address)),
    };

    /// <summary>Writes the sixteen bytes of the IPv6 or IPv4-mapped address, as the wire has them.</summary>
    public void WriteAddress(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[16];
        WriteAddress(bytes);
        return new IPEndPoint(IsIPv4 ? new IPAddress(bytes[12..]) : new IPAddress(bytes, Scope), Port).ToString();
    }
}
