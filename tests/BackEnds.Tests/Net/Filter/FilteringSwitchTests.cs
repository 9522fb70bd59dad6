using System.Net;
using Xenlet.BackEnds.Net.Filter;
using Xenlet.Net;
using Xenlet.Net.Wire;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.BackEnds.Tests.Net.Filter;

/// <summary>A switch with a filter: a front end, and an uplink behind which the other addresses are.</summary>
public sealed class FilteringSwitchTests
{
    private readonly FramePool _frames = new();
    private readonly ManualClock _clock = new();
    private readonly List<byte[]> _toGuest = [];
    private readonly List<byte[]> _toOutside = [];
    private readonly PacketFilter _filter = new(FilterRules.Parse("accept tcp to port 80; drop tcp to port 81; default reject"));
    private readonly LearningSwitch _bridge;
    private readonly Recorder _frontEnd;
    private readonly IFramePort _outside;
    private IFramePort _guest;

    public FilteringSwitchTests()
    {
        _bridge = new(new() { Filter = _filter, TimeProvider = _clock });
        _frontEnd = new(_toGuest);
        _guest = _bridge.Connect(new NetworkPortRequest(1, 0, Packets.First, [], ""), _frontEnd);
        _outside = _bridge.AddPort(new Recorder(_toOutside));
    }

    [Fact]
    public void Frames_pass_as_they_are_and_others_do_not()
    {
        byte[] accepted = Packets.Tcp("10.0.0.2:1000", "10.0.0.1:80", "S", 1);
        Send(_guest, accepted);
        Send(_guest, Packets.Tcp("10.0.0.2:1000", "10.0.0.1:81", "S", 1));
        Assert.Equal([accepted], _toOutside);
        Assert.Empty(_toGuest);
        byte[] answer = ToGuest(Packets.Tcp("10.0.0.1:80", "10.0.0.2:1000", "SA", 7, 2));
        Send(_outside, answer);
        Send(_outside, ToGuest(Packets.Tcp("10.0.0.1:81", "10.0.0.2:1000", "SA", 7, 2)));
        Assert.Equal([answer], _toGuest);
    }

    /// <summary>As when its domain is saved and restored: it is another domain then.</summary>
    [Theory]
    [InlineData("10.0.0.2:1000", "10.0.0.1:80")]
    [InlineData("[fd00::2]:1000", "[fd00::1]:80")]
    public void A_front_end_that_comes_again_goes_on_with_its_connections(string guest, string far)
    {
        Send(_guest, Packets.Tcp(guest, far, "S", 1));
        Send(_outside, ToGuest(Packets.Tcp(far, guest, "SA", 7, 2)));
        Send(_guest, Packets.Tcp(guest, far, "A", 2, 8));
        _bridge.Disconnect(_frontEnd);
        Send(_outside, ToGuest(Packets.Tcp(far, guest, "PA", 8, 2, 10)));
        _clock.Advance(TimeSpan.FromSeconds(60));
        _guest = _bridge.Connect(new NetworkPortRequest(2, 0, Packets.First, [], ""), _frontEnd);
        _toGuest.Clear();
        _toOutside.Clear();
        byte[] again = ToGuest(Packets.Tcp(far, guest, "PA", 8, 2, 10));
        Send(_outside, again);
        byte[] answer = Packets.Tcp(guest, far, "A", 2, 18);
        Send(_guest, answer);
        Send(_guest, Packets.Tcp(guest.Replace(":1000", ":1001", StringComparison.Ordinal), far, "A", 2, 18));
        Assert.Equal([again], _toGuest);
        Assert.Equal([answer], _toOutside);
    }

    /// <summary>The domain of the first one is what rules see until the second one sends, and then that of the second.</summary>
    [Fact]
    public void A_front_end_that_is_migrated_within_the_host_goes_on_with_its_connections_as_long_as_one_of_its_devices_is_there()
    {
        _filter.Rules = FilterRules.Parse("accept tcp from domain 1 to port 80; accept tcp from domain 2 to port 80-81");
        const string guest = "10.0.0.2:1000", far = "10.0.0.1:80";
        Send(_guest, Packets.Tcp(guest, far, "S", 1));
        Send(_outside, ToGuest(Packets.Tcp(far, guest, "SA", 7, 2)));
        Recorder next = new(_toGuest);
        IFramePort migrated = _bridge.Connect(new NetworkPortRequest(2, 0, Packets.First, [], ""), next);
        Send(_guest, Packets.Tcp("10.0.0.2:1001", "10.0.0.1:81", "S", 1));
        _toOutside.Clear();
        byte[] answer = Packets.Tcp(guest, far, "A", 2, 8);
        byte[] another = Packets.Tcp("10.0.0.2:1002", "10.0.0.1:81", "S", 1);
        Send(migrated, answer);
        Send(migrated, another);
        _bridge.Disconnect(_frontEnd);
        _clock.Advance(TimeSpan.FromMinutes(6));
        _bridge.Connect(new NetworkPortRequest(3, 0, MacAddress.Parse("00:16:3e:00:00:03"), [], ""), _frontEnd);
        Send(migrated, answer);
        Assert.Equal([answer, another, answer], _toOutside);
    }

    [Fact]
    public void Neighbours_find_each_other_without_a_rule_and_none_takes_the_address_of_another()
    {
        _filter.Rules = FilterRules.None;
        List<byte[]> toHeld = [];
        AddressAssignment own = new(Packets.Address("fd00::3"), 64);
        IFramePort held = _bridge.Connect(new NetworkPortRequest(3, 0, Packets.Second, [own], ""), new Recorder(toHeld));
        byte[] address = IPAddress.Parse("fd00::2").GetAddressBytes();
        byte[] question = ToGuest(Packets.Icmp("fd00::3", "ff02::1:ff00:2", 135, more: address));
        Send(held, question);
        byte[] answer = Packets.Icmp("fd00::2", "fd00::3", 136, more: address);
        Send(_guest, answer);
        Send(held, ToGuest(Packets.Icmp("fd00::3", "ff02::1", 136, more: address)));
        Send(held, ToGuest(Packets.Icmp("fd00::2", "ff02::1", 136, more: address)));
        Send(held, ToGuest(Packets.Icmp("::", "ff02::1:ff00:2", 135, more: address)));
        Send(held, ToGuest(Packets.Udp("[fd00::3]:1000", "[fd00::2]:1000")));
        Assert.Equal([answer], toHeld);
        Assert.Equal([question], _toGuest);
    }

    [Theory]
    [InlineData("10.0.0.2:1000", "10.0.0.1:82", "S", 5u, 0u, 0, "Rst, Ack", 0u, 6u)]
    [InlineData("10.0.0.2:1000", "10.0.0.1:82", "S", 5u, 0u, 10, "Rst, Ack", 0u, 16u)]
    [InlineData("10.0.0.2:1000", "10.0.0.1:82", "A", 5u, 9u, 10, "Rst", 9u, 0u)]
    [InlineData("[fd00::2]:1000", "[fd00::1]:82", "S", 5u, 0u, 0, "Rst, Ack", 0u, 6u)]
    public void A_rejected_segment_of_TCP_is_reset(
        string from, string to, string flags, uint sequence, uint acknowledgment, int length, string said, uint resets, uint acknowledges)
    {
        Send(_guest, Packets.Tcp(from, to, flags, sequence, acknowledgment, length));
        byte[] frame = Assert.Single(_toGuest);
        FilterPacket answer = Read(frame);
        Assert.True(InternetChecksum.IsRight(frame), "the reset has a wrong checksum");
        Assert.Equal(new Flow(Packets.Endpoint(to), Packets.Endpoint(from)), answer.Flow);
        Assert.Equal(
            (said, resets, acknowledges), (answer.Tcp.Flags.ToString(), answer.Tcp.Sequence.Value, answer.Tcp.Acknowledgment.Value));
        Assert.Empty(_toOutside);
    }

    [Theory]
    [InlineData("10.0.0.2:1000", "10.0.0.1:53", 100, 3, 13, 128)]
    [InlineData("10.0.0.2:1000", "10.0.0.1:53", 2000, 3, 13, 548)]
    [InlineData("[fd00::2]:1000", "[fd00::1]:53", 100, 1, 1, 148)]
    [InlineData("[fd00::2]:1000", "[fd00::1]:53", 2000, 1, 1, 1232)]
    public void Another_rejected_packet_is_told_its_sender_by_ICMP(string from, string to, int length, byte type, byte code, int quoted)
    {
        byte[] packet = Packets.Udp(from, to, length);
        Send(_guest, packet);
        byte[] frame = Assert.Single(_toGuest);
        FilterPacket answer = Read(frame);
        bool isIPv4 = answer.Flow.Local.Address.IsIPv4;
        (InternetAddress source, InternetAddress destination) = (Packets.Endpoint(to).Address, Packets.Endpoint(from).Address);
        Assert.Equal((source, destination), (answer.Flow.Local.Address, answer.Flow.Remote.Address));
        byte[] message = frame[answer.TransportOffset..answer.End];
        ulong sum = isIPv4 ? 0 : InternetChecksum.PseudoHeader(source, destination, ProtocolNumber.IcmpV6, message.Length);
        Assert.Equal(0, InternetChecksum.Of(InternetChecksum.Add(message, sum)));
        Assert.Equal((type, code), (message[0], message[1]));
        Assert.Equal(Packets.PacketOf(packet)[..quoted], message[IcmpHeader.Size..]);
    }

    [Fact]
    public void Nothing_is_said_of_resets_errors_groups_and_later_fragments()
    {
        Send(_guest, Packets.Tcp("10.0.0.2:1000", "10.0.0.1:82", "R", 1));
        Send(_guest, Packets.Icmp("10.0.0.2", "10.0.0.1", 3, more: Packets.PacketOf(Packets.Udp("10.0.0.1:1", "10.0.0.2:1"))));
        Send(_guest, Packets.Udp("10.0.0.2:1000", "224.0.0.251:5353"));
        Send(_guest, Packets.Udp("0.0.0.0:68", "10.0.0.1:67"));
        Send(_guest, Packets.Fragment(Packets.Udp("10.0.0.2:1000", "10.0.0.1:82", 400), 200, 104));
        Assert.Empty(_toGuest);
        Assert.Empty(_toOutside);
    }

    [Fact]
    public void A_port_is_told_of_100_rejected_packets_in_a_second()
    {
        for (int i = 0; i < 500; i++)
        {
            Send(_guest, Packets.Udp("10.0.0.2:1000", "10.0.0.1:53"));
        }

        Assert.Equal(100, _toGuest.Count);
        _clock.Advance(TimeSpan.FromSeconds(0.5));
        Send(_guest, Packets.Udp("10.0.0.2:1000", "10.0.0.1:53"));
        Assert.Equal(101, _toGuest.Count);
        Assert.Contains("501 rejected", _filter.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_frame_for_many_segments_is_rejected_as_one()
    {
        byte[] segment = Packets.Tcp("10.0.0.2:1000", "10.0.0.1:82", "A", 5, 9, 20_000);
        FrameBuffer frame = _frames.Rent(segment.Length);
        frame.Append(segment);
        frame.IsChecksumBlank = true;
        frame.SegmentKind = SegmentKind.TcpV4;
        frame.SegmentSize = 1448;
        FrameBuffer? answer = null;
        LearningSwitch bridge = new(new() { Filter = new(FilterRules.Parse("default reject")) });
        IFramePort input = bridge.Connect(new NetworkPortRequest(1, 0, Packets.First, [], ""), new Keeper(kept => answer = kept));
        bridge.AddPort(new Recorder([]));
        input.Send(frame);
        Assert.NotNull(answer);
        Assert.Equal(
            (54, false, SegmentKind.None, 0), (answer.Length, answer.IsChecksumBlank, answer.SegmentKind, answer.SegmentSize));
        answer.Dispose();
    }

    private static FilterPacket Read(byte[] frame)
    {
        Assert.True(EthernetHeader.TryRead(frame, out EthernetHeader header));
        Assert.Equal((Packets.First, Packets.Second), (header.Destination, header.Source));
        FilterPacket packet = FilterPacket.Read(header, frame);
        Assert.Equal(PacketKind.Whole, packet.Kind);
        return packet;
    }

    /// <summary>The frame, from the second hardware address to the first.</summary>
    private static byte[] ToGuest(byte[] frame)
    {
        Assert.True(EthernetHeader.TryRead(frame, out EthernetHeader header));
        new EthernetHeader(Packets.First, Packets.Second, header.Type).Write(frame);
        return frame;
    }

    private void Send(IFramePort port, byte[] bytes)
    {
        FrameBuffer frame = _frames.Rent(bytes.Length);
        frame.Append(bytes);
        port.Send(frame);
    }

    private sealed class Recorder(List<byte[]> frames) : IFramePort
    {
        public void Send(FrameBuffer frame)
        {
            frames.Add(frame.Data.ToArray());
            frame.Dispose();
        }
    }

    private sealed class Keeper(Action<FrameBuffer> keep) : IFramePort
    {
        public void Send(FrameBuffer frame) => keep(frame);
    }
}
