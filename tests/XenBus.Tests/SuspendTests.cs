using Xenlet.Domain;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.XenBus.Tests;

/// <summary>Suspend, resume, and suspends that were cancelled or refused.</summary>
public sealed class SuspendTests : IAsyncLifetime
{
    private readonly ManualClock _clock = new();
    private readonly XenBusOptions _impatient;
    private Host _host = null!;

    public SuspendTests()
    {
        _impatient = new()
        {
            DriverTimeLimit = TimeSpan.FromMilliseconds(50),
            SuspendTimeLimit = TimeSpan.FromMilliseconds(100),
            TimeProvider = _clock,
        };
    }

    public async Task InitializeAsync() => _host = await Host.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_a_resume_each_device_has_its_new_other_end_its_watch_there_and_its_driver_is_told(bool elsewhere)
    {
        TestDriver driver = TestDriver.Connecting();
        FrontBus bus = await StartAsync(driver, null, "vbd/1", "vif/0");
        XenDevice disk = bus.Devices[0];
        int free = await _host.CountFreeWatchesAsync();
        driver.Calls.Clear();
        Assert.Equal(SuspendOutcome.Resumed, await _host.SuspendAsync(
            async () =>
            {
                await MoveAsync("vbd/1", 7);
                await MoveAsync("vif/0", 8);
            },
            elsewhere));
        await _host.SeesAsync("vbd/1: Connected -> Initialising");
        await _host.UntilAsync(() => driver.Count("local end vbd/1 ") > 0 && driver.Count("local end vif/0 ") > 0);
        Assert.Equal(disk, bus.Devices[0]);
        Assert.Equal((7u, "/local/domain/7/backend/vbd/1/1"), (disk.OtherEndId, disk.OtherEndPath));
        Assert.Equal(
            ["suspend vbd/1", "resume vbd/1", "other end vbd/1 Initialising", "local end vbd/1 "],
            // What the tool stack has written below the device may be told at any time after the resume.
            driver.Calls.Where(call => call.Contains(
                "vbd/1",
                StringComparison.Ordinal) && !call.StartsWith("local end vbd/1 /", StringComparison.Ordinal)).Take(4));
        // Its new other end is followed, its old one is not: there are as many watches as before.
        Assert.Equal(free, await _host.CountFreeWatchesAsync());
        await _host.Dom0.WriteAsync("/local/domain/7/backend/vbd/1/1/state", (long)XenBusState.InitWait);
        await _host.UntilAsync(() => disk.State == XenBusState.Connected);
        Assert.Equal(XenBusState.Connected, await _host.FrontStateAsync("vbd/1"));
        await _host.SetBackStateAsync("vbd/1", XenBusState.Closing);
        await _host.SettleAsync(bus);
        Assert.Equal(0, driver.Count("other end vbd/1 Closing"));
    }

    [Fact]
    public async Task A_resume_sets_a_state_that_the_tool_stack_has_left_to_Initialising()
    {
        // This happens when a domain continues where it was, but not as if nothing had happened.
        TaskCompletionSource<XenBusState?> seen = new();
        TestDriver driver = TestDriver.Connecting(onResume: async (_, _) => seen.SetResult(await _host.FrontStateAsync("vbd/1")));
        FrontBus bus = await StartAsync(driver, null, "vbd/1");
        Assert.Equal(XenBusState.Connected, await _host.FrontStateAsync("vbd/1"));
        await _host.SuspendAsync(() => Task.CompletedTask);
        Assert.Equal(XenBusState.Initialising, await seen.Task.WaitAsync(TimeSpan.FromMinutes(3)));
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Connected }]);
    }

    [Fact]
    public async Task No_driver_is_called_between_its_suspend_and_its_resume()
    {
        // Step by step, so that a queue that has work and is not stopped is noticed.
        TestDriver driver = TestDriver.Connecting();
        await _host.AddAsync("vbd/1", backState: XenBusState.InitWait);
        FrontBus bus = _host.Front(new() { Stepped = true });
        bus.AddDriver(driver);
        await bus.StartAsync();
        await StepUntilAsync(bus, () => driver.Count("local end vbd/1 /state") > 0);
        XenDevice device = bus.Devices[0];
        Task<SuspendReport> suspend = bus.SuspendAsync();
        await StepUntilAsync(bus, () => suspend.IsCompleted);
        Assert.True((await suspend).IsReady);
        // The store still answers, and its events come: there is work for the bus and for the device.
        await _host.SetBackStateAsync("vbd/1", XenBusState.Closing);
        await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/1/thing", "1");
        await _host.AddAsync("vbd/2");
        await _host.UntilAsync(() => Host.QueueOf(bus).Count > 0 && Host.QueueOf(device).Count > 0);
        Assert.Equal((false, false), (await bus.StepAsync(), await device.StepAsync()));
        Assert.Equal("suspend vbd/1", driver.Calls.Last());
        Assert.Single(bus.Devices);
        string[] meanwhile = [.. driver.Calls];
        await bus.CancelSuspendAsync();
        await StepUntilAsync(bus, () => driver.Count("other end vbd/1 Closing") > 0 && driver.Count("attach vbd/2") > 0);
        Assert.Equal(
            "suspend cancelled vbd/1", driver.Calls.Skip(meanwhile.Length).First(call => call.Contains("vbd/1", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_cancelled_suspend_only_tells_the_drivers()
    {
        TestDriver driver = TestDriver.Connecting();
        FrontBus bus = await StartAsync(driver, null, "vbd/1", "vif/0");
        driver.Calls.Clear();
        long before = _host.GuestStore.Statistics.Requests;
        Assert.Equal(SuspendOutcome.Cancelled, await _host.CancelSuspendAsync(() => Task.CompletedTask));
        await _host.UntilAsync(() => driver.Calls.Count >= 4);
        await _host.DrainDevicesAsync(bus);
        Assert.Equal(before, _host.GuestStore.Statistics.Requests);
        Assert.Equal(
            ["suspend cancelled vbd/1", "suspend cancelled vif/0", "suspend vbd/1", "suspend vif/0"],
            driver.Calls.Order(StringComparer.Ordinal));
        Assert.All(bus.Devices, device => Assert.Equal(XenBusState.Connected, device.State));
        // Everything continues.
        await _host.SetBackStateAsync("vbd/1", XenBusState.Closing);
        await _host.UntilAsync(() => bus.Devices[0].State == XenBusState.Closed);
    }

    [Fact]
    public async Task A_driver_that_refuses_keeps_the_domain_from_being_suspended_and_the_others_are_told()
    {
        TestDriver driver = TestDriver.Connecting(onSuspend: device => new(device.Name != "vif/0"));
        FrontBus bus = await StartAsync(driver, null, "vbd/1", "vif/0");
        BackBus back = _host.Back();
        await back.StartAsync();
        driver.Calls.Clear();
        bool suspended = false;
        Assert.Equal(SuspendOutcome.Refused, await DomainSuspend.RunAsync(_host.GuestStore, [back, bus], () =>
        {
            suspended = true;
            return default;
        }));
        Assert.False(suspended);
        await _host.SeesAsync("vif/0: driver test refuses the suspend");
        await _host.UntilAsync(() => driver.Count("suspend cancelled vbd/1") == 1);
        await _host.SetBackStateAsync("vif/0", XenBusState.Closing);
        await _host.UntilAsync(() => driver.Count("other end vif/0 Closing") > 0);
        Assert.Equal(0, driver.Count("suspend cancelled vif/0"));
        // Both buses are as before: they can be suspended again.
        Assert.Equal("refused by vif/0 (driver test)", (await bus.SuspendAsync()).ToString());
        Assert.True((await back.SuspendAsync()).IsReady);
    }

    [Fact]
    public async Task A_driver_that_throws_in_resume_loses_its_own_device_only()
    {
        TestDriver driver = TestDriver.Connecting(
            onResume: (device, _) => device.Name == "vbd/1" ? throw new FormatException("no ring") : default);
        FrontBus bus = await StartAsync(driver, null, "vbd/1", "vbd/2");
        await _host.SuspendAsync(() => Task.CompletedTask);
        await _host.SeesAsync("vbd/1: given up");
        Assert.Equal(XenBusState.Closed, await _host.FrontStateAsync("vbd/1"));
        Assert.Equal("5 driver test failed in ResumeAsync: no ring", await _host.Dom0.ReadAsync(Host.Home + "/error/device/vbd/1/error"));
        await _host.UntilAsync(() => bus.Devices is [{ Name: "vbd/2", State: XenBusState.Connected }]);
    }

    [Fact]
    public async Task A_driver_that_never_returns_from_resume_is_named_and_holds_up_no_other_device()
    {
        TaskCompletionSource never = new();
        TestDriver driver = TestDriver.Connecting(onResume: (device, _) => device.Name == "vbd/1" ? new(never.Task) : default);
        FrontBus bus = await StartAsync(driver, _impatient, "vbd/1", "vbd/2");
        await _host.SuspendAsync(() => MoveAsync("vbd/2", 7));
        await _host.UntilAsync(() => driver.Count("resume vbd/1") > 0);
        _clock.Advance(_impatient.DriverTimeLimit);
        await _host.SeesAsync("vbd/1: driver test has not returned from ResumeAsync for 0.05 s");
        await _host.SeesAsync("vbd/2: resumed, other end at domain 7");
        await _host.AddAsync("vbd/3", backState: XenBusState.InitWait);
        await _host.UntilAsync(() => bus.Devices.Any(device => device is { Name: "vbd/3", State: XenBusState.Connected }));
        never.SetResult();
        await _host.UntilAsync(() => bus.Devices.All(device => device.Name != "vbd/1" || device.State == XenBusState.Connected));
    }

    [Fact]
    public async Task A_driver_that_throws_in_suspend_takes_its_device_on_anew_after_the_resume()
    {
        TestDriver driver = TestDriver.Connecting(
            onSuspend: device => device.Name == "vbd/1" ? throw new FormatException("no rest") : new(true));
        FrontBus bus = await StartAsync(driver, null, "vbd/1", "vbd/2");
        XenDevice before = bus.Devices[0];
        driver.Calls.Clear();
        Assert.Equal(SuspendOutcome.Resumed, await _host.SuspendAsync(() => Task.CompletedTask));
        await _host.UntilAsync(
            () => bus.Devices is [{ State: XenBusState.Connected } next, { State: XenBusState.Connected }] && next != before);
        Assert.Equal(
            ["suspend vbd/1", "detach vbd/1", "attach vbd/1"],
            driver.Calls.Where(call => call.EndsWith("vbd/1", StringComparison.Ordinal)));
        Assert.Contains("no rest", await _host.Dom0.ReadAsync(Host.Home + "/error/device/vbd/1/error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_driver_that_throws_in_a_suspend_that_is_cancelled_loses_its_own_device_only()
    {
        TestDriver driver = TestDriver.Connecting(
            onSuspend: device => device.Name == "vbd/1" ? throw new FormatException("no rest") : new(true));
        FrontBus bus = await StartAsync(driver, null, "vbd/1", "vbd/2");
        Assert.Equal(SuspendOutcome.Cancelled, await _host.CancelSuspendAsync(() => Task.CompletedTask));
        await _host.SeesAsync("vbd/1: given up");
        await _host.UntilAsync(() => bus.Devices is [{ Name: "vbd/2", State: XenBusState.Connected }]);
        Assert.Equal(XenBusState.Closed, await _host.FrontStateAsync("vbd/1"));
    }

    [Theory]
    [InlineData("suspend")]
    [InlineData("other end")]
    public async Task A_driver_that_is_late_for_a_suspend_is_named_not_waited_for_and_told_of_the_resume(string call)
    {
        TaskCompletionSource gate = new();
        bool hangs = false;
        TestDriver driver = new()
        {
            OnSuspend = async device =>
            {
                await (call == "suspend" && device.Name == "vbd/1" ? gate.Task : Task.CompletedTask);
                return true;
            },
            OnOtherEnd = async (device, _) => await (Volatile.Read(ref hangs) && device.Name == "vbd/1" ? gate.Task : Task.CompletedTask),
        };
        FrontBus bus = await StartAsync(driver, _impatient, "vbd/1", "vbd/2");
        driver.Calls.Clear();
        if (call == "other end")
        {
            Volatile.Write(ref hangs, true);
            await _host.SetBackStateAsync("vbd/1", XenBusState.Connected);
            await _host.UntilAsync(() => driver.Count("other end vbd/1 Connected") > 0);
        }

        Task<SuspendOutcome> suspend = _host.SuspendAsync(async () =>
        {
            await MoveAsync("vbd/1", 7);
            await MoveAsync("vbd/2", 7);
            if (call == "other end")
            {
                // The late call returns while the domain is suspended: nothing follows it.
                gate.SetResult();
            }
        });
        await _host.UntilAsync(() => driver.Count("suspend vbd/2") > 0 && (call == "other end" || driver.Count("suspend vbd/1") > 0));
        await _host.UntilAsync(() =>
        {
            // Again and again, since the bus may begin to wait only now.
            _clock.Advance(_impatient.SuspendTimeLimit);
            return suspend.IsCompleted;
        });
        Assert.Equal(SuspendOutcome.Resumed, await suspend);
        await _host.SeesAsync("vbd/1: driver test is late for the suspend, and is not waited for");
        await _host.UntilAsync(() => driver.Count("local end vbd/2 ") > 0);
        gate.TrySetResult();
        await _host.UntilAsync(() => driver.Count("local end vbd/1 ") > 0);
        string[] calls = [.. driver.Calls.Where(made => made.Contains("vbd/1", StringComparison.Ordinal)).SkipWhile(
            made => made.StartsWith("other", StringComparison.Ordinal))];
        Assert.Equal(
            call == "suspend"
                ? ["suspend vbd/1", "resume vbd/1", "other end vbd/1 Initialising"]
                : ["resume vbd/1", "other end vbd/1 Initialising"],
            calls.Take(call == "suspend" ? 3 : 2));
        Assert.Equal("/local/domain/7/backend/vbd/1/1", bus.Devices[0].OtherEndPath);
    }

    [Fact]
    public async Task An_other_end_that_cannot_be_found_after_a_resume_stops_no_other_device()
    {
        // The seed returns at the first that fails, and leaves the rest as they are.
        TestDriver driver = TestDriver.Connecting();
        FrontBus bus = await StartAsync(driver, null, "vbd/1", "vbd/2", "vbd/3");
        await _host.SuspendAsync(async () =>
        {
            await _host.Dom0.RemoveAsync(Host.Home + "/device/vbd/1/backend");
            await MoveAsync("vbd/2", 7);
            await _host.Dom0.SetPermissionsAsync(Host.Home + "/device/vbd/3/backend", [new(0, XenStoreRights.None)]);
            await _host.Dom0.SetPermissionsAsync(
                Host.Home + "/device/vbd/3", [new(0, XenStoreRights.None), new(Host.Guest, XenStoreRights.Read)]);
        });
        await _host.SeesAsync("vbd/1: has no other end: backend is missing");
        await _host.SeesAsync("vbd/2: resumed, other end at domain 7");
        await _host.SeesAsync("vbd/3: given up");
        await _host.UntilAsync(() => driver.Count("detach vbd/1") == 1 && driver.Count("detach vbd/3") == 1);
        Assert.StartsWith(
            "13 driver test cannot be resumed",
            await _host.Dom0.ReadAsync(Host.Home + "/error/device/vbd/3/error"),
            StringComparison.Ordinal);
        await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/1/backend", Host.BackEnd("vbd/1"));
        await _host.UntilAsync(() => bus.Devices.Any(device => device is { Name: "vbd/1", State: XenBusState.Connected }));
    }

    [Fact]
    public async Task An_other_end_that_has_vanished_while_the_domain_was_suspended_reads_as_Closed()
    {
        TestDriver driver = TestDriver.Connecting();
        FrontBus bus = await StartAsync(driver, null, "vif/0");
        await _host.SuspendAsync(() => _host.Dom0.RemoveAsync(Host.BackEnd("vif/0")).AsTask());
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Closed, OtherEndState: XenBusState.Closed }]);
        Assert.Equal(1, driver.Count("resume vif/0"));
    }

    [Fact]
    public async Task Devices_that_came_or_went_while_the_domain_was_suspended_are_noticed()
    {
        TestDriver driver = TestDriver.Connecting();
        FrontBus bus = await StartAsync(driver, null, "vbd/1", "vbd/2");
        await _host.SuspendAsync(async () =>
        {
            await _host.RemoveAsync("vbd/1");
            await _host.AddAsync("vbd/3", backState: XenBusState.InitWait);
        });
        await _host.UntilAsync(
            () => bus.Devices is [{ Name: "vbd/2", State: XenBusState.Connected }, { Name: "vbd/3", State: XenBusState.Connected }]);
        await _host.SeesAsync("vbd/1: has left the store while the domain was suspended");
        Assert.Equal((1, 0), (driver.Count("detach vbd/1"), driver.Count("resume vbd/1")));
    }

    [Fact]
    public async Task A_device_that_was_given_up_is_found_again_where_the_tool_stack_sets_it_up_anew()
    {
        bool fails = true;
        TestDriver driver = new() { OnAttach = (_, _) => fails ? throw new InvalidOperationException("broken") : default };
        await _host.AddAsync("vbd/1");
        await _host.Dom0.SetPermissionsAsync(Host.Home + "/device/vbd/1/state", [new(0, XenStoreRights.Read)]);
        FrontBus bus = await _host.StartFrontAsync(driver);
        await _host.SeesAsync("vbd/1: was given up, and is left alone");
        fails = false;
        await _host.SuspendAsync(() => _host.AddAsync("vbd/1").AsTask(), elsewhere: true);
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached }]);
    }

    [Fact]
    public async Task A_device_without_driver_keeps_its_state_and_has_its_new_other_end()
    {
        await _host.AddAsync("vfb/0");
        FrontBus bus = await _host.StartFrontAsync();
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.NoDriver }]);
        await _host.SuspendAsync(async () =>
        {
            await MoveAsync("vfb/0", 7);
            await _host.SetFrontStateAsync("vfb/0", XenBusState.Connected);
        });
        XenDevice device = Assert.Single(bus.Devices);
        Assert.Equal((7u, XenBusState.Connected), (device.OtherEndId, device.State));
        Assert.Equal(XenBusState.Connected, await _host.FrontStateAsync("vfb/0"));
    }

    [Fact]
    public async Task A_device_that_its_driver_has_not_let_go_is_asked_for_again_after_a_resume()
    {
        bool busy = true;
        TestDriver driver = new() { OnDetach = _ => new(!Volatile.Read(ref busy)) };
        FrontBus bus = await StartAsync(driver, new() { DetachRetryInterval = TimeSpan.FromDays(1) }, "vbd/1");
        await _host.RemoveAsync("vbd/1");
        // The driver is called before it answers.
        await _host.SeesAsync("vbd/1: driver test is busy, and is asked again");
        driver.Calls.Clear();
        Volatile.Write(ref busy, false);
        await _host.SuspendAsync(() => Task.CompletedTask);
        await _host.UntilAsync(() => bus.Devices.Count == 0);
        Assert.Equal(["suspend vbd/1", "detach vbd/1"], driver.Calls);
    }

    [Fact]
    public async Task A_driver_that_says_nothing_of_resumes_takes_its_device_on_anew()
    {
        FrontBus bus = await _host.StartFrontAsync(new ClockDriver());
        await _host.AddAsync("clock/0");
        await _host.Dom0.WriteAsync(Host.BackEnd("clock/0") + "/time", 1);
        await _host.SetBackStateAsync("clock/0", XenBusState.Connected);
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Connected }]);
        XenDevice clock = bus.Devices[0];
        await _host.SuspendAsync(
            async () =>
            {
                await _host.AddAsync("clock/0");
                await _host.Dom0.WriteAsync(Host.BackEnd("clock/0") + "/time", 2);
            },
            elsewhere: true);
        await _host.UntilAsync(() => clock.State == XenBusState.Initialised);
        Assert.Equal("seconds", await _host.Dom0.ReadAsync(Host.Home + "/device/clock/0/format"));
        await _host.SetBackStateAsync("clock/0", XenBusState.Connected);
        await _host.UntilAsync(() => clock.State == XenBusState.Connected);
        Assert.Equal((clock, 2L), (bus.Devices[0], Assert.IsType<Clock>(clock.Session).Time));
    }

    [Fact]
    public async Task The_tool_stack_of_the_new_host_is_told_that_devices_may_be_plugged()
    {
        await _host.StartFrontAsync();
        await _host.SuspendAsync(
            async () =>
            {
                await _host.Dom0.MakeDirectoryAsync(Host.Home + "/feature");
                await _host.Dom0.SetPermissionsAsync(Host.Home + "/feature", [new(Host.Guest, XenStoreRights.None)]);
            },
            elsewhere: true);
        Assert.Equal("1", await _host.Dom0.ReadAsync(Host.Home + "/feature/hotplug/vbd"));
    }

    [Fact]
    public async Task A_back_bus_resumes_as_well()
    {
        await _host.AddBackAsync("vbd/3/1");
        BackBus bus = _host.Back();
        TestDriver driver = TestDriver.Connecting();
        bus.AddDriver(driver);
        await bus.StartAsync();
        await _host.UntilAsync(() => driver.Count("local end vbd/3/1 ") > 0);
        await _host.SuspendAsync(async () =>
        {
            await _host.Dom0.WriteAsync(Host.Home + "/backend/vbd/3/1/frontend", "/local/domain/9/device/vbd/1");
            await _host.Dom0.WriteAsync(Host.Home + "/backend/vbd/3/1/frontend-id", "9");
        });
        await _host.SeesAsync("vbd/3/1: resumed, other end at domain 9, /local/domain/9/device/vbd/1");
    }

    [Fact]
    public async Task A_bus_is_suspended_once_and_resumed_once()
    {
        FrontBus bus = await _host.StartFrontAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await bus.ResumeAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await bus.CancelSuspendAsync());
        Assert.Equal("ready for a suspend", (await bus.SuspendAsync()).ToString());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await bus.SuspendAsync());
        await bus.CancelSuspendAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await bus.CancelSuspendAsync());
    }

    [Fact]
    public async Task A_store_that_does_not_come_to_rest_lets_the_buses_go_on()
    {
        TestDriver driver = TestDriver.Connecting();
        FrontBus bus = await StartAsync(driver, null, "vbd/1");
        await using XenStoreTransaction open = await _host.GuestStore.BeginTransactionAsync();
        using CancellationTokenSource limit = new();
        Task suspend = DomainSuspend.RunAsync(_host.GuestStore, [bus], () => throw new InvalidOperationException("never"), limit.Token);
        await _host.UntilAsync(() => driver.Count("suspend vbd/1") == 1);
        await limit.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => suspend);
        await _host.SetBackStateAsync("vbd/1", XenBusState.Closing);
        await _host.UntilAsync(() => bus.Devices[0].State == XenBusState.Closed);
    }

    /// <summary>Devices that have attached, and have been told of both ends; their back ends wait for them.</summary>
    private async Task<FrontBus> StartAsync(TestDriver driver, XenBusOptions? options, params string[] names)
    {
        foreach (string name in names)
        {
            await _host.AddAsync(name, backState: XenBusState.InitWait);
        }

        FrontBus bus = await _host.StartFrontAsync(driver, options);
        await _host.UntilAsync(() => names.All(name =>
            driver.Count($"other end {name} InitWait") > 0 && driver.Calls.Any(
                call => call.StartsWith($"local end {name} ", StringComparison.Ordinal))));
        await _host.SettleAsync(bus);
        return bus;
    }

    /// <summary>Runs what waits on the queues of a stepped bus and its devices until a condition holds.</summary>
    private Task StepUntilAsync(FrontBus bus, Func<bool> condition) => _host.UntilAsync(async () =>
    {
        await bus.StepAsync();
        foreach (XenDevice device in bus.Devices)
        {
            await device.StepAsync();
        }

        return condition();
    });

    /// <summary>What a tool stack does for a domain that comes to another host: the device is new, and its back end is elsewhere.</summary>
    private Task MoveAsync(string name, uint domain) => _host.Dom0.TransactAsync(async (transaction, _) =>
    {
        await transaction.TryRemoveAsync($"{Host.Home}/device/{name}");
        await Host.AddAsync(transaction, name, XenBusState.Initialising, XenBusState.Initialising, BackEnd(name, domain), domain);
    }).AsTask();

    private static string BackEnd(string name, uint domain) =>
        Host.BackEnd(name).Replace("/domain/0/", $"/domain/{domain}/", StringComparison.Ordinal);
}
