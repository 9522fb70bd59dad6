using System.Collections.Concurrent;
using Xenlet.Domain;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.XenBus.Tests;

/// <summary>A missing answer of xenstored, or a temporary error, says nothing about a device: the bus tries again.</summary>
public sealed class StallTests : IAsyncLifetime
{
    private readonly ManualClock _clock = new();
    private Host _host = null!;
    private volatile bool _isFaulty = true;

    public async Task InitializeAsync()
    {
        _host = await Host.StartAsync(new XenStoreClientOptions { TimeProvider = _clock, DisposeTimeLimit = TimeSpan.FromTicks(1) });
        _host.MayTimeOut = true;
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    /// <summary>Errors that say nothing about a node; the first is a request that is not answered in time.</summary>
    public static TheoryData<string> Errors => new(Faults.NoAnswer, "EIO", "ENOMEM", "EBUSY", "EQUOTA", "EWHATEVER");

    [Theory]
    [MemberData(nameof(Errors))]
    public async Task A_look_that_fails_is_made_again_until_the_device_is_seen(string error)
    {
        TestDriver driver = TestDriver.Connecting();
        await StartAsync(driver);
        _host.Faults.Fail(XenStoreMessageType.Read, "device/vbd/1/state", error, () => _isFaulty);
        await _host.AddAsync("vbd/1", backState: XenBusState.InitWait);
        await PassingTimeAsync(() => _host.Saw("device: device/vbd/1 cannot be looked at, and stays what it was: "));
        Assert.Equal(0, driver.Count("attach vbd/1"));
        _isFaulty = false;
        await PassingTimeAsync(() => driver.Count("attach vbd/1") > 0);
    }

    [Fact]
    public async Task A_directory_that_could_not_be_listed_is_listed_again()
    {
        TestDriver driver = new();
        FrontBus bus = await StartAsync(driver);
        _host.Faults.Fail(XenStoreMessageType.Directory, "device/vbd", "EIO", () => _isFaulty);
        await _host.AddAsync("vbd/1");
        await _host.UntilAsync(() => driver.Count("attach vbd/1") > 0);
        // The removal of a type's directory is an event of its own, at which everything below is examined.
        await _host.Dom0.RemoveAsync(Host.Home + "/device/vbd");
        await PassingTimeAsync(() => _host.Saw("device: device/vbd cannot be looked at") || bus.Devices.Count == 0);
        _isFaulty = false;
        await PassingTimeAsync(() => bus.Devices.Count == 0);
    }

    [Theory]
    [MemberData(nameof(Errors))]
    public async Task An_other_ends_state_that_cannot_be_read_is_not_Closed_and_its_event_is_not_lost(string error)
    {
        TestDriver driver = TestDriver.Connecting();
        await _host.AddAsync("vbd/1", backState: XenBusState.InitWait);
        FrontBus bus = await StartAsync(driver);
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Connected }]);
        _host.Faults.Fail(XenStoreMessageType.Read, Host.BackEnd("vbd/1") + "/state", error, () => _isFaulty);
        await _host.SetBackStateAsync("vbd/1", XenBusState.Connected);
        await PassingTimeAsync(() => _host.Saw("vbd/1: its other end cannot be looked at, and it is tried again: "));
        Assert.Equal(XenBusState.Connected, bus.Devices[0].State);
        Assert.Equal(0, driver.Count("other end vbd/1 Closed"));
        _isFaulty = false;
        await PassingTimeAsync(() => driver.Count("other end vbd/1 Connected") > 0);
    }

    [Fact]
    public async Task A_watch_of_the_bus_that_was_refused_is_registered_by_a_timer()
    {
        TestDriver driver = new();
        _host.Faults.Fail(XenStoreMessageType.Watch, "device", "E2BIG", () => _isFaulty);
        await StartAsync(driver);
        await _host.SeesAsync("device: the bus cannot be watched");
        await _host.AddAsync("vbd/1");
        _isFaulty = false;
        await PassingTimeAsync(() => driver.Count("attach vbd/1") > 0);
        await _host.SeesAsync("device: the bus is watched again");
    }

    [Fact]
    public async Task A_device_without_a_watch_is_looked_at_by_a_timer_and_watched_when_it_can_be()
    {
        TestDriver driver = new();
        string state = Host.BackEnd("vbd/1") + "/state";
        _host.Faults.Fail(XenStoreMessageType.Watch, state, "E2BIG", () => _isFaulty);
        await _host.AddAsync("vbd/1");
        await StartAsync(driver);
        await _host.UntilAsync(() => driver.Count("local end vbd/1 ") > 0);
        await _host.SetBackStateAsync("vbd/1", XenBusState.InitWait);
        await PassingTimeAsync(() => driver.Count("other end vbd/1 InitWait") > 0);
        // An examination that finds nothing new is not reported.
        int told = driver.Calls.Count;
        for (int i = 0; i < 100; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(told, driver.Calls.Count);
        _isFaulty = false;
        await PassingTimeAsync(() => _host.Saw("vbd/1: its other end is watched again"));
        await _host.SetBackStateAsync("vbd/1", XenBusState.Connected);
        await _host.UntilAsync(() => driver.Count("other end vbd/1 Connected") > 0);
    }

    [Theory]
    [InlineData(Faults.NoAnswer)]
    [InlineData("EIO")]
    public async Task A_resumes_examination_that_fails_is_made_again_and_no_device_is_lost(string error)
    {
        TestDriver driver = TestDriver.Connecting();
        await _host.AddAsync("vbd/1", backState: XenBusState.InitWait);
        await _host.AddAsync("vbd/2", backState: XenBusState.InitWait);
        FrontBus bus = await StartAsync(driver);
        await _host.UntilAsync(() => bus.Devices.Count == 2 && bus.Devices.All(device => device.State == XenBusState.Connected));
        Task<SuspendOutcome> suspend = _host.SuspendAsync(() =>
        {
            _host.Faults.Fail(XenStoreMessageType.Read, "device/vbd/1/backend", error, () => _isFaulty);
            return Task.CompletedTask;
        });
        await PassingTimeAsync(() => suspend.IsCompleted);
        Assert.Equal(SuspendOutcome.Resumed, await suspend);
        await PassingTimeAsync(() => driver.Count("resume vbd/2") == 1);
        await _host.SeesAsync("vbd/1: cannot be looked at after the resume, and is looked at again: ");
        Assert.Equal(0, driver.Count("resume vbd/1"));

        if (error != Faults.NoAnswer)
        {
            // A suspend meanwhile, which is cancelled, leaves it waiting.
            Task<SuspendOutcome> cancelled = _host.CancelSuspendAsync(() => Task.CompletedTask);
            await PassingTimeAsync(() => cancelled.IsCompleted);
            Assert.Equal(SuspendOutcome.Cancelled, await cancelled);
            Assert.Equal(0, driver.Count("resume vbd/1"));
        }

        _isFaulty = false;
        await PassingTimeAsync(() => driver.Count("resume vbd/1") == 1 && bus.Devices.All(device => device.State == XenBusState.Connected));
        Assert.DoesNotContain(driver.Calls, call => call.StartsWith("detach", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("attach")]
    [InlineData("other end")]
    [InlineData("local end")]
    [InlineData("resume")]
    public async Task A_driver_whose_request_xenstored_did_not_answer_keeps_its_device_and_is_called_again(string call)
    {
        int calls = 0;
        TestDriver driver = new()
        {
            OnAttach = async (device, _) => await AskAsync(device, "attach"),
            OnOtherEnd = async (device, _) => await AskAsync(device, "other end"),
            OnLocalEnd = async (device, _) => await AskAsync(device, "local end"),
            OnResume = async (device, _) => await AskAsync(device, "resume"),
        };
        _host.Faults.Fail(XenStoreMessageType.Read, "device/vbd/1/thing", "EIO", () => _isFaulty);
        await _host.AddAsync("vbd/1");
        FrontBus bus = await StartAsync(driver);
        if (call == "resume")
        {
            await _host.UntilAsync(() => driver.Count("local end vbd/1 ") > 0);
            await _host.SuspendAsync(() => Task.CompletedTask);
        }

        await PassingTimeAsync(() => Volatile.Read(ref calls) > 2);
        Assert.Equal(XenBusState.Initialising, await _host.FrontStateAsync("vbd/1"));
        _isFaulty = false;
        await PassingTimeAsync(() => _host.Saw($"{call} is done"));
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached }]);
        Assert.False(_host.Saw("given up"), _host.Text);
        Assert.Single(_host.Events, happened => happened.Text.Contains("and it is tried again: ", StringComparison.Ordinal));

        async Task AskAsync(XenDevice device, string made)
        {
            if (made == call)
            {
                Interlocked.Increment(ref calls);
                await device.Bus.Store.TryReadAsync(device.Node + "/thing");
                device.Report($"{made} is done");
            }
        }
    }

    [Fact]
    public async Task A_state_whose_writing_was_not_answered_is_neither_Closing_nor_written_over_what_it_became()
    {
        ConcurrentQueue<XenBusState> found = new();
        TestDriver driver = new()
        {
            OnOtherEnd = async (device, _) =>
            {
                found.Enqueue(device.State);
                if (device.State == XenBusState.Initialising)
                {
                    await device.SetStateAsync(XenBusState.Initialised);
                }
            },
        };
        _host.Faults.Rule = (type, _) => type == XenStoreMessageType.TransactionEnd && _isFaulty ? Faults.AnswerLost : null;
        await _host.AddAsync("vbd/1");
        FrontBus bus = await StartAsync(driver);
        await PassingTimeAsync(() => found.Count > 1);
        await _host.SeesAsync("vbd/1: driver test cannot do OtherEndChangedAsync, and it is tried again: ");
        Assert.Equal([XenBusState.Initialising, XenBusState.Initialised], found);
        Assert.Equal(XenBusState.Initialised, bus.Devices[0].State);
        Assert.Equal(XenBusState.Initialised, await _host.FrontStateAsync("vbd/1"));
    }

    [Fact]
    public async Task A_first_listing_that_failed_is_not_all_devices_are_there()
    {
        _host.Faults.Fail(XenStoreMessageType.Directory, "device", "EIO", () => _isFaulty);
        await _host.AddAsync("vbd/1", backState: XenBusState.InitWait);
        FrontBus bus = await StartAsync(TestDriver.Connecting());
        Task<BootReport> boot = bus.WaitForBootAsync(Timeout.InfiniteTimeSpan);
        await PassingTimeAsync(() => _host.Saw("device: device cannot be looked at"));
        Assert.False(boot.IsCompleted);
        _isFaulty = false;
        await PassingTimeAsync(() => boot.IsCompleted);
        Assert.True((await boot).IsComplete);
        Assert.Equal(XenBusState.Connected, bus.Devices[0].State);
    }

    private async Task<FrontBus> StartAsync(TestDriver driver)
    {
        FrontBus bus = _host.Front(new() { TimeProvider = _clock });
        bus.AddDriver(driver);
        await bus.StartAsync();
        return bus;
    }

    /// <summary>
    /// Lets time pass while xenstored owes the guest nothing: the clock runs much faster than xenstored, which must not look as if it
    /// answered late.
    /// </summary>
    private Task PassingTimeAsync(Func<bool> condition) => _host.UntilAsync(() =>
    {
        XenStoreStatistics now = _host.GuestStore.Statistics;
        if (now.Requests - now.Replies <= _host.Faults.Unanswered)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        return condition();
    });
}
