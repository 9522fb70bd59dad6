using Xenlet.Drivers;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.HostilePeer;

/// <summary>A back end of a disk of 1 MiB in memory.</summary>
internal sealed class LyingDisk(XenStoreClient store, uint domain, string number) : LyingBackEnd(store, domain, "vbd", number)
{
    private const int Length = 1 << 20;
    private readonly byte[] _data = new byte[Length];
    private readonly string _number = number;
    private PeerRing<BlockRequest, BlockResponse>? _ring;

    /// <summary>The behaviours. The time is the duration of each.</summary>
    public static IReadOnlyDictionary<string, Func<LyingDisk, TimeSpan, Task>> Behaviours { get; } =
        new Dictionary<string, Func<LyingDisk, TimeSpan, Task>>
        {
            ["honest"] = (disk, time) => disk.ServeAsync(time, response => response),
            ["busy"] = (_, time) => SpinAsync(time),
            ["silent"] = (disk, time) => disk.ServeAsync(time, _ => null),
            ["wrong-id"] = (disk, time) => disk.ServeAsync(time, response => response with { Id = response.Id ^ 0x10000 }),
            ["wrong-kind"] = (disk, time) => disk.ServeAsync(time, response => response with { Kind = BlockRequestKind.Discard }),
            ["statuses"] = (disk, time) => disk.ServeAsync(
                time, response => response with { Status = (BlockStatus)disk.Random.Next(-3, 3) }),
            ["ahead"] = (disk, time) => disk.ServeAsync(time, response => response, then: () => disk.Lie(1000)),
            ["living-index"] = (disk, time) => disk.ServeAsync(time, response => response, then: disk.LiveIndex),
            ["storm"] = (disk, time) => disk.ServeAsync(time, _ => null, then: disk.Storm),
            ["storm-and-serve"] = (disk, time) => disk.ServeAsync(time, response => response, then: disk.Storm),
            ["scribble"] = (disk, time) => disk.ServeAsync(time, response => response, then: disk.Scribble),
            ["states"] = StatesAsync,
            ["state-storm"] = (disk, time) => disk.StormOfStatesAsync(time),
        };

    public Task PlugAsync() => PlugAsync(
        [("virtual-device", _number), ("device-type", "disk")],
        [("sectors", Text(Length / BlockProtocol.Unit)), ("sector-size", Text(BlockProtocol.Unit)), ("info", "0"), ("mode", "w")]);

    public override async Task TakeConnectionAsync()
    {
        _ring = new(await MapRingAsync("ring-ref"));
        await BindAsync();
    }

    public override void Unmap()
    {
        _ring?.Dispose();
        _ring = null;
        base.Unmap();
    }

    private static async Task StatesAsync(LyingDisk disk, TimeSpan time)
    {
        for (int i = 0; i < time.TotalMilliseconds / 20; i++)
        {
            await disk.SetStateAsync((XenBusState)disk.Random.Next(0, 9));
            await Task.Delay(20);
        }
    }

    /// <summary>Serves requests, changes each response by a function, and does something else between them.</summary>
    private Task ServeAsync(TimeSpan time, Func<BlockResponse, BlockResponse?> lie, Action? then = null)
    {
        Repeat(time, () =>
        {
            while (_ring!.TryTake(out BlockRequest request))
            {
                if (lie(Do(in request)) is { } response)
                {
                    _ring.Answer(in response);
                }
            }

            if (_ring.Publish())
            {
                Events!.Notify();
            }

            then?.Invoke();
            if (then is null && !_ring.FinalCheck())
            {
                Events!.Wait(20);
            }
        });
        return Task.CompletedTask;
    }

    private BlockResponse Do(in BlockRequest request)
    {
        int sector = (int)Math.Min(request.Sector, Length / BlockProtocol.Unit);
        Span<byte> rest = _data.AsSpan(sector * BlockProtocol.Unit);
        bool isOkay = request.Kind is BlockRequestKind.Read or BlockRequestKind.Write;
        for (int i = 0; i < request.Segments && i < BlockProtocol.DirectSegments && isOkay; i++)
        {
            BlockSegment segment = request.Data[i];
            int from = segment.First * BlockProtocol.Unit;
            int length = (segment.Last + 1 - segment.First) * BlockProtocol.Unit;
            isOkay = length > 0 && from + length <= MappedPage.Size && length <= rest.Length;
            if (!isOkay || Page(segment.Reference) is not { } page)
            {
                isOkay = false;
                break;
            }

            Span<byte> there = page.Bytes.Slice(from, length);
            if (request.Kind == BlockRequestKind.Read)
            {
                rest[..length].CopyTo(there);
            }
            else
            {
                there.CopyTo(rest);
            }

            rest = rest[length..];
        }

        return new() { Id = request.Id, Kind = request.Kind, Status = isOkay ? BlockStatus.Okay : BlockStatus.Error };
    }

    private void Lie(uint ahead)
    {
        _ring!.ResponseProducer = _ring.Put + ahead;
        Events!.Notify();
    }

    /// <summary>An index that changes all the time.</summary>
    private void LiveIndex()
    {
        Events!.Notify();
        for (int i = 0; i < 1000; i++)
        {
            _ring!.ResponseProducer = _ring.Put + (uint)Random.Next(-2, 3);
        }

        _ring!.ResponseProducer = _ring.Put;
    }

    private void Storm()
    {
        for (int i = 0; i < 100; i++)
        {
            Events!.Notify();
        }
    }

    private void Scribble()
    {
        Random.NextBytes(_ring!.Bytes);
        ScribbleOverPages();
        Events!.Notify();
    }
}
