using System.Collections.Concurrent;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.Drivers.Tests;

/// <summary>A suspend against the tool stack's clock, and one after which xenstore is not found at once.</summary>
public sealed class SuspendLimitTests : IAsyncLifetime
{
    private const string Refused = "xenlet: the suspend is refused: drivers and xenstore did not come to rest in 50 s after the request\n";

    private ControlHost _host = null!;

    public async Task InitializeAsync() => _host = await ControlHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Preparations_and_drivers_that_each_were_in_time_refuse_the_suspend_when_together_they_were_not()
    {
        TestDriver driver = new() { OnSuspend = _ => Take(35) };
        await StartAsync(new() { FrontDrivers = [driver] });
        using IDisposable hook = _host.Control.OnSuspend(async _ => await Take(15));
        await _host.AskAsync("suspend");
        await _host.SeesAsync(Refused);
        Assert.Empty(_host.Machine.Calls);
        await _host.UntilAsync(() => Task.FromResult(driver.Calls.Contains("suspend cancelled vbd/1")));

        // Nothing is left of it: the next suspend has its full time, and is carried out.
        hook.Dispose();
        await _host.AskAsync("suspend");
        await _host.CallsAsync("suspend");

        ValueTask<bool> Take(int seconds)
        {
            _host.Clock.Advance(TimeSpan.FromSeconds(seconds));
            return new(true);
        }
    }

    [Fact]
    public async Task A_store_that_does_not_come_to_rest_in_what_the_drivers_have_left_refuses_the_suspend()
    {
        TaskCompletionSource atRest = new();
        TestDriver driver = new()
        {
            OnSuspend = _ =>
            {
                _host.Clock.Advance(TimeSpan.FromSeconds(25));
                atRest.TrySetResult();
                return new(true);
            },
        };
        await StartAsync(new() { FrontDrivers = [driver] });
        XenStoreTransaction open = await _host.Services!.Store.BeginTransactionAsync();
        await using (open)
        {
            await _host.AskAsync("suspend");
            await atRest.Task.WaitAsync(TimeSpan.FromMinutes(2));
            // The store's own limit is 30 s.
            _host.Clock.Advance(TimeSpan.FromSeconds(25));
            await _host.UntilAsync(() => Task.FromResult(driver.Calls.Contains("suspend cancelled vbd/1")));
        }

        await _host.SeesAsync(Refused);
        Assert.Empty(_host.Machine.Calls);
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("terminate");
    }

    [Fact]
    public async Task A_deadline_whose_timer_is_late_is_seen_at_the_clock_before_the_hypercall()
    {
        SleepyClock clock = new();
        TestDriver driver = new()
        {
            OnSuspend = _ =>
            {
                clock.Now += TimeSpan.FromSeconds(50).Ticks;
                return new(true);
            },
        };
        await _host.AddDeviceAsync("vbd/1");
        await _host.StartServicesAsync(new() { FrontDrivers = [driver] }, clock: clock);
        await _host.UntilAsync(() => Task.FromResult(driver.Calls.Contains("attach vbd/1")));
        await _host.AskAsync("suspend");
        await _host.SeesAsync(Refused);
        Assert.Empty(_host.Machine.Calls);
    }

    [Fact]
    public async Task A_store_that_is_not_found_after_a_resume_is_looked_for_until_it_is_and_then_all_go_on()
    {
        TestDriver driver = new();
        await StartAsync(new() { FrontDrivers = [driver], Store = _host.Patient });
        ConcurrentQueue<SuspendOutcome> outcomes = Outcomes();
        int failures = 3;
        _host.Machine.OnSuspend = _host.Move;
        _host.Machine.OnFindAgain = () =>
        {
            if (Interlocked.Decrement(ref failures) >= 0)
            {
                throw new XenException("opening the connection to xenstore", XenErrno.ENOENT);
            }
        };
        await _host.AskAsync("suspend");
        await _host.SeesAsync("xenlet: no connection to xenstore: opening the connection to xenstore failed: ENOENT (2)");
        Assert.Empty(outcomes);
        await _host.PassingTimeAsync(() => driver.Calls.Contains("resume vbd/1") && !outcomes.IsEmpty);
        Assert.Equal([SuspendOutcome.Resumed], outcomes);
        Assert.DoesNotContain("refused", _host.Console, StringComparison.Ordinal);
        Assert.DoesNotContain("suspend cancelled vbd/1", driver.Calls);

        // The same reason is reported once.
        Assert.Single(_host.Console.Split('\n'), line => line.Contains("ENOENT", StringComparison.Ordinal));
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("suspend", "terminate");
    }

    [Fact]
    public async Task Services_whose_store_is_not_found_after_a_resume_end()
    {
        await StartAsync();
        ConcurrentQueue<SuspendOutcome> outcomes = Outcomes();
        _host.Machine.OnSuspend = () => SuspendResult.Resumed;
        _host.Machine.OnFindAgain = () => throw new XenException("opening the connection to xenstore", XenErrno.ENOENT);
        await _host.AskAsync("suspend");
        await _host.SeesAsync("xenlet: no connection to xenstore: ");
        await _host.Services!.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(2));
        Assert.Equal([SuspendOutcome.Resumed], outcomes);
        Assert.Equal(0, _host.Machine.OpenLinks);
    }

    private ConcurrentQueue<SuspendOutcome> Outcomes()
    {
        ConcurrentQueue<SuspendOutcome> outcomes = new();
        _host.Control.OnSuspend(after: told =>
        {
            outcomes.Enqueue(told);
            return default;
        });
        return outcomes;
    }

    /// <summary>Starts services on the host's clock, with a disk that has attached where there is a driver for it.</summary>
    private async Task StartAsync(DomainServicesOptions? options = null)
    {
        options ??= new();
        await _host.AddDeviceAsync("vbd/1");
        await _host.StartServicesAsync(options with { Store = options.Store ?? new() { TimeProvider = _host.Clock } });
        await _host.UntilAsync(() => Task.FromResult(_host.Services!.FrontBus.Devices is [{ Phase: XenDevicePhase.Attached }]));
    }

    /// <summary>A clock whose timers never fire, as when nothing is left to run them.</summary>
    private sealed class SleepyClock : TimeProvider
    {
        public long Now { get; set; } = TimeSpan.TicksPerDay;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new SleepyTimer();

        private sealed class SleepyTimer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
