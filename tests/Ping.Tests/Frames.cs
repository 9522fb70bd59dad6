using System.Buffers.Binary;

namespace Xenlet.Samples.Tests;

/// <summary>Frames, the first of them as Linux 6 sent them over a virtual Ethernet cable to 10.0.0.2 and fd00::2.</summary>
internal static class Frames
{
    public static readonly byte[] ArpRequest = Hex(
        "ffffffffffff 00163e000001 0806 0001 0800 06 04 0001 00163e000001 0a000001 000000000000 0a000002");

    public static readonly byte[] Echo = Hex(
        "00163e000002 00163e000001 0800 45000024 f2f84000 400133de 0a000001 0a000002 08008c00 3dd90000 90b39d72 00000000");

    public static readonly byte[] Solicitation = Hex(
        "3333ff000002 00163e000001 86dd 60000000 0020 3a ff fd000000000000000000000000000001 ff0200000000000000000001ff000002"
        + "8700 4181 00000000 fd000000000000000000000000000002 0101 00163e000001");

    public static readonly byte[] Echo6 = Hex(
        "00163e000002 00163e000001 86dd 600c634c 0010 3a 40 fd000000000000000000000000000001 fd000000000000000000000000000002"
        + "8000 fc3f 378e0000 0f7d4265 00000000");

    public static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));

    /// <summary>An echo request to us with a payload of any size, in as many fragments as the MTU asks for.</summary>
    public static byte[][] Echo4(int size, int mtu = 1500, ushort id = 1, string source = "0a000001")
    {
        byte[] message = Message(8, size, []);
        List<byte[]> frames = [];
        foreach ((int offset, int length, bool more) in Cut(message.Length, mtu - 20))
        {
            frames.Add(Fragment4(message.AsSpan(offset, length), offset, more, id, source));
        }

        return [.. frames];
    }

    public static byte[] Fragment4(ReadOnlySpan<byte> part, int offset, bool more, ushort id = 1, string source = "0a000001")
    {
        byte[] header = Hex("45 00 0000 0000 0000 40 01 0000" + source + "0a000002");
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(20 + part.Length));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), id);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), (ushort)((offset / 8) | (more ? 0x2000 : 0)));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), Checksum(header));
        return [.. Hex(Exchange.Us + Exchange.Them + "0800"), .. header, .. part];
    }

    /// <summary>The same for IPv6.</summary>
    public static byte[][] Echo6Of(int size, int mtu = 1500, uint id = 1)
    {
        byte[] message = Message(128, size, PseudoHeader("fd000000000000000000000000000001", "fd000000000000000000000000000002", size + 8));
        if (message.Length <= mtu - 40)
        {
            return [Packet6(58, message)];
        }

        List<byte[]> frames = [];
        foreach ((int offset, int length, bool more) in Cut(message.Length, mtu - 48))
        {
            frames.Add(Fragment6(message.AsSpan(offset, length), offset, more, id));
        }

        return [.. frames];
    }

    public static byte[] Fragment6(ReadOnlySpan<byte> part, int offset, bool more, uint id = 1)
    {
        byte[] header = new byte[8];
        header[0] = 58;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(offset | (more ? 1 : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), id);
        return Packet6(44, [.. header, .. part]);
    }

    public static byte[] Packet6(
        byte nextHeader, ReadOnlySpan<byte> payload, string source =
            "fd000000000000000000000000000001", string destination = "fd000000000000000000000000000002")
    {
        byte[] length = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)payload.Length);
        return [.. Hex(Exchange.Us + Exchange.Them + "86dd 60000000"), .. length, nextHeader, 64, .. Hex(source + destination), .. payload];
    }

    /// <summary>
    /// Writes correct checksums into a frame of IPv4 or IPv6 with one whole message, so that only the test's change is wrong in it.
    /// </summary>
    public static byte[] Mended(byte[] frame)
    {
        byte[] mended = [.. frame];
        Span<byte> packet = mended.AsSpan(14);
        if (mended[12..14] is [0x08, 0x00])
        {
            int header = Math.Clamp((packet[0] & 15) * 4, 20, packet.Length);
            packet[10..12].Clear();
            BinaryPrimitives.WriteUInt16BigEndian(packet[10..], Checksum(packet[..header]));
            MendMessage(packet[header..], []);
        }
        else if (mended[12..14] is [0x86, 0xDD] && packet.Length > 40)
        {
            Span<byte> message = packet[40..];
            MendMessage(
                message, [.. packet[8..40], .. BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(message.Length)), 0, 0, 0, 58]);
        }

        return mended;
    }

    /// <summary>What a checksum of a frame's message comes to: 0 if it is right.</summary>
    public static ushort MessageChecksum6(ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<byte> packet = frame[14..];
        ReadOnlySpan<byte> message = packet[40..];
        return Checksum(
            [.. packet[8..40], .. BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(message.Length)), 0, 0, 0, 58, .. message]);
    }

    /// <summary>The checksum, from the remainder that it is: written otherwise than what is tested.</summary>
    public static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        long sum = 0;
        for (int index = 0; index < bytes.Length; index++)
        {
            sum += (long)bytes[index] << (index % 2 == 0 ? 8 : 0);
        }

        // Of the two forms of zero, a sum that is not zero has 0xFFFF.
        long remainder = sum == 0 ? 0 : ((sum - 1) % 0xFFFF) + 1;
        return (ushort)~remainder;
    }

    /// <summary>The message that fragments carry.</summary>
    public static byte[] Join4(IEnumerable<byte[]> frames) => Join(frames, frame =>
    {
        int total = BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(16));
        Assert.Equal(14 + total, frame.Length);
        Assert.Equal(0, Checksum(frame.AsSpan(14, 20)));
        int field = BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(20));
        return ((field & 0x1FFF) * 8, (field & 0x2000) != 0, frame[34..]);
    });

    /// <summary>The message that fragments, or one packet, carry.</summary>
    public static byte[] Join6(IReadOnlyList<byte[]> frames) =>
        frames is [{ } whole] && whole[20] == 58 ? whole[54..] : Join(frames, frame =>
    {
        Assert.Equal(54 + BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(18)), frame.Length);
        Assert.Equal((44, 58), (frame[20], frame[54]));
        int field = BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(56));
        return (field & 0xFFF8, (field & 1) != 0, frame[62..]);
    });

    private static byte[] Join(IEnumerable<byte[]> frames, Func<byte[], (int Offset, bool More, byte[] Part)> read)
    {
        List<byte> message = [];
        bool more = true;
        foreach (byte[] frame in frames)
        {
            Assert.True(more, "a fragment behind the last");
            (int offset, more, byte[] part) = read(frame);
            Assert.Equal(message.Count, offset);
            message.AddRange(part);
        }

        Assert.False(more, "the last fragment is missing");
        return [.. message];
    }

    private static void MendMessage(Span<byte> message, byte[] pseudoHeader)
    {
        if (message.Length >= 4)
        {
            message[2..4].Clear();
            BinaryPrimitives.WriteUInt16BigEndian(message[2..], Checksum([.. pseudoHeader, .. message]));
        }
    }

    private static byte[] Message(byte type, int size, byte[] pseudoHeader)
    {
        byte[] message = new byte[8 + size];
        message[0] = type;
        message[5] = 7;
        for (int index = 8; index < message.Length; index++)
        {
            message[index] = (byte)(index * 31);
        }

        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), Checksum([.. pseudoHeader, .. message]));
        return message;
    }

    private static byte[] PseudoHeader(string source, string destination, int length) =>
        [.. Hex(source + destination), .. BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(length)), 0, 0, 0, 58];

    private static IEnumerable<(int Offset, int Length, bool More)> Cut(int length, int room)
    {
        int most = length <= room ? length : room / 8 * 8;
        for (int offset = 0; offset < length; offset += most)
        {
            yield return (offset, Math.Min(most, length - offset), offset + most < length);
        }
    }
}
