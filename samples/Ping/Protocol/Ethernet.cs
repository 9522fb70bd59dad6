using System.Buffers.Binary;

namespace Xenlet.Samples;

/// <summary>An Ethernet frame from the destination address on, without the check sequence, as drivers give it.</summary>
internal readonly ref struct Ethernet
{
    public const int HeaderLength = 14;
    public const int AddressLength = 6;

    public const ushort Ipv4 = 0x0800;
    public const ushort Arp = 0x0806;
    public const ushort Ipv6 = 0x86DD;

    /// <summary>The address of every station.</summary>
    public static ReadOnlySpan<byte> Broadcast => [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

    public ReadOnlySpan<byte> Destination { get; private init; }

    public ReadOnlySpan<byte> Source { get; private init; }

    public ushort Type { get; private init; }

    /// <summary>What follows the header: a packet, and then perhaps padding.</summary>
    public ReadOnlySpan<byte> Payload { get; private init; }

    /// <summary>Reads a frame; false when it is too short to be one.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out Ethernet frame)
    {
        frame = default;
        if (bytes.Length < HeaderLength)
        {
            return false;
        }

        frame = new()
        {
            Destination = bytes[..6],
            Source = bytes[6..12],
            Type = BinaryPrimitives.ReadUInt16BigEndian(bytes[12..]),
            Payload = bytes[HeaderLength..],
        };
        return true;
    }

    /// <summary>Whether an address means several stations.</summary>
    public static bool IsGroup(ReadOnlySpan<byte> address) => (address[0] & 1) != 0;

    public static void WriteHeader(Span<byte> frame, ReadOnlySpan<byte> destination, ReadOnlySpan<byte> source, ushort type)
    {
        destination.CopyTo(frame);
        source.CopyTo(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], type);
    }
}
