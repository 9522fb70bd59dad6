using System.Buffers.Binary;
using Xenlet.Net.Internet;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Internet;

/// <summary>Fragments in both directions.</summary>
public sealed class FragmentTests
{
    private readonly TestNetwork _network = new();

    [Theory]
    [InlineData("10.0.0.1/24", "10.0.0.2/24", "10.0.0.2", 1_500)]
    [InlineData("10.0.0.1/24", "10.0.0.2/24", "10.0.0.2", 65_000)]
    [InlineData("10.0.0.1/24", "10.0.0.2/24", "10.0.0.2", 65_515)]
    [InlineData("fd00::1/64", "fd00::2/64", "fd00::2", 1_500)]
    [InlineData("fd00::1/64", "fd00::2/64", "fd00::2", 65_000)]
    [InlineData("fd00::1/64", "fd00::2/64", "fd00::2", 65_535)]
    public void A_packet_that_is_too_large_arrives_whole(string ours, string theirs, string destination, int length)
    {
        TestHost host = _network.AddHost(ours);
        TestHost peer = _network.AddHost(theirs);
        TestTransport sender = TestTransport.AddTo(host);
        TestTransport receiver = TestTransport.AddTo(peer);
        sender.Send(destination, 8);
        _network.Settle();

        Assert.Equal(InternetSendResult.TooLarge, sender.Send(destination, length));
        InternetSendResult result = sender.Send(destination, length, canFragment: true);
        _network.Settle();

        Assert.Equal(InternetSendResult.Sent, result);
        Assert.Equal(Enumerable.Range(0, length).Select(i => (byte)(i * 7)), receiver.Received[^1].Data);
        Assert.All(_network.Wire.Sent, frame => Assert.InRange(frame.Length, 0, 1_514));
        Assert.Equal((0, 0), (host.Stack.Pool.Rented, peer.Stack.Pool.Rented));
    }

    [Fact]
    public void Fragments_make_the_packet_in_any_order_and_when_some_come_twice()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            byte[] data = new byte[8 * random.Next(2, 60)];
            random.NextBytes(data);
            List<(int Start, int End)> pieces = [];
            for (int start = 0; start < data.Length;)
            {
                int end = Math.Min(data.Length, start + (8 * random.Next(1, 6)));
                pieces.Add((start, end));
                start = end;
            }

            (int Start, int End)[] order = [.. pieces, .. pieces.Where(_ => random.Next(3) == 0)];
            random.Shuffle(order);
            TestHost host = _network.AddHost($"10.0.{seed}.1/24");
            TestTransport transport = TestTransport.AddTo(host);
            HashSet<(int, int)> seen = [];
            foreach ((int start, int end) in order)
            {
                if (seen.Count == pieces.Count)
                {
                    break;
                }

                seen.Add((start, end));
                Fragment(host, start, data[start..end], end < data.Length, $"10.0.{seed}.9", $"10.0.{seed}.1");
            }

            _network.Settle();
            Assert.True(transport.Received.Count == 1, $"seed {seed}: {order.Length} fragments made {transport.Received.Count} packets");
            Assert.Equal(data, transport.Received[0].Data);
        }
    }

    /// <summary>Each row is fragments as offset, length, and whether more follow; together they make no packet.</summary>
    [Theory]
    [InlineData("0+16m 8+16m 24+8")]
    [InlineData("8+16m 0+16m 24+8")]
    [InlineData("0+16m 24+8 24+16")]
    [InlineData("0+16m 24+8 8+24m")]
    [InlineData("0+16m 24+8 16+8 8+8m")]
    [InlineData("24+8 0+40m")]
    [InlineData("0+15m 16+8")]
    [InlineData("65528+16 0+8m")]
    public void Fragments_that_contradict_each_other_make_no_packet(string script)
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestTransport transport = TestTransport.AddTo(host);
        byte value = 1;
        foreach (string each in script.Split(' '))
        {
            string[] parts = each.TrimEnd('m').Split('+');
            byte[] data = new byte[int.Parse(parts[1], null)];
            Array.Fill(data, value++);
            Fragment(host, int.Parse(parts[0], null), data, each.EndsWith('m'));
        }

        _network.Settle();
        Assert.Empty(transport.Received);
        _network.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    [Fact]
    public void A_packet_that_stays_unfinished_is_dropped_and_its_sender_told()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        _network.AddHost("10.0.0.9/24");
        Fragment(host, 0, new byte[16], hasMore: true);
        _network.Settle();
        Assert.Equal(1, host.Stack.Pool.Rented);

        _network.Advance(TimeSpan.FromSeconds(31));

        Assert.Equal(0, host.Stack.Pool.Rented);
        Assert.Equal(1, host.Stack.IPv4Statistics.ReasmTimeout);
        byte[] frame = _network.Wire.Sent.Last(each => each[12] == 8 && each[13] == 0);
        Assert.Equal((IcmpType.TimeExceeded, IcmpType.ReassemblyTimeExceeded), (frame[34], frame[35]));
    }

    [Fact]
    public void Unfinished_packets_take_bounded_memory()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestTransport transport = TestTransport.AddTo(host);
        for (ushort i = 0; i < 1_000; i++)
        {
            Fragment(host, 8, new byte[8], hasMore: true, identification: i);
            _network.Settle();
        }

        Assert.Equal(Reassembler.Capacity, host.Stack.Pool.Rented);
        Fragment(host, 0, new byte[8], hasMore: true, identification: 2_000);
        Fragment(host, 8, new byte[8], hasMore: false, identification: 2_000);
        _network.Settle();
        Assert.Single(transport.Received);
    }

    [Fact]
    public void Endless_small_pieces_of_one_packet_end_it()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestTransport.AddTo(host);
        for (int i = 1; i < 200; i++)
        {
            Fragment(host, i * 16, new byte[8], hasMore: true);
        }

        _network.Settle();
        Assert.Equal(0, host.Stack.Pool.Rented);
    }

    [Fact]
    public void The_first_fragment_of_IPv6_has_all_headers()
    {
        TestHost host = _network.AddHost("fd00::1/64");
        TestTransport transport = TestTransport.AddTo(host);

        // Destination options that go on in the second fragment.
        FragmentV6(host, 0, [TestTransport.Protocol, 1, 1, 4, 0, 0, 0, 0], true, ProtocolNumber.DestinationOptions);
        FragmentV6(host, 8, [1, 6, 0, 0, 0, 0, 0, 0, 1, 2, 3], false, ProtocolNumber.DestinationOptions);
        _network.Settle();

        Assert.Empty(transport.Received);
        Assert.True(host.Stack.IPv6Statistics.InHdrErrors > 0);
    }

    [Fact]
    public void A_fragment_that_is_the_whole_packet_is_taken_beside_others_of_the_same_number()
    {
        TestHost host = _network.AddHost("fd00::1/64");
        TestTransport transport = TestTransport.AddTo(host);

        FragmentV6(host, 8, new byte[8], true, TestTransport.Protocol);
        FragmentV6(host, 0, [1, 2, 3], false, TestTransport.Protocol);
        _network.Settle();

        Assert.Equal([1, 2, 3], Assert.Single(transport.Received).Data);
    }

    private static void Fragment(
        TestHost host,
        int offset,
        byte[] data,
        bool hasMore,
        string source = "10.0.0.9",
        string destination = "10.0.0.1",
        ushort identification = 7) =>
        host.TakeIPv4(source, destination, TestTransport.Protocol, data, offset, hasMore, identification);

    private static void FragmentV6(TestHost host, int offset, byte[] data, bool hasMore, byte nextHeader)
    {
        byte[] bytes = new byte[8 + data.Length];
        bytes[0] = nextHeader;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)(offset | (hasMore ? 1 : 0)));
        bytes[7] = 5;
        data.CopyTo(bytes, 8);
        host.TakeIPv6("fd00::9", "fd00::1", ProtocolNumber.Fragment, bytes);
    }
}
