using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.GuestImage;

/// <summary>
/// The kernel's part of a suspend, without a driver: the tool stack requests it in <c>control/shutdown</c>, and what the program had open
/// before is checked after. The host's test plays the tool stack at each line printed.
/// </summary>
internal static class SuspendCases
{
    /// <summary>Two guests that go on from one state, and draw a few numbers before, still have most of as many in common.</summary>
    private const int Numbers = 32;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public static IEnumerable<Case> All => [new("suspend", SuspendAsync)];

    private static ushort Self => Guest.Hypervisor.DomainId;

    private static async Task SuspendAsync()
    {
        using IXenStoreLink link = Guest.XenStore.Open();
        await using XenStoreClient store = await XenStoreClient.ConnectAsync(XenStoreLinkTransport.Create(link));
        await using XenStoreWatch watch = await store.WatchAsync("control/shutdown");
        using Ticker ticker = new();
        ulong grants = Guest.ReadStatistics().Grants;
        Console.WriteLine($"ready, domain {Self}");
        for (int round = 1; ;)
        {
            Check.That(await watch.WaitToReadAsync(CancellationToken.None));
            _ = watch.TryRead(out XenStoreWatchEvent _);
            switch (await store.TryReadAsync("control/shutdown"))
            {
                case "suspend":
                    await store.WriteAsync("control/shutdown", "");
                    await RoundAsync(round++, link, store, ticker, grants);
                    break;
                case "poweroff":
                    await store.WriteAsync("control/shutdown", "");
                    Check.Equal(0, ticker.TimesBack);
                    return;
            }
        }
    }

    private static async Task RoundAsync(int round, IXenStoreLink link, XenStoreClient store, Ticker ticker, ulong grantsAtStart)
    {
        using Belongings before = new();
        Task wait = before.Open.WaitAsync().AsTask();
        Task delay = Task.Delay(500);
        Guid generation = Guest.Power.GenerationId;
        long started = Stopwatch.GetTimestamp();
        Console.WriteLine($"suspending {round}");
        SuspendResult result = default;
        string[] drawn = [];
        SuspendOutcome outcome = await DomainSuspend.RunAsync(store, [], () =>
        {
            // The generator renews its key by itself in the first request after a minute: that is not to come behind the suspend.
            _ = Draw();
            result = Guest.Power.Suspend();
            drawn = [.. Enumerable.Range(0, Numbers).Select(_ => Draw())];
            if (result == SuspendResult.Cancelled)
            {
                return default;
            }

            return new(() =>
            {
                link.FindAgain();
                return XenStoreLinkTransport.Create(link);
            });
        });
        Check.That(Stopwatch.GetTimestamp() >= started, "the monotonic clock did not go back");
        Check.Equal(result == SuspendResult.Resumed ? SuspendOutcome.Resumed : SuspendOutcome.Cancelled, outcome);
        Check.Equal(result == SuspendResult.Resumed, generation != Guest.Power.GenerationId, "another generation id");
        await delay.WaitAsync(Limit);
        await ticker.NextAsync(3).WaitAsync(Limit);
        before.CheckPage();
        if (result == SuspendResult.Cancelled)
        {
            before.Bound.Notify();
            await wait.WaitAsync(Limit);
            Check.Equal(before.References[0], before.Grant.Reference);
            Check.Equal(grantsAtStart + 2, Guest.ReadStatistics().Grants);
        }
        else
        {
            await CheckLossAsync(before, wait, grantsAtStart);
        }

        Check.Equal(Self, (ushort)await store.ReadInt32Async("domid"));
        Console.WriteLine($"drew {string.Join(' ', drawn)}");
        string now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        Console.WriteLine($"{result} {round} in domain {Self} at {now}");
    }

    private static string Draw() => RandomNumberGenerator.GetHexString(16);

    /// <summary>Handles from before no longer work, and do not affect new ports and grants with the same numbers.</summary>
    private static async Task CheckLossAsync(Belongings before, Task wait, ulong grantsAtStart)
    {
        await Check.ThrowsAsync<ObjectDisposedException>(() => wait.WaitAsync(Limit));
        Check.Equal(0ul, Guest.ReadStatistics().Grants);
        using (Belongings after = new())
        {
            Check.Throws<ObjectDisposedException>(before.Open.Notify);
            Check.Throws<ObjectDisposedException>(before.Bound.Notify);
            Check.Throws<ObjectDisposedException>(() => _ = before.Grant.Reference);
            Check.That(before.Grant.TryEnd());
            Check.That(before.References.Order().SequenceEqual(after.References.Order()));
            before.Dispose();
            Check.Equal(2ul, Guest.ReadStatistics().Grants);
            Check.Equal(after.References[0], after.Grant.Reference);
            for (int i = 0; i < 10; i++)
            {
                Task heard = after.Open.WaitAsync().AsTask();
                after.Bound.Notify();
                await heard.WaitAsync(Limit);
            }
        }

        Check.Equal(0ul, Guest.ReadStatistics().Grants);
        Check.Equal(0ul, grantsAtStart);
        Check.Equal(0, Guest.Pages.HeldPages);
    }

    /// <summary>A page with two grants, and an event channel from this domain to itself.</summary>
    private sealed class Belongings : IDisposable
    {
        private readonly ISharedPage _page = Guest.Pages.Allocate();

        public Belongings()
        {
            _page.Span.Fill(0x7e);
            Grant = _page.Grant(0);
            References = [Grant.Reference, _page.Grant(Self, isReadOnly: true).Reference];
            Open = Guest.EventChannels.AllocateUnbound(Self);
            Bound = Guest.EventChannels.BindInterdomain(Self, Open.Port);
        }

        public IGrant Grant { get; }

        public uint[] References { get; }

        public IEventChannel Open { get; }

        public IEventChannel Bound { get; }

        public void CheckPage() => Check.Equal(-1, _page.Span.IndexOfAnyExcept((byte)0x7e));

        public void Dispose()
        {
            Bound.Dispose();
            Open.Dispose();
            Grant.Dispose();
            _page.Dispose();
        }
    }

    /// <summary>A periodic timer that reads the monotonic clock.</summary>
    private sealed class Ticker : IDisposable
    {
        private readonly Timer _timer;
        private long _last = Stopwatch.GetTimestamp();
        private int _timesBack;
        private int _ticks;

        public Ticker() => _timer = new Timer(_ => Tick(), null, 20, 20);

        public int TimesBack => Volatile.Read(ref _timesBack);

        public async Task NextAsync(int ticks)
        {
            for (int until = Volatile.Read(ref _ticks) + ticks; Volatile.Read(ref _ticks) < until;)
            {
                await Task.Delay(5);
            }
        }

        public void Dispose() => _timer.Dispose();

        private void Tick()
        {
            // Read after the other's: callbacks may overlap.
            long last = Volatile.Read(ref _last);
            long now = Stopwatch.GetTimestamp();
            if (now < last)
            {
                Interlocked.Increment(ref _timesBack);
            }

            Volatile.Write(ref _last, now);
            Interlocked.Increment(ref _ticks);
        }
    }
}
