using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Xenlet.Net;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Tests;

/// <summary>A frame as the back end got it from the front end.</summary>
internal sealed record SentFrame(byte[] Data, ushort Flags, SegmentKind SegmentKind, int SegmentSize);

/// <summary>
/// The back end of one interface, played by the test: what netback writes into the store, and both rings through pages mapped by their
/// grant references. It does what an honest one does; its rings are in reach for one that is not.
/// </summary>
internal sealed class NetBackEnd(Host host, TestMachine machine, string name = "vif/0")
{
    public const string Mac = "00:16:3e:12:34:56";

    /// <summary>What Linux's netback offers.</summary>
    public static readonly IReadOnlyDictionary<string, string> LinuxFeatures = new Dictionary<string, string>
    {
        ["feature-sg"] = "1",
        ["feature-gso-tcpv4"] = "1",
        ["feature-gso-tcpv6"] = "1",
        ["feature-ipv6-csum-offload"] = "1",
        ["feature-rx-copy"] = "1",
        ["feature-rx-flip"] = "0",
        ["feature-multicast-control"] = "1",
        ["feature-dynamic-multicast-control"] = "1",
        ["feature-split-event-channels"] = "1",
        ["multi-queue-max-queues"] = "1",
        ["feature-ctrl-ring"] = "1",
    };

    private readonly List<TestMapping> _mappings = [];
    private readonly Dictionary<uint, TestMapping> _pages = [];
    private ReceiveRequest? _peeked;
    private Dictionary<string, string> _nodes = [];

    public string Name => name;

    public string Front => $"{Host.Home}/device/{name}";

    public string Back => Host.BackEnd(name);

    public BackRing<TransmitRequest, TransmitResponse> Transmit { get; private set; } = null!;

    public BackRing<ReceiveRequest, ReceiveResponse> Receive { get; private set; } = null!;

    public TestChannel TransmitChannel { get; private set; } = null!;

    public TestChannel ReceiveChannel { get; private set; } = null!;

    /// <summary>Multicast addresses that the front end has joined.</summary>
    public ConcurrentDictionary<MacAddress, bool> Multicast { get; } = new();

    /// <summary>What the front end wrote of the connection.</summary>
    public IReadOnlyDictionary<string, string> Nodes => _nodes;

    /// <summary>Writes device and back end to the store, as xl and netback do.</summary>
    public async Task AddAsync(
        IReadOnlyDictionary<string, string>? features = null, XenBusState state = XenBusState.InitWait, string mac = Mac)
    {
        await host.Dom0.TransactAsync(async (transaction, _) =>
        {
            await Host.AddAsync(transaction, name, XenBusState.Initialising, state);
            await transaction.WriteAsync(Front + "/mac", mac);
            foreach ((string feature, string value) in features ?? LinuxFeatures)
            {
                await transaction.WriteAsync($"{Back}/{feature}", value);
            }
        });
    }

    public ValueTask SetStateAsync(XenBusState state) => host.SetBackStateAsync(name, state);

    /// <summary>Waits for the front end, maps the pages that it shares, and connects.</summary>
    public async Task ConnectAsync()
    {
        await FrontBecomesAsync(XenBusState.Connected);
        await MapAsync();
        await SetStateAsync(XenBusState.Connected);
    }

    /// <summary>Maps the rings that the front end's nodes name.</summary>
    public async Task MapAsync()
    {
        Unmap();
        _nodes = [];
        foreach (string node in await host.Dom0.DirectoryAsync(Front))
        {
            _nodes[node] = await host.Dom0.ReadAsync($"{Front}/{node}");
        }

        Transmit = new([Map("tx-ring-ref")], 12);
        Receive = new([Map("rx-ring-ref")], 8);
        TransmitChannel = machine.Bind(Number(_nodes.ContainsKey("event-channel") ? "event-channel" : "event-channel-tx"));
        ReceiveChannel = machine.Bind(Number(_nodes.ContainsKey("event-channel") ? "event-channel" : "event-channel-rx"));

        byte[] Map(string node)
        {
            TestMapping mapping = machine.Map(Number(node), 0);
            _mappings.Add(mapping);
            return mapping.Bytes;
        }

        uint Number(string node) => uint.Parse(_nodes[node], CultureInfo.InvariantCulture);
    }

    /// <summary>Unmaps all pages.</summary>
    public void Unmap()
    {
        foreach (TestMapping mapping in _mappings.Concat(_pages.Values))
        {
            mapping.Dispose();
        }

        _mappings.Clear();
        _pages.Clear();
        _peeked = null;
    }

    /// <summary>Maps every page that the front end has put out for frames.</summary>
    public void MapAllPages()
    {
        while (Receive.TryTake(out ReceiveRequest request))
        {
            Page(request.Reference);
        }
    }

    public async Task FrontBecomesAsync(XenBusState state)
    {
        XenBusState? seen = null;
        await Host.UntilAsync(
            async () => (seen = await host.FrontStateAsync(name)) == state,
            () => $"the front end is {seen}, not {state}; events:\n{host.Text}");
    }

    /// <summary>Takes what the front end has sent; answers if it is told to.</summary>
    public List<SentFrame> TakeSent(bool answers = true)
    {
        List<SentFrame> frames = [];
        while (Transmit.TryTake(out TransmitRequest request))
        {
            List<TransmitResponse> responses = [new() { Id = request.Id }];
            ushort flags = request.Flags;
            int size = request.Size;
            ExtraInfo gso = default;
            bool isMulticast = false;
            if ((flags & NetProtocol.TransmitExtraInfo) != 0)
            {
                ExtraInfo extra;
                do
                {
                    Assert.True(Transmit.TryTake(out TransmitRequest place), "an extra info is missing");
                    extra = Unsafe.As<TransmitRequest, ExtraInfo>(ref place);
                    responses.Add(new() { Id = 0xDEAD, Status = NetProtocol.ResponseNull });
                    switch (extra.Type)
                    {
                        case NetProtocol.ExtraGso:
                            gso = extra;
                            break;
                        case NetProtocol.ExtraMulticastAdd or NetProtocol.ExtraMulticastDelete:
                            isMulticast = true;
                            MacAddress address = new(
                                System.Runtime.InteropServices.MemoryMarshal.AsBytes(new Span<ExtraInfo>(ref extra))[2..]);
                            if (extra.Type == NetProtocol.ExtraMulticastAdd)
                            {
                                Multicast[address] = true;
                            }
                            else
                            {
                                Multicast.TryRemove(address, out _);
                            }

                            break;
                        default:
                            Assert.Fail($"an extra info has type {extra.Type}");
                            break;
                    }
                }
                while ((extra.Flags & NetProtocol.ExtraMore) != 0);
            }

            if (!isMulticast)
            {
                byte[] data = new byte[size];
                int first = size;
                List<TransmitRequest> parts = [request];
                while ((parts[^1].Flags & NetProtocol.TransmitMoreData) != 0)
                {
                    Assert.True(Transmit.TryTake(out TransmitRequest next), "the rest of a frame is missing");
                    parts.Add(next);
                    first -= next.Size;
                    responses.Add(new() { Id = next.Id });
                }

                Assert.InRange(parts.Count, 1, 18);
                int place = 0;
                for (int i = 0; i < parts.Count; i++)
                {
                    int length = i == 0 ? first : parts[i].Size;
                    Assert.InRange(length, 1, 4096 - parts[i].Offset);
                    Page(parts[i].Reference).AsSpan(parts[i].Offset, length).CopyTo(data.AsSpan(place));
                    place += length;
                }

                frames.Add(new(data, flags, (SegmentKind)gso.Kind, gso.Size));
            }

            if (answers)
            {
                responses.ForEach(Transmit.Put);
            }
        }

        if (answers && Transmit.Publish())
        {
            TransmitChannel.NotifyFront();
        }

        return frames;
    }

    /// <summary>Answers requests without reading them.</summary>
    public void TakeSentLoosely()
    {
        // The ring's own index may be anything by now.
        for (int i = 0; i < Transmit.Count && Transmit.TryTake(out TransmitRequest request); i++)
        {
            Transmit.Put(new() { Id = request.Id });
        }

        Transmit.Publish();
    }

    /// <summary>Takes what the front end sends until there are so many frames.</summary>
    public async Task<List<SentFrame>> TakeSentAsync(int count)
    {
        List<SentFrame> all = [];
        using CancellationTokenSource limit = new(NetWorld.Patience);
        while (all.Count < count)
        {
            all.AddRange(TakeSent());
            if (all.Count < count && !Transmit.FinalCheck())
            {
                try
                {
                    await TransmitChannel.WaitForFrontAsync(limit.Token);
                }
                catch (OperationCanceledException)
                {
                    Assert.Fail($"{all.Count} frames of {count} were sent");
                }
            }
        }

        return all;
    }

    /// <summary>Whether a page for a frame is there.</summary>
    public bool HasPage => _peeked is not null || (Receive.TryTake(out ReceiveRequest request) && (_peeked = request) is not null);

    /// <summary>Delivers a frame, in parts of at most so many bytes; false when there are not enough pages.</summary>
    public bool TryDeliver(
        ReadOnlySpan<byte> frame,
        ushort flags = 0,
        SegmentKind kind = SegmentKind.None,
        int segmentSize = 0,
        int partSize = 4096,
        int offset = 0,
        bool publishes = true)
    {
        int parts = Math.Max(1, (frame.Length + partSize - 1) / partSize);
        if (Receive.RequestProducer - Receive.Taken + (_peeked is null ? 0u : 1) < parts + (segmentSize > 0 ? 1 : 0))
        {
            return false;
        }

        for (int i = 0; i < parts; i++)
        {
            ReadOnlySpan<byte> part = frame[(i * partSize)..Math.Min(frame.Length, (i + 1) * partSize)];
            ReceiveRequest request = TakePage();
            part.CopyTo(Page(request.Reference).AsSpan(offset));
            int more = i + 1 < parts ? NetProtocol.ReceiveMoreData : 0;
            int extra = i == 0 && segmentSize > 0 ? NetProtocol.ReceiveExtraInfo : 0;
            Receive.Put(new()
            {
                Id = request.Id,
                Offset = (ushort)offset,
                Status = (short)part.Length,
                Flags = (ushort)((i == 0 ? flags : 0) | more | extra),
            });
            if (extra != 0)
            {
                TakePage();
                ExtraInfo info = new() { Type = NetProtocol.ExtraGso, Size = (ushort)segmentSize, Kind = (byte)kind };
                Receive.Put(Unsafe.As<ExtraInfo, ReceiveResponse>(ref info));
            }
        }

        if (publishes)
        {
            PublishReceived();
        }

        return true;
    }

    public void PublishReceived()
    {
        if (Receive.Publish())
        {
            ReceiveChannel.NotifyFront();
        }
    }

    public ReceiveRequest TakePage()
    {
        if (_peeked is { } peeked)
        {
            _peeked = null;
            return peeked;
        }

        Assert.True(Receive.TryTake(out ReceiveRequest request), "there is no page for a frame");
        return request;
    }

    /// <summary>A page of the front end's, mapped as long as the connection lasts.</summary>
    public byte[] Page(uint reference)
    {
        if (!_pages.TryGetValue(reference, out TestMapping? mapping))
        {
            _pages[reference] = mapping = machine.Map(reference, 0);
        }

        return mapping.Bytes;
    }
}
