using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xenlet.Kernel;

namespace Xenlet.GuestImage;

/// <summary>
/// The kernel's managed API: event channels, shared pages, facts of the hypervisor. Every case runs without Xen too, where operations that
/// need Xen must be refused.
/// </summary>
internal static class KernelFaceCases
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    public static IEnumerable<Case> All =>
    [
        new("kernel-hypervisor", HypervisorFacts),
        new("kernel-statistics", Statistics),
        UnderXen("kernel-event-sent", EventSent),
        UnderXen("kernel-event-coalesces", EventCoalesces),
        UnderXen("kernel-event-between-waits", EventBetweenWaits),
        UnderXen("kernel-event-cancelled", EventCancelled),
        UnderXen("kernel-event-closed", EventClosed),
        UnderXen("kernel-event-wait-twice", EventWaitTwice),
        UnderXen("kernel-event-many-ports", EventManyPorts),
        UnderXen("kernel-event-2000", EventTwoThousand),
        UnderXen("kernel-event-flood", EventFlood),
        UnderXen("kernel-event-ping-pong", EventPingPong),
        UnderXen("kernel-event-errors", EventErrors),
        UnderXen("kernel-page", PageMemory),
        UnderXen("kernel-page-errors", PageErrors),
        UnderXen("kernel-page-collections", PageSurvivesCollections),
        UnderXen("kernel-page-reused-zeroed", PageReusedZeroed),
        UnderXen("kernel-grant", GrantOnce),
        UnderXen("kernel-grant-600", GrantSixHundred),
        UnderXen("kernel-foreign-copy", ForeignCopy),
        UnderXen("kernel-foreign-errors", ForeignErrors),
        UnderXen("kernel-xenstore", XenStoreLink),
        UnderXen("kernel-xenstore-adopted", XenStoreAdopted),
    ];

    private static ushort Self => Guest.Hypervisor.DomainId;

    /// <summary>A case that needs Xen; without Xen the operation must be refused by this name.</summary>
    private static Case UnderXen(string name, Func<Task> run) => new(name, async () =>
    {
        if (Guest.Hypervisor.IsPresent)
        {
            await run();
            return;
        }

        PlatformNotSupportedException refused = await Check.ThrowsAsync<PlatformNotSupportedException>(run);
        Check.That(refused.Message.Contains("need Xen", StringComparison.Ordinal));
    });

    private static Case UnderXen(string name, Action run) => UnderXen(name, () =>
    {
        run();
        return Task.CompletedTask;
    });

    private static void HypervisorFacts()
    {
        IHypervisor hypervisor = Guest.Hypervisor;
        if (!hypervisor.IsPresent)
        {
            Check.Throws<PlatformNotSupportedException>(() => _ = hypervisor.Version);
            Check.Throws<PlatformNotSupportedException>(() => _ = hypervisor.ExtraVersion);
            Check.Throws<PlatformNotSupportedException>(() => _ = hypervisor.Features);
            Check.Throws<PlatformNotSupportedException>(() => _ = hypervisor.DomainId);
            Check.Throws<PlatformNotSupportedException>(() => _ = Guest.Pages.HeldPages);
            return;
        }

        Console.WriteLine($"xen {hypervisor.Version}{hypervisor.ExtraVersion} domain {hypervisor.DomainId} features {hypervisor.Features}");
        Check.That(hypervisor.Version >= new Version(4, 11));
        Check.That(hypervisor.ExtraVersion.All(letter => letter is > ' ' and <= '~'));
        Check.That(hypervisor.Features.HasFlag(XenFeatures.AutoTranslatedPhysmap | XenFeatures.HvmCallbackVector));
        Check.That(hypervisor.DomainId is > 0 and < 0x7ff0);
        Check.Equal(hypervisor.DomainId, hypervisor.DomainId);
    }

    private static void Statistics()
    {
        GuestStatistics before = Guest.ReadStatistics();
        long started = Stopwatch.GetTimestamp();
        GuestStatistics after;
        TimeSpan slept;
        do
        {
            // Where the host takes the processor away meanwhile, a pause is over before it begins, and nothing is switched to.
            System.Threading.Thread.Sleep(20);
            slept = Stopwatch.GetElapsedTime(started);
            after = Guest.ReadStatistics();
        }
        while (after.ThreadSwitches == before.ThreadSwitches && slept < Limit);

        Check.That(after.SystemCalls > before.SystemCalls);
        Check.That(after.ThreadSwitches > before.ThreadSwitches);
        Check.That(after.FutexWakeUps >= before.FutexWakeUps);
        Check.That(after.Uptime - before.Uptime >= slept, $"{after.Uptime} - {before.Uptime} >= {slept}");
        Check.That(
            after.NucleusBootTime > TimeSpan.Zero && after.NucleusBootTime < after.Uptime, $"0 < {after.NucleusBootTime} < {after.Uptime}");
        Check.That(after.UsedPages > 0 && after.UsedPages < after.TotalPages);
        Check.That(after.AvailablePages + after.UsedPages <= after.TotalPages);
        Check.That(after.Threads >= 2);
    }

    private static async Task EventSent()
    {
        using Loop loop = new();
        await loop.FlushAsync();
        loop.Bound.Notify();
        await WaitAsync(loop.Open);
        GuestStatistics before = Guest.ReadStatistics();
        loop.Open.Notify();
        await WaitAsync(loop.Bound);
        GuestStatistics after = Guest.ReadStatistics();

        // Other threads, the console and timers may add theirs.
        Check.That(after.Notifications > before.Notifications);
        Check.That(after.Upcalls > before.Upcalls);
        Check.That(after.Hypercalls - before.Hypercalls >= after.Notifications - before.Notifications);
    }

    private static async Task EventCoalesces()
    {
        using Loop loop = new();
        await loop.FlushAsync();
        for (int i = 0; i < 10; i++)
        {
            loop.Bound.Notify();
        }

        // No wait has begun yet: the ten events are one.
        await WaitAsync(loop.Open);
        await AssertSilentAsync(loop.Open);
    }

    /// <summary>An event that comes while no call waits, or between two waits, ends the next wait.</summary>
    private static async Task EventBetweenWaits()
    {
        using Loop loop = new();
        await loop.FlushAsync();
        loop.Bound.Notify();
        await Task.Delay(20);
        await WaitAsync(loop.Open);
        loop.Bound.Notify();
        await Task.Delay(20);
        await WaitAsync(loop.Open);
        await AssertSilentAsync(loop.Open);
    }

    private static async Task EventCancelled()
    {
        using Loop loop = new();
        await loop.FlushAsync();
        using CancellationTokenSource source = new();
        ValueTask wait = loop.Open.WaitAsync(source.Token);
        Check.That(!wait.IsCompleted);
        await source.CancelAsync();
        OperationCanceledException cancelled = await Check.ThrowsAsync<OperationCanceledException>(async () => await wait);
        Check.Equal(source.Token, cancelled.CancellationToken);
        await Check.ThrowsAsync<TaskCanceledException>(async () => await loop.Open.WaitAsync(source.Token));

        // The port is unmasked, and the event comes while no call waits: the next wait gets it.
        loop.Bound.Notify();
        await Task.Delay(20);
        await WaitAsync(loop.Open);
        await AssertSilentAsync(loop.Open);
    }

    private static async Task EventClosed()
    {
        Loop loop = new();
        await loop.FlushAsync();
        Task wait = loop.Open.WaitAsync().AsTask();
        loop.Dispose();
        loop.Dispose();
        await Check.ThrowsAsync<ObjectDisposedException>(() => wait.WaitAsync(Limit));
        Check.Throws<ObjectDisposedException>(loop.Open.Notify);
        await Check.ThrowsAsync<ObjectDisposedException>(async () => await loop.Open.WaitAsync());

        // The port number is free again.
        using IEventChannel next = Guest.EventChannels.AllocateUnbound(Self);
        Check.That(
            next.Port == loop.Open.Port || next.Port == loop.Bound.Port, $"port {next.Port} is {loop.Open.Port} or {loop.Bound.Port}");
    }

    private static async Task EventWaitTwice()
    {
        using Loop loop = new();
        await loop.FlushAsync();
        ValueTask wait = loop.Open.WaitAsync();
        await Check.ThrowsAsync<InvalidOperationException>(async () => await loop.Open.WaitAsync());
        loop.Bound.Notify();
        await wait.AsTask().WaitAsync(Limit);
    }

    private static async Task EventManyPorts()
    {
        Loop[] loops = [.. Enumerable.Range(0, 100).Select(_ => new Loop())];
        try
        {
            Check.Equal(200, loops.SelectMany(loop => new[] { loop.Open.Port, loop.Bound.Port }).Distinct().Count());
            foreach (Loop loop in loops)
            {
                await loop.FlushAsync();
            }

            Task[] waits = [.. loops.Select(loop => loop.Open.WaitAsync().AsTask())];
            for (int i = 0; i < loops.Length; i += 2)
            {
                loops[i].Bound.Notify();
            }

            await Task.WhenAll(waits.Where((_, i) => i % 2 == 0)).WaitAsync(Limit);
            await Task.Delay(50);
            Check.That(waits.Where((_, i) => i % 2 == 1).All(wait => !wait.IsCompleted));
            for (int i = 1; i < loops.Length; i += 2)
            {
                loops[i].Bound.Notify();
            }

            await Task.WhenAll(waits).WaitAsync(Limit);
        }
        finally
        {
            foreach (Loop loop in loops)
            {
                loop.Dispose();
            }
        }
    }

    private static async Task EventTwoThousand()
    {
        using Loop loop = new();
        await loop.FlushAsync();
        for (int i = 0; i < 2000; i++)
        {
            ValueTask wait = loop.Open.WaitAsync();
            loop.Bound.Notify();
            await wait.AsTask().WaitAsync(Limit);
        }

        await AssertSilentAsync(loop.Open);
    }

    /// <summary>A sender that never pauses, and a receiver that reads shared data: it reads the last value.</summary>
    private static async Task EventFlood()
    {
        using Loop loop = new();
        int sent = 0;
        int waits = 0;
        Task receiver = Task.Run(async () =>
        {
            while (Volatile.Read(ref sent) < 2000)
            {
                await WaitAsync(loop.Open);
                waits++;
            }
        });
        for (int i = 1; i <= 2000; i++)
        {
            Volatile.Write(ref sent, i);
            loop.Bound.Notify();
        }

        await receiver.WaitAsync(Limit);
        Check.That(waits is > 0 and <= 2001);
    }

    private static async Task EventPingPong()
    {
        const int rounds = 300;
        using Loop loop = new();
        await loop.FlushAsync();
        Task echo = Task.Run(async () =>
        {
            for (int i = 0; i < rounds; i++)
            {
                await WaitAsync(loop.Open);
                loop.Open.Notify();
            }
        });
        for (int i = 0; i < rounds; i++)
        {
            loop.Bound.Notify();
            await WaitAsync(loop.Bound);
        }

        await echo.WaitAsync(Limit);
    }

    private static void EventErrors()
    {
        ushort self = Self;
        XenException refused = Check.Throws<XenException>(() => Guest.EventChannels.BindInterdomain(self, 4000));
        Check.Equal(XenErrno.EINVAL, refused.Error);
        Check.Equal($"binding to event channel port 4000 of domain {self} failed: EINVAL (22)", refused.Message);
        Check.Equal(XenErrno.ESRCH, Check.Throws<XenException>(() => Guest.EventChannels.BindInterdomain(0x7000, 1)).Error);
        Check.Equal(XenErrno.EINVAL, Check.Throws<XenException>(() => Guest.EventChannels.Adopt(0)).Error);
        Check.Equal(XenErrno.EINVAL, Check.Throws<XenException>(() => Guest.EventChannels.Adopt(4096)).Error);
        Check.Equal(XenErrno.EINVAL, Check.Throws<XenException>(() => Guest.EventChannels.Adopt(4000)).Error);

        // The console's and the timer's ports are among the first. Of those, only xenstore's can be opened.
        XenErrno?[] answers = [.. Enumerable.Range(1, 8).Select(port =>
        {
            try
            {
                Guest.EventChannels.Adopt((uint)port).Dispose();
                return (XenErrno?)null;
            }
            catch (XenException exception)
            {
                return exception.Error;
            }
        })];
        Check.Equal(2, answers.Count(answer => answer == XenErrno.EPERM));
        Check.Equal(1, answers.Count(answer => answer is null));

        using IEventChannel ours = Guest.EventChannels.AllocateUnbound(Self);
        Check.Equal(XenErrno.EBUSY, Check.Throws<XenException>(() => Guest.EventChannels.Adopt(ours.Port)).Error);
    }

    private static void PageMemory()
    {
        GuestStatistics before = Guest.ReadStatistics();
        using (ISharedPage page = Guest.Pages.Allocate())
        {
            Check.Equal(ISharedPage.Size, page.Span.Length);
            Check.Equal(-1, page.Span.IndexOfAnyExcept((byte)0));
            Check.Equal(before.SharedPages + 1, Guest.ReadStatistics().SharedPages);
            Random.Shared.NextBytes(page.Span);
            byte[] copy = page.Span.ToArray();
            Check.That(page.Memory.Span.SequenceEqual(copy));
            Check.That(Unsafe.AreSame(ref page.Span[0], ref page.Memory.Span[0]));

            // The kernel takes the page as any other memory of the program's.
            page.Span.Fill((byte)'.');
            page.Span[63] = (byte)'\n';
            using Stream output = Console.OpenStandardOutput();
            output.Write(page.Span[..64]);
            output.Flush();
        }

        Check.Equal(before.SharedPages, Guest.ReadStatistics().SharedPages);
    }

    private static void PageErrors()
    {
        ISharedPage page = Guest.Pages.Allocate();
        Memory<byte> memory = page.Memory;
        Check.Equal(XenErrno.EINVAL, Check.Throws<XenException>(() => page.Grant(0x7ff0)).Error);
        page.Dispose();
        page.Dispose();
        Check.Throws<ObjectDisposedException>(() => page.Span.Clear());
        Check.Throws<ObjectDisposedException>(() => _ = page.Memory);
        Check.Throws<ObjectDisposedException>(() => memory.Span.Clear());
        Check.Throws<ObjectDisposedException>(() => page.Grant(0));
    }

    /// <summary>The page stays where it is while the heap is collected and compacted around it.</summary>
    private static void PageSurvivesCollections()
    {
        using ISharedPage page = Guest.Pages.Allocate();
        ulong frame = page.Frame;
        BinaryPrimitives.WriteUInt64LittleEndian(page.Span, 0x0123_4567_89ab_cdef);
        for (int i = 0; i < 5; i++)
        {
            _ = new byte[1 << 20].AsSpan().Length;
            GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        }

        Check.Equal(frame, page.Frame);
        Check.Equal(0x0123_4567_89ab_cdefUL, BinaryPrimitives.ReadUInt64LittleEndian(page.Span));
    }

    private static void PageReusedZeroed()
    {
        HashSet<ulong> frames = [];
        bool reused = false;
        for (int i = 0; i < 100 && !reused; i++)
        {
            using ISharedPage page = Guest.Pages.Allocate();
            Check.Equal(-1, page.Span.IndexOfAnyExcept((byte)0));
            page.Span.Fill(0xa5);
            reused = !frames.Add(page.Frame);
        }

        Check.That(reused);
    }

    private static void GrantOnce()
    {
        ulong before = Guest.ReadStatistics().Grants;
        using ISharedPage page = Guest.Pages.Allocate();
        IGrant first = page.Grant(Self);
        using IGrant second = page.Grant(0, isReadOnly: true);
        Check.That(first.Reference >= 8 && second.Reference >= 8 && first.Reference != second.Reference);
        Check.Equal((Self, false), (first.Domain, first.IsReadOnly));
        Check.Equal(((ushort)0, true), (second.Domain, second.IsReadOnly));
        Check.Equal(before + 2, Guest.ReadStatistics().Grants);
        uint reference = first.Reference;
        Check.That(first.TryEnd());
        Check.That(first.TryEnd());
        first.Dispose();
        Check.Throws<ObjectDisposedException>(() => _ = first.Reference);
        Check.Equal(before + 1, Guest.ReadStatistics().Grants);
        using (IGrant third = page.Grant(Self))
        {
            Check.Equal(reference, third.Reference);
        }

        page.Dispose();
        Check.Equal(before, Guest.ReadStatistics().Grants);
        Check.Equal(0, Guest.Pages.HeldPages);
        Check.That(second.TryEnd());
    }

    /// <summary>More than one frame of the grant table holds; and one page granted as often as it can be.</summary>
    private static void GrantSixHundred()
    {
        ulong before = Guest.ReadStatistics().Grants;
        List<ISharedPage> pages = [];
        HashSet<uint> references = [];
        for (int i = 0; i < 600; i++)
        {
            ISharedPage page = Guest.Pages.Allocate();
            pages.Add(page);
            Check.That(references.Add(page.Grant(0).Reference));
        }

        Check.Equal(600, pages.Select(page => page.Frame).Distinct().Count());
        Check.That(references.Max() >= 512);
        Check.Equal(before + 600, Guest.ReadStatistics().Grants);
        for (int i = 0; i < 126; i++)
        {
            pages[0].Grant(0, isReadOnly: true);
        }

        Check.Equal(XenErrno.EMLINK, Check.Throws<XenException>(() => pages[0].Grant(0)).Error);
        pages.ForEach(page => page.Dispose());
        Check.Equal(before, Guest.ReadStatistics().Grants);
        Check.Equal(0, Guest.Pages.HeldPages);
    }

    /// <summary>Xen copies between the program's memory and pages granted to this domain itself, across the boundaries of pages.</summary>
    private static async Task ForeignCopy()
    {
        const int parts = 100;
        using ISharedPage page = Guest.Pages.Allocate();
        using ISharedPage readable = Guest.Pages.Allocate();
        using IGrant grant = page.Grant(Self);
        using IGrant readOnly = readable.Grant(Self, isReadOnly: true);
        Random random = new(1);
        random.NextBytes(page.Span);
        random.NextBytes(readable.Span);
        byte[] buffer = new byte[parts * 5000];
        GrantCopy[] copies = [.. Enumerable.Range(0, parts).Select(i => new GrantCopy
        {
            Reference = i % 2 == 0 ? grant.Reference : readOnly.Reference,
            Offset = i,
            Length = ISharedPage.Size - (7 * i),
            BufferOffset = i * 5000,
        })];
        Check.That(await Guest.ForeignPages.CopyFromAsync(Self, copies, buffer));
        foreach (GrantCopy copy in copies)
        {
            ReadOnlySpan<byte> source = (copy.Reference == grant.Reference ? page : readable).Span.Slice(copy.Offset, copy.Length);
            Check.That(buffer.AsSpan(copy.BufferOffset, copy.Length).SequenceEqual(source));
            Check.Equal(-1, buffer.AsSpan(copy.BufferOffset + copy.Length, 5000 - copy.Length).IndexOfAnyExcept((byte)0));
        }

        random.NextBytes(buffer);
        byte[] before = readable.Span.ToArray();
        GrantCopy[] back = [copies[0] with { BufferOffset = 3, Offset = 0, Length = ISharedPage.Size }, copies[1]];
        Check.That(!await Guest.ForeignPages.CopyToAsync(Self, back, buffer));
        Check.Equal(GrantResult.Okay, back[0].Result);
        Check.That(back[1].Result != GrantResult.Okay);
        Check.That(page.Span.SequenceEqual(buffer.AsSpan(3, ISharedPage.Size)));
        Check.That(readable.Span.SequenceEqual(before));
    }

    private static void ForeignErrors()
    {
        using ISharedPage page = Guest.Pages.Allocate();
        using IGrant forDom0 = page.Grant(0);
        uint[] references = [forDom0.Reference, 400, uint.MaxValue];
        IForeignPage?[] pages = new IForeignPage?[3];
        GrantResult[] results = new GrantResult[3];
        GuestStatistics before = Guest.ReadStatistics();
        Guest.ForeignPages.Map(Self, references, isReadOnly: false, pages, results);
        Check.That(results.All(result => result != GrantResult.Okay), string.Join(' ', results));
        Guest.ForeignPages.Map(0x7000, references, isReadOnly: true, pages, results);
        Check.That(results.All(result => result == GrantResult.BadDomain), string.Join(' ', results));
        Check.That(pages.All(one => one is null));
        GrantCopy[] copies = [.. references.Select(reference => new GrantCopy { Reference = reference, Length = 8 })];
        Guest.ForeignPages.CopyFrom(Self, copies, new byte[8]);
        Check.That(copies.All(copy => copy.Result != GrantResult.Okay), string.Join(' ', copies.Select(copy => copy.Result)));
        GuestStatistics after = Guest.ReadStatistics();
        Check.Equal((before.ForeignPages, before.StuckForeignPages), (after.ForeignPages, after.StuckForeignPages));
        Check.Equal(0, Guest.ForeignPages.StuckPages);
    }

    /// <summary>A request of ours is answered: the ring of io/xs_wire.h, by hand.</summary>
    private static async Task XenStoreLink()
    {
        const int requestProducer = 2052;
        const int responseConsumer = 2056;
        const int responseProducer = 2060;
        const int directory = 1;
        using IXenStoreLink link = Guest.XenStore.Open();
        Check.Equal(XenErrno.EBUSY, Check.Throws<XenException>(() => Guest.XenStore.Open()).Error);
        Check.Equal(XenErrno.EPERM, Check.Throws<XenException>(() => link.Page.Grant(0)).Error);

        uint produced = Read(link.Page, requestProducer);
        byte[] request = [directory, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, (byte)'d', (byte)'e', (byte)'v', (byte)'i', (byte)'c',
            (byte)'e', 0];
        for (int i = 0; i < request.Length; i++)
        {
            link.Page.Span[(int)((produced + i) % 1024)] = request[i];
        }

        uint answered = Read(link.Page, responseProducer);
        Volatile.Write(ref Unsafe.As<byte, uint>(ref link.Page.Span[requestProducer]), produced + (uint)request.Length);
        link.Events.Notify();
        while (Read(link.Page, responseProducer) - answered < 16)
        {
            await WaitAsync(link.Events);
        }

        byte[] header = [.. Enumerable.Range(0, 16).Select(i => link.Page.Span[1024 + (int)((answered + i) % 1024)])];
        Check.Equal(directory, BinaryPrimitives.ReadInt32LittleEndian(header));
        Check.Equal(7, BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4)));
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(12));
        while (Read(link.Page, responseProducer) - answered < 16 + length)
        {
            await WaitAsync(link.Events);
        }

        Volatile.Write(ref Unsafe.As<byte, uint>(ref link.Page.Span[responseConsumer]), answered + 16 + length);
    }

    /// <summary>Disposing of the connection leaves the port open: it can be opened a second time.</summary>
    private static async Task XenStoreAdopted()
    {
        await XenStoreLink();
        await XenStoreLink();
    }

    private static uint Read(ISharedPage page, int offset) => Volatile.Read(ref Unsafe.As<byte, uint>(ref page.Span[offset]));

    private static Task WaitAsync(IEventChannel channel) => channel.WaitAsync().AsTask().WaitAsync(Limit);

    private static async Task AssertSilentAsync(IEventChannel channel) =>
        Check.That(!await ComesWithinAsync(channel, 50), $"port {channel.Port} is silent");

    private static async Task<bool> ComesWithinAsync(IEventChannel channel, int milliseconds)
    {
        using CancellationTokenSource source = new(milliseconds);
        try
        {
            await channel.WaitAsync(source.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>An event channel from this domain to itself.</summary>
    private sealed class Loop : IDisposable
    {
        public Loop()
        {
            Open = Guest.EventChannels.AllocateUnbound(Self);
            Bound = Guest.EventChannels.BindInterdomain(Self, Open.Port);
        }

        /// <summary>The end that was open for binding.</summary>
        public IEventChannel Open { get; }

        public IEventChannel Bound { get; }

        public void Dispose()
        {
            Bound.Dispose();
            Open.Dispose();
        }

        /// <summary>Takes the event that Xen gives the end that joins another (EVTCHNOP_bind_interdomain).</summary>
        public Task FlushAsync() => WaitAsync(Bound);
    }
}
