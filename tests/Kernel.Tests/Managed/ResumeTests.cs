using System.Collections.Concurrent;

namespace Xenlet.Kernel.Tests.Managed;

/// <summary>
/// Handles from before a resume: they no longer work, and do not affect new ports and grants with the same numbers.
/// </summary>
public sealed class ResumeTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly XenEventChannels _channels = new(TimeProvider.System);
    private readonly XenSharedPages _pages = new();
    private readonly XenForeignPages _foreign = new();
    private readonly GuestPower _power;
    private readonly ConcurrentQueue<(int Call, long Handle)> _calls = [];
    private readonly BlockingCollection<long> _events = [];
    private readonly HashSet<long> _mapped = [];
    private readonly List<ulong> _released = [];
    private readonly SemaphoreSlim _parked = new(0);
    private long _generation;
    private uint _nextPort = 5;
    private uint _nextReference = 8;
    private ulong _nextPage = SharedPages.WindowStart;
    private long? _suspendAnswer;

    public ResumeTests()
    {
        _power = new GuestPower(_channels, _pages, _foreign);
        NucleusSystemCall.Nucleus = Answer;
    }

    public void Dispose() => NucleusSystemCall.Nucleus = static (number, _, _, _) =>
    {
        if (number == NucleusCall.WaitForEvent)
        {
            // A dispatcher's thread outlives its test.
            System.Threading.Thread.Sleep(Timeout.Infinite);
        }

        return -Errno.ENOSYS;
    };

    [Fact]
    public unsafe void The_generation_id_is_what_the_nucleus_writes()
    {
        Guid id = Guid.NewGuid();
        NucleusSystemCall.Nucleus = (number, address, _, _) =>
        {
            Assert.Equal(NucleusCall.ReadGenerationId, number);
            *(Guid*)address = id;
            return 0;
        };

        Assert.Equal(id, _power.GenerationId);
    }

    [Fact]
    public async Task A_wait_on_a_channel_of_before_ends_and_the_channel_is_as_if_disposed()
    {
        IEventChannel waiting = Open();
        IEventChannel idle = Open();
        Task wait = waiting.WaitAsync().AsTask();

        Assert.Equal(SuspendResult.Resumed, _power.Suspend());

        ObjectDisposedException gone = await Assert.ThrowsAsync<ObjectDisposedException>(() => wait.WaitAsync(Limit));
        Assert.Contains("event channel port 5 is gone: the domain was resumed", gone.Message, StringComparison.Ordinal);
        int calls = _calls.Count;
        foreach (IEventChannel channel in (IEventChannel[])[waiting, idle])
        {
            Assert.Throws<ObjectDisposedException>(channel.Notify);
            await Assert.ThrowsAsync<ObjectDisposedException>(() => channel.WaitAsync().AsTask());
            channel.Dispose();
        }

        Assert.Equal(calls, _calls.Count);
        await ParkedAsync();
    }

    [Fact]
    public async Task An_event_goes_to_the_new_channel_of_a_number_whatever_becomes_of_the_old_one()
    {
        IEventChannel old = Open();
        _power.Suspend();
        _nextPort = old.Port;
        IEventChannel channel = Open();
        Assert.Equal(old.Port, channel.Port);
        Task wait = channel.WaitAsync().AsTask();

        old.Dispose();
        await ParkedAsync();
        _events.Add(old.Port);
        await ParkedAsync();
        Assert.False(wait.IsCompleted);
        _events.Add((1L << 32) | old.Port);
        await wait.WaitAsync(Limit);
        await ParkedAsync();

        channel.Dispose();
        Assert.Equal((NucleusCall.ClosePort, (1L << 32) | old.Port), _calls.Last());
    }

    [Fact]
    public async Task A_channel_that_another_thread_opens_as_soon_as_the_domain_runs_lives()
    {
        _ = Open();
        IEventChannel? early = null;
        NucleusSystemCall.Nucleus = (number, a1, a2, a3) =>
        {
            long answer = Answer(number, a1, a2, a3);
            if (number == NucleusCall.Suspend)
            {
                early = Open();
            }

            return answer;
        };

        _power.Suspend();

        early!.Notify();
        Task wait = early.WaitAsync().AsTask();
        await ParkedAsync();
        _events.Add((1L << 32) | early.Port);
        await wait.WaitAsync(Limit);
        await ParkedAsync();
    }

    /// <summary>A thread that was in the middle of a call when another one suspended the domain: the nucleus returns an error.</summary>
    [Fact]
    public async Task A_call_on_a_handle_that_the_nucleus_finds_stale_is_one_on_a_disposed_channel()
    {
        IEventChannel channel = Open();
        _generation++;

        Assert.Throws<ObjectDisposedException>(channel.Notify);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => channel.WaitAsync().AsTask());
        channel.Dispose();
        await ParkedAsync();
    }

    [Fact]
    public void A_grant_of_before_has_ended_and_does_nothing_to_the_one_that_has_its_reference()
    {
        ISharedPage page = _pages.Allocate();
        IGrant old = page.Grant(7);
        uint reference = old.Reference;
        _power.Suspend();
        _nextReference = reference;
        IGrant grant = page.Grant(9);

        Assert.Equal(reference, grant.Reference);
        Assert.Throws<ObjectDisposedException>(() => old.Reference);
        Assert.True(old.TryEnd());
        old.Dispose();

        Assert.Equal(0, _pages.HeldPages);
        Assert.DoesNotContain((NucleusCall.EndGrant, (1L << 32) | reference), _calls);
        Assert.True(grant.TryEnd());
        Assert.Contains((NucleusCall.EndGrant, (1L << 32) | reference), _calls);
    }

    [Fact]
    public void Pages_that_another_domain_did_not_let_go_of_are_free_after_a_resume()
    {
        ISharedPage disposed = _pages.Allocate();
        ISharedPage kept = _pages.Allocate();
        _mapped.Add(disposed.Grant(7).Reference);
        IGrant abandoned = kept.Grant(7);
        _mapped.Add(abandoned.Reference);
        disposed.Dispose();
        abandoned.Dispose();
        Assert.Equal(2, _pages.HeldPages);

        _power.Suspend();

        Assert.Equal([SharedPages.WindowStart], _released);
        Assert.Equal(0, _pages.HeldPages);
        kept.Dispose();
        Assert.Equal([SharedPages.WindowStart, SharedPages.WindowStart + 4096], _released);
    }

    [Fact]
    public async Task A_cancelled_suspend_ends_nothing()
    {
        IEventChannel channel = Open();
        ISharedPage page = _pages.Allocate();
        IGrant grant = page.Grant(7);
        Task wait = channel.WaitAsync().AsTask();
        _suspendAnswer = 0;

        Assert.Equal(SuspendResult.Cancelled, _power.Suspend());

        Assert.Equal(8u, grant.Reference);
        channel.Notify();
        await ParkedAsync();
        _events.Add(channel.Port);
        await wait.WaitAsync(Limit);
        await ParkedAsync();
        Assert.True(grant.TryEnd());
    }

    [Theory]
    [InlineData(-Errno.ENODEV, typeof(PlatformNotSupportedException))]
    [InlineData(-Errno.EPERM, typeof(XenException))]
    public void A_suspend_that_is_refused_is_an_error_and_ends_nothing(long answer, Type error)
    {
        ISharedPage page = _pages.Allocate();
        IGrant grant = page.Grant(7);
        _suspendAnswer = answer;

        Assert.Throws(error, () => _power.Suspend());

        Assert.Equal(8u, grant.Reference);
    }

    [Fact]
    public void The_reference_of_a_grant_that_was_ended_or_disposed_cannot_be_used()
    {
        ISharedPage page = _pages.Allocate();
        IGrant ended = page.Grant(7);
        IGrant disposed = page.Grant(7);
        IGrant held = page.Grant(7);
        IGrant lost = page.Grant(7);
        _mapped.Add(held.Reference);
        Assert.True(ended.TryEnd());
        disposed.Dispose();
        held.Dispose();
        page.Dispose();

        Assert.All((IGrant[])[ended, disposed, held, lost], grant => Assert.Throws<ObjectDisposedException>(() => grant.Reference));
    }

    private IEventChannel Open() => _channels.AllocateUnbound(0);

    /// <summary>
    /// Waits until the dispatcher's thread waits for the next event: the last one has been delivered, and nobody calls the nucleus any
    /// more.
    /// </summary>
    private async Task ParkedAsync() => Assert.True(await _parked.WaitAsync(Limit));

    private long Answer(int number, ulong a1, ulong a2, ulong a3)
    {
        if (number != NucleusCall.WaitForEvent)
        {
            _calls.Enqueue((number, (long)a1));
        }

        long handles = Interlocked.Read(ref _generation) << 32;
        bool isStale = (long)a1 < handles;
        switch (number)
        {
            case NucleusCall.WaitForEvent:
                _parked.Release();
                return _events.Take();
            case NucleusCall.AllocateUnboundPort:
                return handles | _nextPort++;
            case NucleusCall.UnmaskPort or NucleusCall.NotifyPort or NucleusCall.ClosePort:
                return isStale ? -Errno.ESTALE : 0;
            case NucleusCall.AllocatePage:
                ulong page = _nextPage;
                _nextPage += 4096;
                return (long)page;
            case NucleusCall.GrantPage:
                return handles | _nextReference++;
            case NucleusCall.EndGrant:
                return isStale ? -Errno.ESTALE : _mapped.Contains((long)a1) ? -Errno.EBUSY : 0;
            case NucleusCall.ReleasePage:
                _released.Add(a1);
                return 0;
            case NucleusCall.ReadHypervisorFacts:
                unsafe
                {
                    *(HypervisorFacts*)a1 = new HypervisorFacts { IsPresent = 1 };
                }

                return 0;
            case NucleusCall.Suspend:
                return _suspendAnswer ?? Interlocked.Increment(ref _generation);
            default:
                Assert.Fail($"call {number}");
                return 0;
        }
    }
}
