using System.Buffers.Binary;

namespace Xenlet.Net;

/// <summary>The header of an Ethernet frame: destination, source, type of what follows.</summary>
public readonly record struct EthernetHeader(MacAddress Destination, MacAddress Source, ushort Type)
{
    /// <summary>Bytes of the header.</summary>
    public const int Size = 14;

    /// <summary>Reads a frame's header; false when the frame is shorter.</summary>
    public static bool TryRead(ReadOnlySpan<byte> frame, out EthernetHeader header)
    {
        if (frame.Length < Size)
        {
            header = default;
            return false;
        }

        header = new(new MacAddress(frame[..6]), new MacAddress(frame[6..12]), BinaryPrimitives.ReadUInt16BigEndian(frame[12..]));
        return true;
    }

    /// <summary>Writes the header, <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination)
    {
        Destination.CopyTo(destination);
        Source.CopyTo(destination[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(destination[12..], Type);
    }
}
