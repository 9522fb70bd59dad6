using System.Buffers.Binary;
using Xenlet.Drivers;
using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>Echo of ICMP (RFC 792) and of ICMPv6 (RFC 4443), which differ in the types and in what the checksum covers.</summary>
internal static class Echo
{
    /// <summary>Type, code, checksum, identifier, sequence number.</summary>
    public const int HeaderLength = 8;

    public const byte Request = 8;
    public const byte Reply = 0;
    public const byte Request6 = 128;
    public const byte Reply6 = 129;

    /// <summary>Makes the reply to a message; false when it is no request, or a damaged one.</summary>
    /// <param name="message">The message.</param>
    /// <param name="request">Type of a request.</param>
    /// <param name="replyType">Type of the reply.</param>
    /// <param name="pseudoHeader">Sum of what the checksum covers beside the message. It is the same both ways.</param>
    /// <param name="isBlank">The checksum was left for hardware to fill in, and the message never was on a wire.</param>
    /// <param name="reply">Receives the reply, as long as the message.</param>
    public static bool TryAnswer(
        ReadOnlySpan<byte> message, byte request, byte replyType, ulong pseudoHeader, bool isBlank, Span<byte> reply)
    {
        // The code has no meaning; busybox's ping fills it with a pattern, and Linux answers whatever it is.
        if (message.Length < HeaderLength || message[0] != request)
        {
            return false;
        }

        if (!isBlank && InternetChecksum.Of(InternetChecksum.Add(message, pseudoHeader)) != 0)
        {
            return false;
        }

        message.CopyTo(reply);
        reply[0] = replyType;
        reply[2..4].Clear();
        ushort checksum = InternetChecksum.Of(InternetChecksum.Add(reply[..message.Length], pseudoHeader));
        BinaryPrimitives.WriteUInt16BigEndian(reply[2..], checksum);
        return true;
    }
}
