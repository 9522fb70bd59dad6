using System.Buffers.Binary;
using Xenlet.Net.Tcp;

namespace Xenlet.Sockets;

/// <summary>
/// struct tcp_info (linux/tcp.h), as Linux 6.1 has it. What the stack does not count is 0: times of data apart from segments, segments,
/// bytes sent again, rates, and what limits a sender. Times are in microseconds, those since an event in milliseconds, windows and
/// thresholds of congestion in segments.
/// </summary>
internal static class TcpInfo
{
    /// <summary>Bytes of the structure.</summary>
    public const int Size = 232;

    private const byte Timestamps = 1;
    private const byte Sack = 2;
    private const byte WindowScale = 4;

    private const int FirstTimeout = 1_000_000;
    private const int NoThreshold = int.MaxValue;

    /// <summary>No window is as large: nothing has been lost yet.</summary>
    private const int LeastNoThreshold = 1 << 30;
    private const int SmallestSegment = 536;
    private const long NanosecondsPerMicrosecond = 1_000;
    private const long NanosecondsPerMillisecond = 1_000_000;

    /// <summary>How long an acknowledgment is delayed (docs/tcp.md).</summary>
    private const int Delay = 40_000;

    /// <summary>Of a socket without a connection.</summary>
    /// <returns>The structure's length.</returns>
    public static int Write(Span<byte> info, TcpState state)
    {
        info[..Size].Clear();
        info[0] = (byte)state;
        if (state == TcpState.Closed)
        {
            Put(info, 8, FirstTimeout);
            Put(info, 16, SmallestSegment);
            Put(info, 76, NoThreshold);
        }

        return Size;
    }

    /// <summary>Of a connection.</summary>
    /// <returns>The structure's length.</returns>
    public static int Write(Span<byte> info, in TcpConnectionInfo connection)
    {
        info[..Size].Clear();
        int segment = Math.Max(connection.SegmentSize, 1);
        info[0] = (byte)connection.State;
        info[1] = (byte)connection.Recovery;
        info[2] = (byte)Math.Min(connection.Timeouts, byte.MaxValue);
        info[3] = (byte)Math.Min(connection.Probes, byte.MaxValue);
        info[4] = (byte)Math.Min(Math.Max(connection.Timeouts, connection.Probes), byte.MaxValue);
        info[5] = (byte)((connection.HasTimestamps ? Timestamps : 0) | (connection.HasSack ? Sack : 0)
            | (connection.HasScale ? WindowScale : 0));
        info[6] = (byte)(connection.SendScale | (connection.ReceiveScale << 4));
        Put(info, 8, connection.RetransmissionTimeout / NanosecondsPerMicrosecond);
        Put(info, 12, Delay);
        Put(info, 16, connection.SegmentSize);
        Put(info, 20, connection.ReceivedSegmentSize);
        Put(info, 24, connection.UnacknowledgedSegments);
        Put(info, 28, connection.SackedSegments);
        Put(info, 32, connection.LostSegments);
        Put(info, 36, connection.ResentSegments);
        Put(info, 44, connection.SinceSent / NanosecondsPerMillisecond);
        Put(info, 52, connection.SinceReceived / NanosecondsPerMillisecond);
        Put(info, 56, connection.SinceReceived / NanosecondsPerMillisecond);
        Put(info, 60, connection.PathMtu);
        Put(info, 68, connection.RoundTrip / NanosecondsPerMicrosecond);
        Put(info, 72, connection.RoundTripVariation / NanosecondsPerMicrosecond);
        Put(info, 76, connection.Threshold >= LeastNoThreshold ? NoThreshold : connection.Threshold / segment);
        Put(info, 80, Math.Max(connection.CongestionWindow / segment, 1));
        Put(info, 84, connection.AnnouncedSegmentSize);
        Put(info, 100, connection.Retransmissions);
        PutLong(info, 104, -1);
        PutLong(info, 112, -1);
        PutLong(info, 120, connection.AcknowledgedCount);
        PutLong(info, 128, connection.ReceivedCount);
        Put(info, 144, connection.Unsent);
        Put(info, 148, connection.LeastRoundTrip == 0 ? uint.MaxValue : connection.LeastRoundTrip / NanosecondsPerMicrosecond);
        Put(info, 228, connection.SendWindow);
        return Size;
    }

    private static void Put(Span<byte> info, int offset, long value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(info[offset..], (uint)Math.Clamp(value, 0, uint.MaxValue));

    private static void PutLong(Span<byte> info, int offset, long value) =>
        BinaryPrimitives.WriteInt64LittleEndian(info[offset..], value);
}
