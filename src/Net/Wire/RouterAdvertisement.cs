using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>The fixed part of a router advertisement (RFC 4861, section 4.2).</summary>
/// <param name="HopLimit">The hop limit for packets that we send; 0 for no advice.</param>
/// <param name="RouterLifetime">For how long the sender is a default router, in seconds; 0 when it is none.</param>
/// <param name="ReachableTime">For how long a confirmed neighbour is taken to be reachable, in milliseconds; 0 for no advice.</param>
/// <param name="RetransmitTime">Milliseconds between solicitations; 0 for no advice.</param>
internal readonly record struct RouterAdvertisement(byte HopLimit, ushort RouterLifetime, uint ReachableTime, uint RetransmitTime)
{
    /// <summary>Bytes before the options.</summary>
    public const int Size = 16;

    /// <summary>Reads a message whose ICMPv6 header has been read. False for one that RFC 4861, section 6.1.2, calls invalid.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out RouterAdvertisement advertisement)
    {
        advertisement = default;
        if (message.Length < Size || message[1] != 0 || !NeighbourOptions.AreValid(message[Size..]))
        {
            return false;
        }

        advertisement = new(
            message[4],
            BinaryPrimitives.ReadUInt16BigEndian(message[6..]),
            BinaryPrimitives.ReadUInt32BigEndian(message[8..]),
            BinaryPrimitives.ReadUInt32BigEndian(message[12..]));
        return true;
    }
}
