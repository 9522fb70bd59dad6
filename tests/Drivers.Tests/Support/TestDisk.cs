namespace Xenlet.Drivers.Tests;

/// <summary>
/// The back end of a disk in memory, over a ring that the front end has set up. It is honest unless the test says otherwise.
/// </summary>
internal sealed class TestDisk : IDisposable
{
    private readonly TestMachine _machine;
    private readonly ushort _domain;
    private readonly TestMapping[] _ringPages;
    private readonly Dictionary<uint, TestMapping> _persistent = [];
    private readonly CancellationTokenSource _ending = new();
    private readonly Queue<BlockRequest> _held = [];
    private Task _running = Task.CompletedTask;

    public TestDisk(TestMachine machine, uint[] ringReferences, uint port, byte[] data, ushort domain = 0)
    {
        _machine = machine;
        _domain = domain;
        Data = data;
        _ringPages = [.. ringReferences.Select(reference => machine.Map(reference, domain))];
        Ring = new BackRing<BlockRequest, BlockResponse>([.. _ringPages.Select(page => page.Bytes)], 112);
        Channel = machine.Bind(port);
    }

    public BackRing<BlockRequest, BlockResponse> Ring { get; }

    public TestChannel Channel { get; }

    public byte[] Data { get; }

    /// <summary>Whether it keeps pages mapped, as with feature-persistent.</summary>
    public bool IsPersistent { get; set; }

    /// <summary>The requests it got, in order.</summary>
    public List<BlockRequest> Requests { get; } = [];

    /// <summary>Segments in an indirect request, at most.</summary>
    public int MaxIndirectSegments { get; set; } = 256;

    /// <summary>What it answers instead of doing a request.</summary>
    public Func<BlockRequest, BlockStatus?> Refuse { get; set; } = _ => null;

    /// <summary>Answers in the order of arrival unless given: then in random order, with some left for later.</summary>
    public Random? Reordering { get; set; }

    public static BlockRequestKind KindOf(BlockRequest request) =>
        request.Kind == BlockRequestKind.Indirect ? request.IndirectKind : request.Kind;

    /// <summary>Serves requests as they come.</summary>
    public void Start() => _running = Task.Run(async () =>
    {
        while (true)
        {
            Serve();
            if (!Ring.FinalCheck() && _held.Count == 0)
            {
                await Channel.WaitForFrontAsync(_ending.Token);
            }
        }
    });

    /// <summary>Takes the requests in the ring, carries them out, and answers.</summary>
    /// <returns>How many were answered.</returns>
    public int Serve(int most = int.MaxValue)
    {
        while (Ring.TryTake(out BlockRequest request))
        {
            Requests.Add(request);
            _held.Enqueue(request);
        }

        BlockRequest[] now = [.. _held];
        _held.Clear();
        if (Reordering is { } random)
        {
            random.Shuffle(now);
            most = Math.Min(most, random.Next(now.Length) + 1);
        }

        int served = 0;
        foreach (BlockRequest request in now)
        {
            if (served == most)
            {
                _held.Enqueue(request);
                continue;
            }

            served++;
            Ring.Put(new BlockResponse { Id = request.Id, Kind = KindOf(request), Status = Do(request) });
        }

        if (Ring.Publish())
        {
            Channel.NotifyFront();
        }

        return served;
    }

    /// <summary>Takes requests without answering them.</summary>
    public BlockRequest[] Take()
    {
        List<BlockRequest> taken = [];
        while (Ring.TryTake(out BlockRequest request))
        {
            taken.Add(request);
        }

        return [.. taken];
    }

    /// <summary>Sends any response.</summary>
    public void Answer(BlockResponse response)
    {
        Ring.Put(response);
        Ring.Publish();
        Channel.NotifyFront();
    }

    /// <summary>Unmaps all pages, and closes the event channel.</summary>
    public void Dispose()
    {
        _ending.Cancel();
        try
        {
            _running.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
        }

        foreach (TestMapping mapping in (TestMapping[])[.. _persistent.Values, .. _ringPages])
        {
            mapping.Dispose();
        }
    }

    private BlockStatus Do(BlockRequest request)
    {
        if (Refuse(request) is { } refused)
        {
            return refused;
        }

        switch (KindOf(request))
        {
            case BlockRequestKind.FlushDiskCache or BlockRequestKind.WriteBarrier:
                Assert.Equal(0, request.Segments);
                return BlockStatus.Okay;
            case BlockRequestKind.Discard:
                Data.AsSpan(checked((int)request.Sector * 512), checked((int)request.Sectors * 512)).Clear();
                return BlockStatus.Okay;
        }

        int at = checked((int)request.Sector * 512);
        bool isRead = KindOf(request) == BlockRequestKind.Read;
        foreach (BlockSegment segment in Segments(request))
        {
            Assert.True(segment.First <= segment.Last && segment.Last < 8, "a segment is not within its page");
            int length = (segment.Last - segment.First + 1) * 512;
            Span<byte> data = Data.AsSpan(at, length);
            using TestMapping? once = IsPersistent ? null : _machine.Map(segment.Reference, _domain);
            Span<byte> page = (once ?? Persistent(segment.Reference)).Bytes.AsSpan(segment.First * 512, length);
            if (isRead)
            {
                data.CopyTo(page);
            }
            else
            {
                page.CopyTo(data);
            }

            at += length;
        }

        return BlockStatus.Okay;
    }

    private BlockSegment[] Segments(BlockRequest request)
    {
        if (request.Kind != BlockRequestKind.Indirect)
        {
            Assert.InRange(request.Segments, 1, 11);
            return ((ReadOnlySpan<BlockSegment>)request.Data)[..request.Segments].ToArray();
        }

        Assert.InRange(request.IndirectSegments, 1, Math.Min(MaxIndirectSegments, 512));
        using TestMapping? once = IsPersistent ? null : _machine.Map(request.IndirectReference, _domain);
        byte[] list = (once ?? Persistent(request.IndirectReference)).Bytes;
        return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, BlockSegment>(list)[..request.IndirectSegments].ToArray();
    }

    private TestMapping Persistent(uint reference) =>
        _persistent.TryGetValue(reference, out TestMapping? mapping) ? mapping : _persistent[reference] = _machine.Map(reference, _domain);
}
