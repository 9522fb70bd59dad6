using System.Buffers.Binary;

namespace Xenlet.Net.Wire;

/// <summary>
/// A message about membership in multicast groups: IGMPv2's (RFC 2236), or MLDv1's (RFC 2710) from its ICMPv6 header on. A query of a later
/// version begins as one of these does.
/// </summary>
/// <param name="Type">The type: of <see cref="IcmpV6Type"/>, or one of those below.</param>
/// <param name="MaximumDelay">Of a query: the time within which members report, in milliseconds.</param>
/// <param name="Group">The group; any address for all of them.</param>
internal readonly record struct GroupMessage(byte Type, int MaximumDelay, InternetAddress Group)
{
    public const byte IgmpQuery = 0x11;
    public const byte IgmpReportV1 = 0x12;
    public const byte IgmpReport = 0x16;
    public const byte IgmpLeave = 0x17;

    /// <summary>Bytes of a message of IGMPv2.</summary>
    public const int IgmpSize = 8;

    /// <summary>Bytes of a message of MLDv1.</summary>
    public const int MldSize = 24;

    /// <summary>What a query of IGMPv1, which has no delay, means: 10 seconds.</summary>
    private const int DelayOfVersion1 = 10_000;

    /// <summary>Reads a message of IGMP and verifies its checksum.</summary>
    public static bool TryReadIgmp(ReadOnlySpan<byte> message, out GroupMessage group)
    {
        group = default;
        if (message.Length < IgmpSize || InternetChecksum.Of(InternetChecksum.Add(message)) != 0)
        {
            return false;
        }

        group = new(message[0], message[1] == 0 ? DelayOfVersion1 : message[1] * 100, InternetAddress.Read(message[4..8]));
        return true;
    }

    /// <summary>Reads a message of MLD whose checksum has been verified.</summary>
    public static bool TryReadMld(ReadOnlySpan<byte> message, out GroupMessage group)
    {
        group = default;
        if (message.Length < MldSize)
        {
            return false;
        }

        group = new(message[0], BinaryPrimitives.ReadUInt16BigEndian(message[4..]), InternetAddress.Read(message[8..24]));
        return true;
    }

    /// <summary>Writes a report or a leave of IGMP with its checksum: <see cref="IgmpSize"/> bytes.</summary>
    public void WriteIgmp(Span<byte> destination)
    {
        destination[0] = Type;
        destination[1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], 0);
        Group.Write(destination[4..]);
        IcmpHeader.WriteChecksum(destination[..IgmpSize], 0);
    }

    /// <summary>Writes a report or a done of MLD with a checksum of zero: <see cref="MldSize"/> bytes.</summary>
    public void WriteMld(Span<byte> destination)
    {
        new IcmpHeader(Type, 0, 0).Write(destination);
        Group.WriteIPv6(destination[8..]);
    }
}
