using System.Runtime.CompilerServices;
using Xenlet.BackEnds;
using Xenlet.BackEnds.Net;
using Xenlet.BackEnds.Tests.Net;
using Xenlet.Drivers;
using Xenlet.Drivers.Tests;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// The front end of <see cref="NetworkRequests"/>, and what its requests mean by the words of Xen's <c>io/netif.h</c> alone. It is also the
/// network, which gets the frames that the back end takes.
/// </summary>
internal sealed class NetworkRequestModel : IFramePort
{
    private const int Pages = 5;

    /// <summary>A page that is granted to another domain.</summary>
    private const int ForeignPage = Pages - 1;

    /// <summary>What is in the pages from which frames are sent.</summary>
    private static readonly byte[][] Contents =
    [
        TcpFrames.Make(false, 3000), TcpFrames.Make(true, 3000), new byte[4096],
        [.. Enumerable.Range(0, 4096).Select(i => (byte)(i * 7))], [],
    ];

    private readonly FrontEndFeatures _features;
    private readonly TestPage[] _pages;
    private readonly uint[] _references;
    private readonly FrontRing<TransmitRequest, TransmitResponse> _sends;
    private readonly FrontRing<ReceiveRequest, ReceiveResponse> _receives;

    /// <summary>What was put and is not answered, extra infos among it.</summary>
    private readonly Queue<TransmitRequest> _unanswered = new();

    private readonly Queue<ReceiveRequest> _given = new();
    private readonly Queue<byte[]> _taken = new();
    private bool _expectsExtra;

    public NetworkRequestModel(TestMachine front, TestPage[] rings, FrontEndFeatures features)
    {
        _features = features;
        _sends = new([rings[0]]);
        _receives = new([rings[1]]);
        _pages = [.. Enumerable.Range(0, 2 * Pages).Select(_ => (TestPage)front.Allocate())];
        _references = [.. _pages.Select((page, i) => page.Grant(i == ForeignPage ? (ushort)2 : NetworkRequests.Self).Reference)];
        for (int i = 0; i < Pages; i++)
        {
            Contents[i].CopyTo(_pages[i].Bytes, 0);
        }
    }

    /// <summary>The memory of frames.</summary>
    public FramePool Frames { get; } = new();

    /// <summary>Puts a slot. Pages of sent and of received frames are apart, so that the former never change.</summary>
    public void Send(Script script)
    {
        if (_sends.Free == 0)
        {
            return;
        }

        TransmitRequest request = new()
        {
            Reference = script.Byte() is < 240 and var page ? _references[page % Pages] : script.UInt32(),
            Flags = (ushort)(script.Byte() & 15),
            Offset = script.Byte() is < 200 and var offset ? (ushort)(offset % 8) : script.UInt16(),
            Size = script.Byte() is < 128 and var size ? (ushort)(size * 16) : script.UInt16(),
            Id = (ushort)_unanswered.Count,
        };
        _sends.Put(request);
        _sends.Publish();
        _unanswered.Enqueue(request);
    }

    /// <summary>Puts an extra info.</summary>
    public void SendExtra(Script script)
    {
        if (_sends.Free > 0)
        {
            ExtraInfo extra = new()
            {
                Type = script.Byte() is < 240 and var type ? (byte)(type % 6) : script.Byte(),
                Flags = (byte)(script.Byte() & 3),
                Size = script.UInt16(),
                Kind = (byte)(script.Byte() & 3),
            };
            TransmitRequest request = TransmitRequest.Of(extra);
            _sends.Put(request);
            _sends.Publish();
            _unanswered.Enqueue(request);
        }
    }

    /// <summary>Gives pages for received frames.</summary>
    public void Give(Script script)
    {
        for (int i = script.Below(32); i >= 0 && _receives.Free > 0; i--)
        {
            ReceiveRequest request = new()
            {
                Id = (ushort)_given.Count,
                Reference = script.Byte() is < 240 and var page ? _references[Pages + (page % Pages)] : script.UInt32(),
            };
            _receives.Put(request);
            _receives.Publish();
            _given.Enqueue(request);
        }
    }

    /// <summary>The network has a frame for the front end.</summary>
    public void Deliver(Script script, FrontEndPort port)
    {
        int choice = script.Byte();
        byte[] content = choice % 4 < 2
            ? TcpFrames.Make(choice % 4 == 1, script.UInt16() % 60_000) : new byte[14 + (script.UInt16() % 9000)];
        FrameBuffer frame = Frames.Rent(content.Length);
        frame.Append(content);
        frame.IsChecksumBlank = choice % 4 < 2 && choice >= 64;
        frame.IsChecksumValidated = frame.IsChecksumBlank;
        if (choice >= 128 && frame.IsChecksumBlank)
        {
            frame.SegmentKind = choice % 4 == 1 ? SegmentKind.TcpV6 : SegmentKind.TcpV4;
            frame.SegmentSize = 48 + (script.UInt16() % 3000);
        }

        port.Send(frame);
    }

    /// <inheritdoc/>
    public void Send(FrameBuffer frame)
    {
        Assert.InRange(frame.Length, 14, ushort.MaxValue);
        Assert.True(frame.SegmentSize == 0 || frame.IsChecksumBlank, "a frame is to be cut, and its checksum is not blank");
        _taken.Enqueue(frame.Data.ToArray());
        frame.Dispose();
    }

    /// <summary>Each whole chain is answered, in order, and the frames that were taken are those whose answer is good.</summary>
    public void CheckAnswers()
    {
        while (_sends.TryTake(out TransmitResponse response))
        {
            TransmitRequest first = _unanswered.Dequeue();
            Assert.Equal(first.Id, response.Id);
            List<TransmitRequest> slots = [first];
            bool hasExtra = (first.Flags & NetProtocol.TransmitExtraInfo) != 0;
            bool isMulticast = false;
            while (hasExtra)
            {
                ExtraInfo extra = _unanswered.Dequeue().AsExtra();
                isMulticast |= extra.Type is NetProtocol.ExtraMulticastAdd or NetProtocol.ExtraMulticastDelete;
                hasExtra = (extra.Flags & NetProtocol.ExtraMore) != 0;
                Assert.True(_sends.TryTake(out TransmitResponse empty), "an extra info has no answer");
                Assert.Equal(NetProtocol.ResponseNull, empty.Status);
            }

            while ((slots[^1].Flags & NetProtocol.TransmitMoreData) != 0)
            {
                slots.Add(_unanswered.Dequeue());
                Assert.True(_sends.TryTake(out TransmitResponse next), "a slot has no answer");
                Assert.Equal((slots[^1].Id, response.Status), (next.Id, next.Status));
            }

            if (response.Status == NetProtocol.ResponseOkay && !isMulticast)
            {
                Assert.True(_taken.TryDequeue(out byte[]? frame), "a frame that is answered as taken has not come");
                Assert.Equal(Content(slots), frame);
            }
        }

        Assert.Empty(_taken);
    }

    /// <summary>Frames lie in the pages that were given for them, in order.</summary>
    public void CheckDeliveries()
    {
        int length = 0;
        while (_receives.TryTake(out ReceiveResponse response))
        {
            if (_expectsExtra)
            {
                _ = _given.Dequeue();
                _expectsExtra = false;
                Assert.Equal(NetProtocol.ExtraGso, Unsafe.As<ReceiveResponse, ExtraInfo>(ref response).Type);
                continue;
            }

            Assert.Equal(_given.Dequeue().Id, response.Id);
            Assert.InRange(response.Status, NetProtocol.ResponseError, NetProtocol.PageSize);
            Assert.Equal(0, response.Offset);
            length += Math.Max((short)0, response.Status);
            if ((response.Flags & NetProtocol.ReceiveExtraInfo) != 0)
            {
                Assert.True(
                    (_features.Offloads & (NetworkOffloads.SegmentTcpV4 | NetworkOffloads.SegmentTcpV6)) != 0, "a frame is to be cut");
                _expectsExtra = true;
            }

            bool isWhole = (response.Flags & NetProtocol.ReceiveMoreData) == 0;
            Assert.True(isWhole || _features.TakesChains, "a frame has several pages");
            Assert.InRange(length, 0, ushort.MaxValue);
            length = isWhole ? 0 : length;
        }

        for (int i = 0; i < Pages; i++)
        {
            Assert.True(_pages[i].Bytes.AsSpan().StartsWith(Contents[i]), $"page {i}, of which only is read");
        }
    }

    /// <summary>The first slot has the size of the frame, and of its bytes those that the others leave.</summary>
    private byte[] Content(List<TransmitRequest> slots)
    {
        int first = slots[0].Size - slots.Skip(1).Sum(slot => slot.Size);
        return [.. slots.SelectMany((slot, i) => Part(slot, i == 0 ? first : slot.Size))];
    }

    private byte[] Part(TransmitRequest slot, int size)
    {
        int page = Array.IndexOf(_references, slot.Reference);
        return size == 0 ? [] : page >= 0 && page != ForeignPage ? _pages[page].Bytes[slot.Offset..(slot.Offset + size)]
            : throw new InvalidOperationException($"a frame was taken of page {slot.Reference}");
    }
}
