using Xenlet.BackEnds.Tests.Rings;
using Xenlet.Drivers.Tests;
using Xenlet.Net;

namespace Xenlet.BackEnds.Tests.Hostile;

/// <summary>A hostile front end of an interface, to which the switch has frames to send.</summary>
internal sealed class HostileInterface(HostileHost host, ToolStackDevice device, Random random) : HostileFrontEnd(host, device, random)
{
    private const string Mac = "00:16:3e:00:00:09";

    private static readonly string[] Features =
    [
        "feature-sg", "feature-no-csum-offload", "feature-ipv6-csum-offload", "feature-gso-tcpv4", "feature-gso-tcpv6",
        "request-multicast-control",
    ];

    private readonly FramePool _frames = new();
    private readonly HostileHost _host = host;
    private TestPage _sends = null!;
    private TestPage _receives = null!;

    protected override IReadOnlyList<string> Nodes { get; } =
    [
        "tx-ring-ref", "rx-ring-ref", "event-channel", "event-channel-tx", "event-channel-rx", "protocol", "request-rx-copy", .. Features,
    ];

    public override ValueTask AttachAsync() =>
        Device.AttachAsync([("handle", "0"), ("mac", Mac), ("bridge", "lan"), ("ip", "")], []);

    protected override async Task OfferAsync()
    {
        (_sends, uint sends) = Grant();
        (_receives, uint receives) = Grant();
        await WriteAsync("tx-ring-ref", $"{sends}");
        await WriteAsync("rx-ring-ref", $"{receives}");
        foreach (string feature in Features)
        {
            await WriteAsync(feature, Next(3) == 0 ? null : $"{Next(2)}");
        }

        for (int i = 0; i < 8; i++)
        {
            // Half of the frames come under the address of the device.
            MacAddress.Parse(i % 2 == 0 ? Mac : "00:16:3e:00:00:0a").CopyTo(Grant().Page.Bytes.AsSpan(6));
        }

        await WriteAsync("request-rx-copy", "1");
        await WriteAsync("protocol", null);
        bool isSplit = Next(2) == 0;
        await WriteAsync("event-channel-tx", isSplit ? $"{OpenPort()}" : null);
        await WriteAsync("event-channel-rx", isSplit ? $"{OpenPort()}" : null);
        await WriteAsync("event-channel", $"{OpenPort()}");
    }

    protected override void Request()
    {
        RingPages receives = new([_receives], RingPages.EntrySizeOf<ReceiveRequest, ReceiveResponse>(0));
        ref uint free = ref BackRingTests.Word(_receives, RingPages.RequestProducer);
        for (int i = Next(30); i > 0; i--)
        {
            receives.Write(free, new ReceiveRequest { Id = (ushort)Next(300), Reference = Reference() });
            Volatile.Write(ref free, free + 1);
        }

        RingPages sends = new([_sends], RingPages.EntrySizeOf<TransmitRequest, TransmitResponse>(0));
        ref uint sent = ref BackRingTests.Word(_sends, RingPages.RequestProducer);
        bool isGood = Next(3) > 0;
        for (int i = Next(40); i > 0; i--)
        {
            TransmitRequest request = !isGood && Next(6) == 0
                ? TransmitRequest.Of(new ExtraInfo
                {
                    Type = (byte)Next(6),
                    Flags = (byte)Next(2),
                    Size = (ushort)Next(2000),
                    Kind = (byte)Next(3),
                })
                : new()
                {
                    Reference = Reference(),
                    Offset = (ushort)(!isGood && Next(3) == 0 ? Next(5000) : 0),
                    Flags = (ushort)(!isGood && Next(3) == 0 ? Next(16) : 0),
                    Id = (ushort)Next(300),
                    Size = (ushort)(!isGood && Next(8) == 0 ? Next(65536) : Next(1600)),
                };
            sends.Write(sent, in request);
            Volatile.Write(ref sent, sent + 1);
        }

        for (int i = 0; i < 20; i++)
        {
            FrameBuffer frame = _frames.Rent(60 + Next(3000));
            frame.Length = frame.Capacity < 4000 ? 60 : 3000;
            MacAddress.Parse(Next(4) == 0 ? "01:00:5e:00:00:01" : Mac).CopyTo(frame.Data);
            _host.Uplink.Send(frame);
        }
    }
}
