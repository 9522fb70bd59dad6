using System.Buffers.Binary;
using Xenlet.Net.Tcp;

namespace Xenlet.Sockets.Tests;

/// <summary>Where struct tcp_info (linux/tcp.h) has what is known of a connection.</summary>
public sealed class TcpInfoTests
{
    private const long Microsecond = 1_000;
    private const long Millisecond = 1_000_000;

    /// <summary>All of Linux's 6.1 that is not 0 in <see cref="s_connection"/>.</summary>
    private static readonly (string Name, int Offset, int Size, ulong Value)[] s_fields =
    [
        ("tcpi_state", 0, 1, 8), ("tcpi_ca_state", 1, 1, 3), ("tcpi_retransmits", 2, 1, 2), ("tcpi_probes", 3, 1, 4),
        ("tcpi_backoff", 4, 1, 4), ("tcpi_options", 5, 1, 1 | 2 | 4), ("tcpi_snd_wscale, tcpi_rcv_wscale", 6, 1, 5 | (6 << 4)),
        ("tcpi_rto", 8, 4, 201_000), ("tcpi_ato", 12, 4, 40_000), ("tcpi_snd_mss", 16, 4, 1_000), ("tcpi_rcv_mss", 20, 4, 1_200),
        ("tcpi_unacked", 24, 4, 11), ("tcpi_sacked", 28, 4, 12), ("tcpi_lost", 32, 4, 13), ("tcpi_retrans", 36, 4, 14),
        ("tcpi_last_data_sent", 44, 4, 15), ("tcpi_last_data_recv", 52, 4, 16), ("tcpi_last_ack_recv", 56, 4, 16),
        ("tcpi_pmtu", 60, 4, 1_480), ("tcpi_rtt", 68, 4, 17), ("tcpi_rttvar", 72, 4, 18), ("tcpi_snd_ssthresh", 76, 4, 19),
        ("tcpi_snd_cwnd", 80, 4, 20), ("tcpi_advmss", 84, 4, 1_400), ("tcpi_total_retrans", 100, 4, 21),
        ("tcpi_pacing_rate", 104, 8, ulong.MaxValue), ("tcpi_max_pacing_rate", 112, 8, ulong.MaxValue),
        ("tcpi_bytes_acked", 120, 8, (1UL << 40) + 22), ("tcpi_bytes_received", 128, 8, (1UL << 40) + 23),
        ("tcpi_notsent_bytes", 144, 4, 24), ("tcpi_min_rtt", 148, 4, 25), ("tcpi_snd_wnd", 228, 4, 26),
    ];

    private static readonly TcpConnectionInfo s_connection = new(
        Flow: default,
        TcpState.CloseWait,
        SendQueue: 77,
        RoundTrip: 17 * Microsecond,
        RetransmissionTimeout: 201 * Millisecond,
        CongestionWindow: 20_999,
        Threshold: 19_999,
        SendWindow: 26,
        SegmentSize: 1_000,
        Retransmissions: 21)
    {
        Recovery = 3,
        Timeouts = 2,
        Probes = 4,
        HasTimestamps = true,
        HasSack = true,
        HasScale = true,
        SendScale = 5,
        ReceiveScale = 6,
        ReceivedSegmentSize = 1_200,
        AnnouncedSegmentSize = 1_400,
        UnacknowledgedSegments = 11,
        SackedSegments = 12,
        LostSegments = 13,
        ResentSegments = 14,
        Unsent = 24,
        SinceSent = 15 * Millisecond,
        SinceReceived = 16 * Millisecond,
        PathMtu = 1_480,
        RoundTripVariation = 18 * Microsecond,
        LeastRoundTrip = 25 * Microsecond,
        ReceivedCount = (1L << 40) + 23,
        AcknowledgedCount = (1L << 40) + 22,
    };

    [Fact]
    public void Each_field_stands_where_Linux_has_it_in_Linuxs_unit_and_all_others_are_0()
    {
        byte[] info = Write(s_connection);
        foreach ((string name, int offset, int size, ulong value) in s_fields)
        {
            Assert.True(value == Read(info, offset, size), $"{name} is {Read(info, offset, size)}, not {value}");
            info.AsSpan(offset, size).Clear();
        }

        Assert.True(info.All(each => each == 0), $"the byte {Array.FindIndex(info, each => each != 0)} is of no known field");
    }

    [Theory]
    [InlineData(true, false, false, 1)]
    [InlineData(false, true, false, 2)]
    [InlineData(false, false, true, 4)]
    public void The_bits_of_the_options_are_those_of_TCPI_OPT(bool hasTimestamps, bool hasSack, bool hasScale, byte bits) =>
        Assert.Equal(bits, Write(s_connection with { HasTimestamps = hasTimestamps, HasSack = hasSack, HasScale = hasScale })[5]);

    /// <summary>TCP_INFINITE_SSTHRESH, and the minimum that was never measured (linux/win_minmax.h).</summary>
    [Fact]
    public void Before_a_loss_and_a_measurement_threshold_and_least_round_trip_are_Linuxs_greatest()
    {
        byte[] info = Write(s_connection with { Threshold = int.MaxValue, LeastRoundTrip = 0 });
        Assert.Equal((0x7FFF_FFFFUL, 0xFFFF_FFFFUL), (Read(info, 76, 4), Read(info, 148, 4)));
    }

    [Fact]
    public void What_is_more_than_a_field_has_room_for_is_its_greatest_number()
    {
        byte[] info = Write(s_connection with { Timeouts = 300, Probes = 0, RoundTrip = long.MaxValue });
        Assert.Equal((255UL, 255UL, 0xFFFF_FFFFUL), (Read(info, 2, 1), Read(info, 4, 1), Read(info, 68, 4)));
    }

    private static byte[] Write(TcpConnectionInfo connection)
    {
        // Whatever was there before is no field.
        byte[] info = Enumerable.Repeat((byte)0xEE, TcpInfo.Size).ToArray();
        Assert.Equal(info.Length, TcpInfo.Write(info, connection));
        return info;
    }

    private static ulong Read(byte[] info, int offset, int size) => size switch
    {
        1 => info[offset],
        4 => BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(offset)),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(info.AsSpan(offset)),
    };
}
