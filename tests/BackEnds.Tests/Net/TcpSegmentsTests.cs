using System.Buffers.Binary;
using Xenlet.Net;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>How a frame is cut into segments of TCP.</summary>
public sealed class TcpSegmentsTests
{
    [Theory]
    [InlineData(false, 1, 1)]
    [InlineData(false, 1400, 1)]
    [InlineData(false, 1401, 2)]
    [InlineData(false, 60_000, 43)]
    [InlineData(true, 1, 1)]
    [InlineData(true, 2800, 2)]
    [InlineData(true, 60_000, 43)]
    [InlineData(true, 0, 1)]
    public void The_segments_are_packets_of_their_own_that_together_are_the_frame(bool isIPv6, int dataLength, int count)
    {
        byte[] frame = TcpFrames.Make(isIPv6, dataLength);
        int headers = TcpFrames.HeaderSize(isIPv6);
        Assert.True(TcpSegments.TryRead(frame, 1400, out TcpSegments segments));
        Assert.Equal((count, isIPv6), (segments.Count, segments.IsIPv6));
        int at = 0;
        for (int i = 0; i < count; i++)
        {
            byte[] segment = new byte[segments.LengthOf(i)];
            segments.Write(i, segment);
            Span<byte> ip = segment.AsSpan(14);
            Span<byte> tcp = segment.AsSpan(headers - 32);
            Assert.True(InternetChecksum.IsRight(segment), $"the checksum of segment {i}");
            Assert.Equal(0xFFFF_FF00 + (uint)at, BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]));

            // ACK in all; CWR in the first one; PSH and FIN in the last one.
            Assert.Equal(0x10 | (i == 0 ? 0x80 : 0) | (i == count - 1 ? 0x09 : 0), tcp[13]);
            if (isIPv6)
            {
                Assert.Equal(ip.Length - 40, BinaryPrimitives.ReadUInt16BigEndian(ip[4..]));
            }
            else
            {
                Assert.Equal(ip.Length, BinaryPrimitives.ReadUInt16BigEndian(ip[2..]));
                Assert.Equal((ushort)(0xFFFE + i), BinaryPrimitives.ReadUInt16BigEndian(ip[4..]));
                Assert.Equal(0, InternetChecksum.Of(InternetChecksum.Add(ip[..20])));
            }

            Assert.Equal(frame[(headers + at)..Math.Min(frame.Length, headers + at + 1400)], segment[headers..]);
            at += segment.Length - headers;
        }

        Assert.Equal(dataLength, at);
    }

    [Theory]
    [InlineData("a frame without a packet", 12, 0x08, false)]
    [InlineData("a packet of no version", 14, 0x15, false)]
    [InlineData("a header that is too short", 14, 0x44, false)]
    [InlineData("a packet longer than the frame", 16, 0xFF, false)]
    [InlineData("a packet that is too short for TCP", 17, 39, true)]
    [InlineData("a fragment", 20, 0x20, false)]
    [InlineData("UDP", 23, 17, false)]
    [InlineData("a TCP header that is too short", 46, 0x40, false)]
    [InlineData("a TCP header that is longer than the packet", 46, 0xF0, true)]
    public void What_is_no_such_frame_is_not_cut(string what, int at, byte value, bool isShort)
    {
        byte[] frame = TcpFrames.Make(isIPv6: false, isShort ? 1 : 200);
        Assert.True(TcpSegments.TryRead(frame, 1400, out _));
        frame[at] = at == 12 ? (byte)0xFF : value;
        frame[16] = at == 17 ? (byte)0 : frame[16];
        Assert.False(TcpSegments.TryRead(frame, 1400, out _), what);
    }

    [Fact]
    public void Segments_of_a_few_bytes_are_refused_since_they_are_more_work_than_the_frame()
    {
        byte[] frame = TcpFrames.Make(isIPv6: true, 1000);
        Assert.True(TcpSegments.TryRead(frame, TcpSegments.LeastSize, out _));
        Assert.False(TcpSegments.TryRead(frame, TcpSegments.LeastSize - 1, out _));
    }

    [Fact]
    public void Random_frames_are_cut_without_an_exception_or_refused()
    {
        Random random = new(3);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] whole = TcpFrames.Make(random.Next(2) == 0, random.Next(300), i);
            byte[] frame = random.Next(4) == 0 ? whole[..random.Next(14, whole.Length)] : whole;
            for (int change = random.Next(3); change > 0; change--)
            {
                frame[random.Next(12, frame.Length)] = (byte)random.Next();
            }

            if (TcpSegments.TryRead(frame, random.Next(48, 100), out TcpSegments segments))
            {
                for (int one = 0; one < segments.Count; one++)
                {
                    segments.Write(one, new byte[segments.LengthOf(one)]);
                }
            }
        }
    }
}
