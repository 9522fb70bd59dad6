using System.Runtime.InteropServices;
using Xenlet.BackEnds.Tests.Rings;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Tests.Block;

/// <summary>What a block back end makes of requests, good and bad.</summary>
public sealed class BlockRequestTests
{
    private const int Sectors = 1024;

    /// <summary>Requests that ask for what cannot be, each with the status that answers it.</summary>
    internal static readonly (string Name, BlockStatus Status, Func<uint, BlockRequest> Make)[] Bad =
    [
        ("no segment", BlockStatus.Error, page => Read(page) with { Segments = 0 }),
        ("twelve segments", BlockStatus.Error, page => Read(page) with { Segments = 12 }),
        ("255 segments", BlockStatus.Error, page => Read(page) with { Segments = 255 }),
        ("a sector behind the end", BlockStatus.Error, page => Read(page) with { Sector = Sectors }),
        ("sectors across the end", BlockStatus.Error, page => Read(page) with { Sector = Sectors - 7 }),
        ("a sector that overflows with its length", BlockStatus.Error, page => Read(page) with { Sector = ulong.MaxValue }),
        ("a sector that overflows in bytes", BlockStatus.Error, page => Read(page) with { Sector = 1UL << 55 }),
        ("a segment that ends before it begins", BlockStatus.Error, page => Read(page, 5, 4)),
        ("a segment that ends behind its page", BlockStatus.Error, page => Read(page, 0, 8)),
        ("a segment of 256 sectors", BlockStatus.Error, page => Read(page, 0, 255)),
        ("no such grant", BlockStatus.Error, _ => Read(77777)),
        ("a good and a wrong grant", BlockStatus.Error, page => RawFrontEnd.Move(BlockRequestKind.Write, 0, page, 77777)),
        ("a flush with data", BlockStatus.Error, _ => new() { Kind = BlockRequestKind.FlushDiskCache, Segments = 1 }),
        ("a discard of nothing", BlockStatus.Error, _ => new() { Kind = BlockRequestKind.Discard }),
        ("a discard behind the end", BlockStatus.Error, _ => new() { Kind = BlockRequestKind.Discard, Sectors = Sectors + 1 }),
        ("a discard that overflows", BlockStatus.Error,
            _ => new() { Kind = BlockRequestKind.Discard, Sector = 8, Sectors = ulong.MaxValue }),
        ("an indirect request of nothing", BlockStatus.Error, page => Indirect(page, BlockRequestKind.Read, 0)),
        ("an indirect request of 65 segments", BlockStatus.Error, page => Indirect(page, BlockRequestKind.Read, 65)),
        ("an indirect flush", BlockStatus.Error, page => Indirect(page, BlockRequestKind.FlushDiskCache, 1)),
        ("an indirect indirect request", BlockStatus.Error, page => Indirect(page, BlockRequestKind.Indirect, 1)),
        ("a list that is not granted", BlockStatus.Error, _ => Indirect(77777, BlockRequestKind.Read, 1)),
        ("a barrier, which is not offered", BlockStatus.NotSupported, _ => new() { Kind = BlockRequestKind.WriteBarrier }),
        ("a reserved kind", BlockStatus.NotSupported, _ => new() { Kind = (BlockRequestKind)4 }),
        ("an unknown kind", BlockStatus.NotSupported, _ => new() { Kind = (BlockRequestKind)200 }),
    ];

    public static TheoryData<string, bool> BadNames
    {
        get
        {
            TheoryData<string, bool> data = [];
            foreach ((string name, _, _) in Bad)
            {
                data.Add(name, false);
                data.Add(name, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(BadNames))]
    public async Task A_bad_request_is_refused_and_changes_nothing_and_the_next_is_served(string name, bool isPersistent)
    {
        MemoryBlockStore store = Filled(out byte[] content);
        await using RawFrontEnd front = new(store, isPersistent);
        (TestPage page, uint reference) = front.Grant();
        new Random(2).NextBytes(page.Bytes);
        (string Name, BlockStatus Status, Func<uint, BlockRequest> Make) bad = Bad.First(one => one.Name == name);

        Assert.Equal(bad.Status, await front.DoAsync(bad.Make(reference)));

        Assert.True((await ReadAllAsync(store)).SequenceEqual(content), "the store's content");
        Assert.Equal(BlockStatus.Okay, await front.DoAsync(Read(reference)));
        Assert.Equal(content[..4096], page.Bytes);
    }

    /// <summary>Of 4096 bytes; units of 512 that do not cover them whole.</summary>
    [Theory]
    [InlineData(0, 0, 7, BlockStatus.Okay)]
    [InlineData(8, 0, 7, BlockStatus.Okay)]
    [InlineData(1, 0, 7, BlockStatus.Error)]
    [InlineData(0, 0, 6, BlockStatus.Error)]
    [InlineData(0, 1, 7, BlockStatus.Error)]
    internal async Task Only_whole_sectors_are_read_and_written(ulong sector, byte first, byte last, BlockStatus expected)
    {
        await using RawFrontEnd front = new(new MemoryBlockStore(1 << 20, sectorSize: 4096));
        (_, uint reference) = front.Grant();
        foreach (BlockRequestKind kind in (BlockRequestKind[])[BlockRequestKind.Read, BlockRequestKind.Write])
        {
            Assert.Equal(expected, await front.DoAsync(Read(reference, first, last) with { Kind = kind, Sector = sector }));
        }
    }

    /// <summary>Between pages that stay mapped and memory the bytes go straight; a part of memory is a store like any other.</summary>
    [Theory]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    public async Task Parts_of_pages_come_from_and_go_to_where_the_segments_say(bool isPersistent, bool isMemory)
    {
        MemoryBlockStore store = Filled(out byte[] content);
        await using RawFrontEnd front = new(isMemory ? store : new PartBlockStore(store, 0, store.Length), isPersistent);
        (TestPage page, uint reference) = front.Grant();
        (TestPage other, uint second) = front.Grant();
        BlockRequest request = new() { Kind = BlockRequestKind.Read, Segments = 3, Sector = 10 };
        request.Data[0] = new() { Reference = reference, First = 2, Last = 3 };
        request.Data[1] = new() { Reference = second, First = 7, Last = 7 };
        request.Data[2] = new() { Reference = reference, First = 0, Last = 0 };
        byte[] expected = new byte[4096];
        content.AsSpan(10 * 512, 1024).CopyTo(expected.AsSpan(1024));
        content.AsSpan(13 * 512, 512).CopyTo(expected);

        Assert.Equal(BlockStatus.Okay, await front.DoAsync(request));

        Assert.Equal(expected, page.Bytes);
        Assert.Equal([.. new byte[7 * 512], .. content[(12 * 512)..(13 * 512)]], other.Bytes);
        Random.Shared.NextBytes(page.Bytes);
        Random.Shared.NextBytes(other.Bytes);
        Assert.Equal(BlockStatus.Okay, await front.DoAsync(request with { Kind = BlockRequestKind.Write, Sector = 100 }));
        byte[] written = [.. page.Bytes[1024..2048], .. other.Bytes[(7 * 512)..], .. page.Bytes[..512]];
        written.CopyTo(content, 100 * 512);
        Assert.True((await ReadAllAsync(store)).SequenceEqual(content), "the store's content");
        Assert.Equal((isPersistent ? 3 : 1, isPersistent ? 0 : 6), (front.Machine.Mapped, front.Machine.Copies));
    }

    /// <summary>Pages beyond the limit are copied by Xen; the ring's page counts as well.</summary>
    [Fact]
    public async Task A_front_end_has_as_many_persistent_pages_as_it_may_and_the_others_are_copied()
    {
        MemoryBlockStore store = Filled(out byte[] content);
        await using RawFrontEnd front = new(store, isPersistent: true, limits: new() { MappedPages = 4 });
        (TestPage Page, uint Reference)[] pages = [.. Enumerable.Range(0, 10).Select(_ => front.Grant())];
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal(
                BlockStatus.Okay,
                await front.DoAsync(RawFrontEnd.Move(BlockRequestKind.Read, 0, [.. pages.Select(page => page.Reference)])));
        }

        Assert.Equal(content[..40960], pages.SelectMany(page => page.Page.Bytes));
        Assert.Equal((4, 14), (front.Machine.Mapped, front.Machine.Copies));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(11)]
    [InlineData(64)]
    public async Task An_indirect_request_moves_up_to_64_pages(int count)
    {
        MemoryBlockStore store = Filled(out byte[] content);
        await using RawFrontEnd front = new(store);
        (TestPage list, uint reference) = front.Grant();
        (TestPage Page, uint Reference)[] pages = [.. Enumerable.Range(0, count).Select(_ => front.Grant())];
        Span<BlockSegment> segments = MemoryMarshal.Cast<byte, BlockSegment>(list.Bytes.AsSpan());
        for (int i = 0; i < count; i++)
        {
            segments[i] = new() { Reference = pages[i].Reference, First = 0, Last = 7 };
        }

        Assert.Equal(BlockStatus.Okay, await front.DoAsync(Indirect(reference, BlockRequestKind.Read, (ushort)count)));
        Assert.True(pages.SelectMany(page => page.Page.Bytes).SequenceEqual(content[..(count * 4096)]));
    }

    [Fact]
    public async Task What_is_read_only_is_not_written_nor_discarded()
    {
        MemoryBlockStore store = Filled(out byte[] content);
        await using RawFrontEnd front = new(store, isReadOnly: true);
        (_, uint reference) = front.Grant();
        Assert.Equal(BlockStatus.Error, await front.DoAsync(Read(reference) with { Kind = BlockRequestKind.Write }));
        Assert.Equal(BlockStatus.Error, await front.DoAsync(new() { Kind = BlockRequestKind.Discard, Sectors = 8 }));
        Assert.Equal(BlockStatus.Okay, await front.DoAsync(new() { Kind = BlockRequestKind.FlushDiskCache }));
        Assert.True((await ReadAllAsync(store)).SequenceEqual(content), "the store's content");
    }

    [Fact]
    public async Task A_discard_makes_zeros_of_what_it_names()
    {
        MemoryBlockStore store = Filled(out byte[] content);
        await using RawFrontEnd front = new(store);
        Assert.Equal(BlockStatus.Okay, await front.DoAsync(new() { Kind = BlockRequestKind.Discard, Sector = 3, Sectors = 500 }));
        content.AsSpan(3 * 512, 500 * 512).Clear();
        Assert.True((await ReadAllAsync(store)).SequenceEqual(content), "the store's content");
    }

    [Theory]
    [InlineData(false, BlockStatus.Error)]
    [InlineData(true, BlockStatus.NotSupported)]
    internal async Task An_error_from_below_is_the_answer_to_its_request_alone(bool isUnsupported, BlockStatus expected)
    {
        HeldStore store = new(Filled(out _)) { Holds = false, Failure = isUnsupported ? new NotSupportedException() : new IOException() };
        await using RawFrontEnd front = new(store);
        (_, uint reference) = front.Grant();
        foreach (BlockRequest request in (BlockRequest[])[
            Read(reference), Read(reference) with { Kind = BlockRequestKind.Write }, new() { Kind = BlockRequestKind.FlushDiskCache },
            new() { Kind = BlockRequestKind.Discard, Sectors = 8 }])
        {
            Assert.Equal(expected, await front.DoAsync(request));
        }

        store.Failure = null;
        Assert.Equal(BlockStatus.Okay, await front.DoAsync(Read(reference)));
    }

    [Theory]
    [InlineData(3, 1 << 30, 3)]
    [InlineData(100, 5 * 4096, 5)]
    [InlineData(100, 1, 1)]
    public async Task No_more_is_under_way_than_the_limits_allow_and_the_rest_is_served_later(int requests, int bytes, int most)
    {
        HeldStore store = new(Filled(out _));
        await using RawFrontEnd front = new(store, limits: new() { Requests = requests, Bytes = bytes });
        (_, uint reference) = front.Grant();
        HashSet<ulong> sent = [];
        for (int i = 0; i < 20; i++)
        {
            sent.Add(front.Send(Read(reference)));
        }

        for (int i = 0; i < 20; i++)
        {
            await UntilAsync(() => store.Waiting == Math.Min(most, 20 - i));
            store.Release();
            Assert.True(sent.Remove((await front.ReceiveAsync()).Id));
        }

        Assert.Equal((most, 0), (store.Most, sent.Count));
    }

    [Fact]
    public async Task The_end_waits_for_what_is_under_way_and_takes_nothing_more()
    {
        HeldStore store = new(Filled(out _));
        await using RawFrontEnd front = new(store, limits: new() { Requests = 2 });
        await SendFiveAsync(front, store);
        Task ending = front.StopAsync();
        store.Release();
        await front.ReceiveAsync();
        Assert.False(ending.IsCompleted);
        store.Release();
        await ending.WaitAsync(TimeSpan.FromMinutes(2));
        await front.ReceiveAsync();
        Assert.Equal((0, 3), (store.Waiting, front.Ring.Outstanding));
    }

    /// <summary>Of six requests two are under way, three are in the ring, and one comes later: five are waited for.</summary>
    [Fact]
    public async Task Whoever_waits_for_a_connection_waits_for_what_is_in_its_ring_and_for_nothing_later()
    {
        HeldStore store = new(Filled(out _));
        await using RawFrontEnd front = new(store, limits: new() { Requests = 2 });
        uint reference = await SendFiveAsync(front, store);
        Task drain = front.DrainAsync();
        front.Send(Read(reference));
        for (int i = 0; i < 5; i++)
        {
            Assert.False(drain.IsCompleted, $"{i} of 5 requests are done");
            store.Release();
            await front.ReceiveAsync();
            await UntilAsync(() => store.Waiting == Math.Min(2, 5 - i));
        }

        await drain.WaitAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(1, store.Waiting);
        store.Release();
    }

    [Fact]
    public async Task Whoever_waits_for_a_connection_does_not_wait_for_what_its_end_leaves_in_the_ring()
    {
        HeldStore store = new(Filled(out _));
        await using RawFrontEnd front = new(store, limits: new() { Requests = 1 });
        (_, uint reference) = front.Grant();
        front.Send(Read(reference));
        front.Send(Read(reference));
        await UntilAsync(() => store.Waiting == 1);
        Task drain = front.DrainAsync();
        Task ending = front.StopAsync();
        Assert.False(drain.IsCompleted);
        store.Release();
        await ending.WaitAsync(TimeSpan.FromMinutes(2));
        await drain.WaitAsync(TimeSpan.FromMinutes(2));
    }

    /// <summary>Of two other front ends that wait for this one's requests, the first would never be connected.</summary>
    [Fact]
    public async Task A_front_end_that_takes_requests_back_for_which_others_wait_loses_its_connection()
    {
        HeldStore store = new(Filled(out _));
        await using RawFrontEnd front = new(store, limits: new() { Requests = 1 });
        (_, uint reference) = front.Grant();
        for (int i = 0; i < 3; i++)
        {
            front.Send(Read(reference));
        }

        await UntilAsync(() => store.Waiting == 1);
        Task drain = front.DrainAsync();
        BackRingTests.Word(front.RingPage, RingPages.RequestProducer) = 1;
        await front.DrainAsync();
        Assert.IsType<BrokenRingException>(await front.FailureAsync);
        Task ending = front.StopAsync();
        store.Release();
        await ending.WaitAsync(TimeSpan.FromMinutes(2));
        await drain.WaitAsync(TimeSpan.FromMinutes(2));
    }

    [Theory]
    [InlineData(33u)]
    [InlineData(uint.MaxValue)]
    public async Task A_ring_that_is_broken_ends_the_connection_once(uint producer)
    {
        await using RawFrontEnd front = new(Filled(out _));
        BackRingTests.Word(front.RingPage, RingPages.RequestProducer) = producer;
        front.Notify();
        Assert.IsType<BrokenRingException>(await front.FailureAsync);
    }

    [Fact]
    public async Task Events_without_a_request_are_reported()
    {
        await using RawFrontEnd front = new(Filled(out _));
        int before = front.Spurious;
        front.Notify();
        await UntilAsync(() => front.Spurious > before);
        Assert.False(front.HasFailed);
    }

    private static BlockRequest Read(uint reference, byte first = 0, byte last = 7)
    {
        BlockRequest request = RawFrontEnd.Move(BlockRequestKind.Read, 0, reference);
        request.Data[0] = new() { Reference = reference, First = first, Last = last };
        return request;
    }

    private static BlockRequest Indirect(uint list, BlockRequestKind kind, ushort segments) =>
        new() { Kind = BlockRequestKind.Indirect, IndirectKind = kind, IndirectSegments = segments, IndirectReference = list };

    private static MemoryBlockStore Filled(out byte[] content)
    {
        MemoryBlockStore store = new(Sectors * 512);
        content = new byte[store.Length];
        new Random(1).NextBytes(content);
        Assert.True(store.WriteAsync(0, content).IsCompletedSuccessfully);
        return store;
    }

    /// <summary>Sends five requests, and waits until the store has the two that may be under way.</summary>
    /// <returns>The page that they name.</returns>
    private static async Task<uint> SendFiveAsync(RawFrontEnd front, HeldStore store)
    {
        (_, uint reference) = front.Grant();
        for (int i = 0; i < 5; i++)
        {
            front.Send(Read(reference));
        }

        await UntilAsync(() => store.Waiting == 2);
        return reference;
    }

    private static async Task<byte[]> ReadAllAsync(MemoryBlockStore store)
    {
        byte[] all = new byte[store.Length];
        await store.ReadAsync(0, all);
        return all;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (long limit = Environment.TickCount64 + 120_000; !condition(); await Task.Delay(5))
        {
            Assert.True(Environment.TickCount64 < limit, "the condition did not come about");
        }
    }
}
