using Xenlet.Net;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>Which ports of a switch get a frame.</summary>
public sealed class LearningSwitchTests
{
    private static readonly MacAddress A = MacAddress.Parse("00:16:3e:00:00:0a");
    private static readonly MacAddress B = MacAddress.Parse("00:16:3e:00:00:0b");
    private static readonly MacAddress C = MacAddress.Parse("00:16:3e:00:00:0c");
    private static readonly MacAddress Far = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress Group = MacAddress.Parse("01:00:5e:00:00:01");

    private readonly FramePool _frames = new();
    private readonly ManualClock _clock = new();

    /// <summary>Front ends A, B and C, and an uplink behind which Far has sent a frame.</summary>
    [Theory]
    [InlineData("A", "B", "B")]
    [InlineData("A", "A", "")]
    [InlineData("A", "Far", "up")]
    [InlineData("A", "unknown", "up")]
    [InlineData("A", "Group", "B C up")]
    [InlineData("A", "Broadcast", "B C up")]
    [InlineData("up", "B", "B")]
    [InlineData("up", "Far", "")]
    [InlineData("up", "unknown", "")]
    [InlineData("up", "Broadcast", "A B C")]
    public void A_frame_goes_where_its_destination_is(string from, string to, string expected)
    {
        Dictionary<string, Recorder> ports = Connect(new(), out Dictionary<string, IFramePort> inputs);
        Send(inputs["up"], Far, A);
        ports["A"].Frames.Clear();
        byte[] frame = Send(inputs[from], from == "A" ? A : Far, to switch
        {
            "A" => A,
            "B" => B,
            "Far" => Far,
            "Group" => Group,
            "Broadcast" => MacAddress.Broadcast,
            _ => MacAddress.Parse("02:00:00:00:00:99"),
        });
        Assert.Equal(expected, string.Join(' ', ports.Where(port => port.Value.Frames.Count > 0).Select(port => port.Key).Order()));
        Assert.All(ports.Values.SelectMany(port => port.Frames), received => Assert.Equal(frame, received));
    }

    [Fact]
    public void A_front_end_cannot_send_under_another_address_and_an_uplink_cannot_take_one_over()
    {
        LearningSwitch bridge = new();
        Dictionary<string, Recorder> ports = Connect(bridge, out Dictionary<string, IFramePort> inputs);
        Send(inputs["A"], B, C);
        Send(inputs["A"], Group, C);
        Assert.Empty(ports["C"].Frames);
        Send(inputs["up"], B, C);
        Send(inputs["A"], A, B);
        Assert.Single(ports["B"].Frames);
        Assert.Empty(ports["up"].Frames);
    }

    /// <summary>As those of a domain that is migrated within the host, which goes on here or there.</summary>
    [Theory]
    [InlineData(false, "first")]
    [InlineData(true, "second")]
    public void Of_two_front_ends_with_one_address_that_one_gets_its_frames_which_has_sent_last_and_then_that_one_which_stays(
        bool hasSent, string expected)
    {
        LearningSwitch bridge = new();
        Recorder first = new();
        Recorder second = new();
        IFramePort uplink = bridge.AddPort(new Recorder());
        bridge.Connect(Request(A), first);
        IFramePort input = bridge.Connect(Request(A), second);
        if (hasSent)
        {
            Send(input, A, Far);
        }

        Assert.Equal(expected, Receiver());
        bridge.Disconnect(hasSent ? first : second);
        Assert.Equal(expected, Receiver());
        Recorder other = hasSent ? first : second;
        bridge.Connect(Request(A), other);
        bridge.Disconnect(hasSent ? second : first);
        Assert.NotEqual(expected, Receiver());

        string Receiver()
        {
            (int one, int two) = (first.Frames.Count, second.Frames.Count);
            Send(uplink, Far, A);
            return string.Concat(Enumerable.Repeat("first", first.Frames.Count - one))
                + string.Concat(Enumerable.Repeat("second", second.Frames.Count - two));
        }
    }

    [Fact]
    public void A_port_that_is_gone_gets_nothing_and_sends_nothing_and_its_address_is_free()
    {
        LearningSwitch bridge = new();
        Dictionary<string, Recorder> ports = Connect(bridge, out Dictionary<string, IFramePort> inputs);
        bridge.Disconnect(ports["B"]);
        Send(inputs["A"], A, B);
        Send(inputs["B"], B, C);
        Assert.Empty(ports["B"].Frames);
        Assert.Empty(ports["C"].Frames);
        Assert.Single(ports["up"].Frames);
        bridge.Connect(Request(B), ports["B"]);
        Send(inputs["A"], A, B);
        Assert.Single(ports["B"].Frames);
    }

    [Fact]
    public void Learned_addresses_are_bounded_for_each_port_and_forgotten_in_time()
    {
        LearningSwitch bridge = new(new() { AddressesPerPort = 2, TimeProvider = _clock });
        Recorder[] uplinks = [new(), new()];
        IFramePort[] inputs = [.. uplinks.Select(bridge.AddPort)];
        Recorder guest = new();
        IFramePort input = bridge.Connect(Request(A), guest);
        MacAddress[] far = [.. Enumerable.Range(1, 3).Select(i => MacAddress.Parse($"02:00:00:00:00:0{i}"))];
        Assert.All(far, address => Send(inputs[0], address, A));

        // The third one is not known, and goes to both.
        Assert.Equal([(1, 0), (1, 0), (1, 1)], far.Select(Deliver));
        _clock.Advance(TimeSpan.FromSeconds(299));
        Assert.Equal((1, 0), Deliver(far[0]));
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal((1, 1), Deliver(far[0]));
        Send(inputs[0], far[2], A);
        Assert.Equal((1, 0), Deliver(far[2]));

        (int First, int Second) Deliver(MacAddress to)
        {
            Assert.All(uplinks, uplink => uplink.Frames.Clear());
            Send(input, A, to);
            return (uplinks[0].Frames.Count, uplinks[1].Frames.Count);
        }
    }

    [Fact]
    public void A_front_end_sends_no_more_than_its_rate_and_its_burst()
    {
        LearningSwitch bridge = new(new() { BytesPerSecond = 64_000, BurstBytes = 128_000, TimeProvider = _clock });
        Dictionary<string, Recorder> ports = Connect(bridge, out Dictionary<string, IFramePort> inputs);
        Assert.Equal(2000, Flood());
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1000, Flood());
        Send(inputs["C"], C, B);
        Assert.Single(ports["B"].Frames);

        int Flood()
        {
            for (int i = 0; i < 2500; i++)
            {
                Send(inputs["A"], A, B);
            }

            int count = ports["B"].Frames.Count;
            ports["B"].Frames.Clear();
            return count;
        }
    }

    [Fact]
    public void A_port_causes_no_more_copies_than_its_limit()
    {
        LearningSwitch bridge = new(new() { CopiesPerSecond = 10, TimeProvider = _clock });
        Dictionary<string, Recorder> ports = Connect(bridge, out Dictionary<string, IFramePort> inputs);
        for (int i = 0; i < 100; i++)
        {
            Send(inputs["A"], A, MacAddress.Broadcast);
        }

        // Each has three receivers, and is copied for two of them.
        Assert.Equal(5, ports["B"].Frames.Count);
        Send(inputs["B"], B, MacAddress.Broadcast);
        Assert.Single(ports["A"].Frames);
    }

    private static NetworkPortRequest Request(MacAddress address) => new(1, 0, address, [], "");

    private static Dictionary<string, Recorder> Connect(LearningSwitch bridge, out Dictionary<string, IFramePort> inputs)
    {
        Dictionary<string, Recorder> ports = new() { ["A"] = new(), ["B"] = new(), ["C"] = new(), ["up"] = new() };
        inputs = ports.ToDictionary(port => port.Key, port => port.Key switch
        {
            "A" => bridge.Connect(Request(A), port.Value),
            "B" => bridge.Connect(Request(B), port.Value),
            "C" => bridge.Connect(Request(C), port.Value),
            _ => bridge.AddPort(port.Value),
        });
        return ports;
    }

    private byte[] Send(IFramePort port, MacAddress source, MacAddress destination)
    {
        byte[] bytes = new byte[60];
        new EthernetHeader(destination, source, EtherType.IPv4).Write(bytes);
        FrameBuffer frame = _frames.Rent(bytes.Length);
        frame.Append(bytes);
        port.Send(frame);
        return bytes;
    }

    private sealed class Recorder : IFramePort
    {
        public List<byte[]> Frames { get; } = [];

        public void Send(FrameBuffer frame)
        {
            Frames.Add(frame.Data.ToArray());
            frame.Dispose();
        }
    }
}
