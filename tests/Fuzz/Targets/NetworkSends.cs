using Xenlet.Drivers;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;
using Xenlet.Net;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// The transmit ring of a network back end that answers anything. While it is honest, it gets each frame whole and in order, and a frame
/// waits only if there is no room. Whatever it answers, the connection ends or frames continue, and no page is lost.
/// </summary>
internal static class NetworkSends
{
    private const int EntrySize = 12;

    /// <summary>A frame's sizes: within a page, over a few, the largest.</summary>
    private static readonly int[] Sizes = [14, 60, 1514, 4096, 4097, 8192, 12_000, NetProtocol.MaximumFrameSize];

    public static byte[][] Tokens { get; } =
        [[6, 0, 2, 0, 0], [6, 5, 2, 0, 1], [6, 7, 2, 0, 0], [2, 2, 2], [4, 0, 0, 1], [7, 1], [8], [0, 1], [1, 0, 0, 1, 0]];

    public static void Run(byte[] input)
    {
        TestMachine machine = new();
        using (Story story = new(new Script(input), machine))
        {
            try
            {
                story.Tell();
            }
            catch (BrokenRingException error)
            {
                Assert.False(story.IsHonest, $"a back end that kept to the protocol is told: {error.Message}");
            }
        }

        Assert.Equal((0, 0), (machine.Pages, machine.Grants));
    }

    private sealed class Story : IDisposable
    {
        private readonly Script _script;
        private readonly TestMachine _machine;
        private readonly TestPage _ringPage;
        private readonly GrantedPagePool _pool;
        private readonly BackEndFeatures _features;
        private readonly FramePool _frames = new();
        private readonly FrontRing<TransmitRequest, TransmitResponse> _ring;
        private readonly TransmitQueue _queue;
        private readonly BackRing<TransmitRequest, TransmitResponse> _back;

        // What was sent and the back end has not taken: each request with the bytes that its page has to hold, none for an extra info.
        private readonly Queue<(TransmitRequest Request, byte[] Data)> _sent = [];

        // What the back end has taken and not answered.
        private readonly List<(ushort? Id, bool HasPage)> _taken = [];
        private int _pagesInUse;
        private int _slotsInUse;
        private byte _next;

        public Story(Script script, TestMachine machine)
        {
            _script = script;
            _machine = machine;
            byte features = script.Byte();
            bool Has(int bit) => (features & (1 << bit)) != 0;
            _features = new(true, true, Has(0), Has(1), Has(2), Has(3), Has(4), true, 1, null);
            _machine.PageLimit = 2 + script.Below(400);
            _ringPage = (TestPage)_machine.Allocate();
            _pool = new GrantedPagePool(_machine, 0, 1 + script.Below(300));
            _ring = new([_ringPage]);
            _queue = new TransmitQueue(_ring, _pool, _features, new NetworkCounters());
            _back = new([_ringPage.Bytes], EntrySize);
        }

        /// <summary>Whether the back end has answered nothing but what it took.</summary>
        public bool IsHonest { get; private set; } = true;

        public void Tell()
        {
            while (!_script.AtEnd)
            {
                switch (_script.Below(9))
                {
                    case 0:
                        IsHonest = false;
                        _back.ResponseProducer = _script.Near(_back.ResponseProducer);
                        break;
                    case 1:
                        IsHonest = false;
                        _back.Put(new TransmitResponse { Id = _script.UInt16(), Status = (short)_script.UInt16() });
                        _back.ResponseProducer++;
                        break;
                    case 2 or 3:
                        Take();
                        break;
                    case 4 or 5 when _taken.Count > 0:
                        Answer(_script.Below(_taken.Count));
                        break;
                    case 6:
                        Send();
                        break;
                    case 7:
                        SendMulticast();
                        break;
                    default:
                        _ = _queue.Flush();
                        _queue.TakeResponses();
                        break;
                }

                Assert.InRange(_machine.Pages, 1, 1 + _pool.Maximum);
            }
        }

        public void Dispose()
        {
            _pool.Dispose();
            _ringPage.Dispose();
        }

        /// <summary>A request at a time, and what it says is what was sent.</summary>
        private void Take()
        {
            for (int count = 1 + _script.Below(20); count > 0 && _back.TryTake(out TransmitRequest request); count--)
            {
                if (!IsHonest)
                {
                    continue;
                }

                (TransmitRequest expected, byte[] data) = _sent.Dequeue();
                bool isExtra = expected.Id == ushort.MaxValue;
                if (isExtra)
                {
                    Assert.Equal((expected.Reference, expected.Offset, expected.Flags), (request.Reference, request.Offset, request.Flags));
                    _taken.Add((null, false));
                    continue;
                }

                Assert.Equal((expected.Flags, expected.Size, expected.Offset), (request.Flags, request.Size, request.Offset));
                if (data.Length > 0)
                {
                    using TestMapping mapping = _machine.Map(request.Reference, 0);
                    Assert.True(mapping.Bytes.AsSpan(0, data.Length).SequenceEqual(data), "a page does not hold what was sent");
                }

                _taken.Add((request.Id, data.Length > 0));
            }
        }

        private void Answer(int index)
        {
            (ushort? id, bool hasPage) = _taken[index];
            _taken.RemoveAt(index);
            short status = id is null ? NetProtocol.ResponseNull : (short)-_script.Below(3);
            _back.Put(new TransmitResponse { Id = id ?? 0xDEAD, Status = status });
            _back.ResponseProducer++;
            _slotsInUse--;
            _pagesInUse -= hasPage ? 1 : 0;
        }

        private void Send()
        {
            int length = Sizes[_script.Below(Sizes.Length)];
            byte kind = _script.Byte();
            bool hasMore = _script.Below(2) == 1;
            using FrameBuffer frame = _frames.Rent(length);
            frame.Length = length;
            frame.Data.Fill(++_next);
            frame.SegmentKind = (SegmentKind)(kind % 3);
            frame.SegmentSize = frame.SegmentKind == SegmentKind.None ? 0 : 1 + kind;
            int pages = (length + ISharedPage.Size - 1) / ISharedPage.Size;
            int slots = pages + (frame.SegmentSize > 0 ? 1 : 0);
            bool isSupported = (pages == 1 || _features.TakesChains) && frame.SegmentKind switch
            {
                SegmentKind.TcpV4 => _features.SegmentsTcpV4 && _features.TakesChains && !_features.NoChecksums,
                SegmentKind.TcpV6 => _features.SegmentsTcpV6 && _features.TakesChains && _features.ChecksumsV6,
                _ => true,
            };

            SendResult result = _queue.Send(OutgoingFrame.Of(frame), hasMore, out bool notifies);

            Assert.Equal(isSupported, result != SendResult.Unsupported);
            Assert.True(!notifies || !hasMore || result != SendResult.Sent, "the back end is notified of what is to follow");
            CheckRoom(result, slots, pages);
            if (result == SendResult.Sent && IsHonest)
            {
                Expect(frame, pages);
            }
        }

        private void SendMulticast()
        {
            MacAddress address = new([1, 0, 0x5e, 0, 0, _script.Byte()]);
            bool joins = (_next & 1) == 0;
            SendResult result = _queue.SendMulticast(joins, address, out _);
            CheckRoom(result, 2, 0);
            if (result == SendResult.Sent && IsHonest)
            {
                ExtraInfo extra = ExtraInfo.Multicast(joins, address);
                _sent.Enqueue((new TransmitRequest { Flags = NetProtocol.TransmitExtraInfo }, []));
                _sent.Enqueue((Extra(extra), []));
            }
        }

        /// <summary>Whether there was room is known by counting.</summary>
        private void CheckRoom(SendResult result, int slots, int pages)
        {
            if (!IsHonest || result == SendResult.Unsupported)
            {
                return;
            }

            bool hasRoom = _slotsInUse + slots <= _ring.Capacity && _pagesInUse + pages <= _pool.Maximum;
            Assert.True(
                hasRoom == (result == SendResult.Sent),
                $"{result} of {slots} entries and {pages} pages, where {_slotsInUse} of {_ring.Capacity} and {_pagesInUse} of"
                    + $" {_pool.Maximum} are in use");
            if (result == SendResult.Sent)
            {
                _slotsInUse += slots;
                _pagesInUse += pages;
            }
        }

        private void Expect(FrameBuffer frame, int pages)
        {
            byte[] data = frame.Data.ToArray();
            for (int i = 0; i < pages; i++)
            {
                byte[] part = data[(i * ISharedPage.Size)..Math.Min(data.Length, (i + 1) * ISharedPage.Size)];
                int flags = i + 1 < pages ? NetProtocol.TransmitMoreData : 0;
                if (i == 0 && frame.SegmentSize > 0)
                {
                    flags |= NetProtocol.TransmitExtraInfo | NetProtocol.TransmitChecksumBlank | NetProtocol.TransmitDataValidated;
                }

                _sent.Enqueue((new TransmitRequest { Flags = (ushort)flags, Size = (ushort)(i == 0 ? data.Length : part.Length) }, part));
                if (i == 0 && frame.SegmentSize > 0)
                {
                    ExtraInfo gso = new() { Type = NetProtocol.ExtraGso, Size = (ushort)frame.SegmentSize, Kind = (byte)frame.SegmentKind };
                    _sent.Enqueue((Extra(gso), []));
                }
            }
        }

        /// <summary>An extra info in a request's place, marked by an id that no request has.</summary>
        private static TransmitRequest Extra(ExtraInfo extra)
        {
            TransmitRequest request = TransmitRequest.Of(in extra);
            request.Id = ushort.MaxValue;
            return request;
        }
    }
}
