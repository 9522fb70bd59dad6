using Xenlet.BackEnds.Net;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;
using Xenlet.Net;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>
/// A front end that sends and one that receives, on a switch, all on one event loop as in a guest, so that what happens does not depend on
/// threads. The sender is the source of <see cref="TcpFrames"/>, and the receiver their destination.
/// </summary>
internal sealed class TwoFrontEnds : IAsyncDisposable
{
    /// <summary>All that a front end can offer.</summary>
    public const NetworkOffloads Everything = NetworkOffloads.ChecksumV4 | NetworkOffloads.ChecksumV6 | NetworkOffloads.SegmentTcpV4
        | NetworkOffloads.SegmentTcpV6;

    private const ushort SendingDomain = 5;
    private const ushort ReceivingDomain = 6;

    private readonly EventLoop _loop = new("back ends");
    private readonly (TestPage Page, uint Reference)[] _sent = new (TestPage, uint)[TransmitChain.MaximumSlots];
    private readonly (TestPage Page, uint Reference)[] _received = new (TestPage, uint)[256];
    private int _lastGiven;

    private TwoFrontEnds()
    {
    }

    public RawNetworkFrontEnd Sender { get; private set; } = null!;

    public RawNetworkFrontEnd Receiver { get; private set; } = null!;

    /// <summary>The pages of a sent frame, in the order of its slots.</summary>
    public IEnumerable<(TestPage Page, uint Reference)> SentPages => _sent;

    /// <summary>Starts both.</summary>
    /// <param name="offloads">What the receiver accepts.</param>
    /// <param name="takesChains">Whether it accepts several pages.</param>
    /// <param name="options">The switch's.</param>
    /// <param name="isStraight">Whether frames may go straight.</param>
    public static async Task<TwoFrontEnds> StartAsync(
        NetworkOffloads offloads = Everything, bool takesChains = true, SwitchOptions? options = null, bool isStraight = true)
    {
        LearningSwitch bridge = new(options);
        TwoFrontEnds both = new();
        await EventLoop.RunAsync(both._loop, () =>
        {
            both.Sender = new(domain: SendingDomain, offloads: Everything, connect: port =>
                Connect(port, SendingDomain, "02:00:00:00:00:02", "10.0.0.1/24"));
            both.Receiver = new(domain: ReceivingDomain, offloads: offloads, takesChains: takesChains, connect: port =>
                Connect(port, ReceivingDomain, "02:00:00:00:00:01", "10.0.0.2/24"));
            return Task.CompletedTask;
        });
        foreach (RawNetworkFrontEnd front in (RawNetworkFrontEnd[])[both.Sender, both.Receiver])
        {
            front.Machine.Others.Add(SendingDomain, both.Sender.Machine);
            front.Machine.Others.Add(ReceivingDomain, both.Receiver.Machine);
        }

        Fill(both._sent, both.Sender);
        Fill(both._received, both.Receiver);
        return both;

        IFramePort Connect(IFramePort port, ushort domain, string mac, string ip)
        {
            IReadOnlyList<AddressAssignment> addresses = ToolStackAddresses.Parse($"{ip} 2a2a:2a2a:2a2a:2a2a:2a2a:2a2a:2a2a:2a2a", out _);
            IFramePort own = bridge.Connect(new(domain, 0, MacAddress.Parse(mac), addresses, ""), port);
            return isStraight ? own : new Passing(own);
        }

        static void Fill((TestPage, uint)[] pages, RawNetworkFrontEnd front)
        {
            for (int i = 0; i < pages.Length; i++)
            {
                pages[i] = front.Grant();
            }
        }
    }

    /// <summary>The receiver gives pages until there are so many, or as many as its ring takes.</summary>
    public void Give(int count)
    {
        while (count-- > 0 && Receiver.Receive.Free > 0)
        {
            int number = _lastGiven++ % _received.Length;
            Receiver.Receive.Put(new() { Id = (ushort)number, Reference = _received[number].Reference });
        }

        Receiver.Publish();
    }

    /// <summary>Sends a frame.</summary>
    /// <param name="frame">Its bytes.</param>
    /// <param name="slots">How many of them each slot has, and at which offset of its page.</param>
    /// <param name="segmentSize">Bytes of data in each segment; 0 for an ordinary frame.</param>
    /// <param name="kind">What it is to be cut into.</param>
    /// <param name="flags">Of the first request.</param>
    public async Task<short> SendAsync(
        byte[] frame, IReadOnlyList<(int Offset, int Size)> slots, int segmentSize, SegmentKind kind,
        ushort flags = NetProtocol.TransmitChecksumBlank)
    {
        int at = 0;
        for (int i = 0; i < slots.Count; i++)
        {
            frame.AsSpan(at, slots[i].Size).CopyTo(_sent[i].Page.Bytes.AsSpan(slots[i].Offset));
            at += slots[i].Size;
            Sender.Put(new TransmitRequest
            {
                Reference = _sent[i].Reference,
                Offset = (ushort)slots[i].Offset,
                Size = (ushort)(i == 0 ? frame.Length : slots[i].Size),
                Flags = (ushort)((i + 1 < slots.Count ? NetProtocol.TransmitMoreData : 0)
                    | (i == 0 ? flags | (segmentSize > 0 ? NetProtocol.TransmitExtraInfo : 0) : 0)),
            });
            if (i == 0 && segmentSize > 0)
            {
                Sender.Put(TransmitRequest.Of(
                    new ExtraInfo { Type = NetProtocol.ExtraGso, Size = (ushort)segmentSize, Kind = (byte)kind }));
            }
        }

        Sender.Publish();
        TransmitResponse[] answers = await Sender.AnswersAsync(slots.Count + (segmentSize > 0 ? 1 : 0));
        Assert.All(answers, answer => Assert.True(answer.Status == answers[0].Status || answer.Status == NetProtocol.ResponseNull));
        return answers[0].Status;
    }

    /// <summary>Sends a large frame of TCP, whose first slot has the headers, and the others whole pages.</summary>
    public Task<short> SendLargeAsync(byte[] frame) =>
        SendAsync(frame, Split(frame.Length, TcpFrames.HeaderSize(false)), 1400, SegmentKind.TcpV4);

    /// <summary>Sends a short frame, and takes all that was received before it.</summary>
    public async Task<List<PortFrame>> ReceiveAllAsync()
    {
        byte[] last = TcpFrames.Make(false, 0, seed: 77);
        Assert.Equal(NetProtocol.ResponseOkay, await SendAsync(last, [(0, last.Length)], 0, SegmentKind.None, flags: 0));
        List<PortFrame> frames = [];
        while (true)
        {
            Give(_received.Length);
            PortFrame frame = await ReceiveAsync();
            if (frame.Data.AsSpan().SequenceEqual(last))
            {
                return frames;
            }

            frames.Add(frame);
        }
    }

    /// <summary>The next frame that was received.</summary>
    public async Task<PortFrame> ReceiveAsync()
    {
        List<byte> data = [];
        ReceiveResponse first = default;
        ExtraInfo gso = default;
        bool hasMore = true;
        for (int i = 0; hasMore; i++)
        {
            ReceiveResponse response = (await Receiver.ReceivedAsync(1))[0];
            hasMore = (response.Flags & NetProtocol.ReceiveMoreData) != 0;
            data.AddRange(_received[response.Id].Page.Bytes.AsSpan(response.Offset, Math.Max((short)0, response.Status)));
            first = i == 0 ? response : first;
            if (i == 0 && (response.Flags & NetProtocol.ReceiveExtraInfo) != 0)
            {
                gso = (await Receiver.ReceivedAsync(1))[0].AsExtra();
            }

            Assert.InRange(i, 0, TransmitChain.MaximumSlots - 1);
        }

        return new(
            [.. data], (first.Flags & NetProtocol.ReceiveChecksumBlank) != 0, (first.Flags & NetProtocol.ReceiveDataValidated) != 0,
            (SegmentKind)gso.Kind, gso.Size);
    }

    /// <summary>Slots of whole pages behind a first one.</summary>
    public static (int Offset, int Size)[] Split(int length, int first) =>
    [
        (0, first), .. Enumerable.Range(0, (length - first + 4095) / 4096).Select(i => (0, Math.Min(4096, length - first - (i * 4096)))),
    ];

    public async ValueTask DisposeAsync()
    {
        await Sender.DisposeAsync();
        await Receiver.DisposeAsync();
        _loop.Dispose();
    }

    /// <summary>A port that says nothing of where frames go.</summary>
    private sealed class Passing(IFramePort port) : IFramePort
    {
        public void Send(FrameBuffer frame) => port.Send(frame);
    }
}
