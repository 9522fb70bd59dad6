namespace Xenlet.XenBus.Tests;

/// <summary>Which driver gets a device, and what becomes of drivers that fail.</summary>
public sealed class DriverTests : IAsyncLifetime
{
    private Host _host = null!;

    public async Task InitializeAsync() => _host = await Host.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [InlineData(ProbePriority.Generic, ProbePriority.Default, "second")]
    [InlineData(ProbePriority.Default, ProbePriority.Generic, "first")]
    [InlineData(ProbePriority.Default, ProbePriority.Default, "first")]
    [InlineData(ProbePriority.Default, ProbePriority.Specific, "second")]
    [InlineData(6, ProbePriority.Generic, "second")]
    [InlineData(null, ProbePriority.Generic, "second")]
    public async Task The_driver_that_fits_best_gets_the_device(int? first, int? second, string taken)
    {
        await _host.AddAsync("vif/0");
        FrontBus bus = _host.Front();
        bus.AddDriver(new TestDriver("first", priority: first));
        bus.AddDriver(new TestDriver("second", priority: second));
        await bus.StartAsync();
        await _host.UntilAsync(() => bus.Devices.Single().Phase == XenDevicePhase.Attached);
        Assert.Equal(taken, bus.Devices[0].Driver?.Name);
    }

    [Fact]
    public async Task A_device_without_driver_stays_listed_its_state_untouched_and_is_offered_again()
    {
        await _host.AddAsync("vif/0");
        FrontBus bus = await _host.StartFrontAsync(new TestDriver("other", "vbd"));
        await _host.UntilAsync(() => bus.Devices.Single().Phase == XenDevicePhase.NoDriver);
        Assert.Equal(XenBusState.Initialising, await _host.FrontStateAsync("vif/0"));
        bus.AddDriver(new TestDriver("net", "vif"));
        await _host.UntilAsync(() => bus.Devices[0].Phase == XenDevicePhase.Attached);
        Assert.Equal("net", bus.Devices[0].Driver?.Name);
    }

    [Fact]
    public async Task After_attach_each_end_is_told_first_the_other_then_the_local()
    {
        await _host.AddAsync("vif/0", backState: XenBusState.InitWait);
        TestDriver driver = new();
        FrontBus bus = await _host.StartFrontAsync(driver);
        await _host.UntilAsync(() => driver.Calls.Count >= 3);
        await _host.SettleAsync(bus);
        Assert.Equal(["attach vif/0", "other end vif/0 InitWait", "local end vif/0 "], driver.Calls.Take(3));
    }

    [Fact]
    public async Task A_failed_attach_is_closed_reported_and_found_again_only_when_set_up_anew()
    {
        bool fails = true;
        TestDriver driver = new()
        {
            OnAttach = (device, _) => fails && device.Type == "vbd" ? throw new InvalidOperationException("no memory") : default,
        };
        await _host.AddAsync("vbd/1");
        await _host.AddAsync("vif/0");
        FrontBus bus = await _host.StartFrontAsync(driver);
        await _host.SeesAsync("vbd/1: given up");
        Assert.Equal(XenBusState.Closed, await _host.FrontStateAsync("vbd/1"));
        Assert.Equal("5 driver test cannot be attached: no memory", await _host.Dom0.ReadAsync(Host.Home + "/error/device/vbd/1/error"));
        fails = false;
        await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/1/extra", "1");
        await _host.SettleAsync(bus);
        Assert.Equal("vif/0", Assert.Single(bus.Devices).Name);
        await _host.SetFrontStateAsync("vbd/1", XenBusState.Initialising);
        await _host.UntilAsync(() => bus.Devices.Any(device => device is { Name: "vbd/1", Phase: XenDevicePhase.Attached }));
    }

    [Fact]
    public async Task A_failed_attach_that_cannot_be_closed_is_not_tried_for_ever_and_holds_nothing()
    {
        await _host.AddAsync("vbd/1");
        await _host.Dom0.SetPermissionsAsync(Host.Home + "/device/vbd/1/state", [new(0, XenStoreRing.XenStoreRights.Read)]);
        TestDriver driver = new() { OnAttach = (_, _) => throw new InvalidOperationException("broken") };
        FrontBus bus = await _host.StartFrontAsync(driver);
        Assert.True((await bus.WaitForBootAsync()).IsComplete);
        await _host.SeesAsync("vbd/1: was given up, and is left alone");
        await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/1/extra", "1");
        await _host.SettleAsync(bus);
        Assert.Equal(1, driver.Count("attach vbd/1"));
        await _host.SetFrontStateAsync("vbd/1", XenBusState.Closed);
        await _host.SeesAsync("vbd/1: is not new");
        await _host.SetFrontStateAsync("vbd/1", XenBusState.Initialising);
        await _host.UntilAsync(() => driver.Count("attach vbd/1") == 2);
    }

    [Fact]
    public async Task A_driver_that_blocks_its_thread_is_named_and_holds_up_no_other_device()
    {
        using ManualResetEventSlim open = new();
        TestDriver driver = new()
        {
            OnProbe = device =>
            {
                if (device.Name == "vbd/1")
                {
                    open.Wait();
                }

                return device.Type == "vbd" ? ProbePriority.Default : null;
            },
        };
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(driver, new() { DriverTimeLimit = TimeSpan.FromMilliseconds(50) });
        try
        {
            await _host.SeesAsync("vbd/1: driver test has not returned from Probe for 0.05 s");
            await _host.AddAsync("vbd/2");
            await _host.UntilAsync(() => bus.Devices.Any(device => device is { Name: "vbd/2", Phase: XenDevicePhase.Attached }));
        }
        finally
        {
            open.Set();
        }

        await _host.UntilAsync(() => bus.Devices.All(device => device.Phase == XenDevicePhase.Attached));
    }

    [Fact]
    public async Task A_device_that_is_set_up_anew_while_its_driver_fails_is_a_new_one()
    {
        bool fails = false;
        TestDriver driver = new()
        {
            OnOtherEnd = async (device, _) =>
            {
                await device.SetStateAsync(XenBusState.Initialised);
                if (fails)
                {
                    fails = false;
                    await _host.RemoveAsync("vbd/1");
                    await _host.AddAsync("vbd/1");
                    throw new FormatException("bad ring");
                }
            },
        };
        await _host.AddAsync("vbd/1");
        FrontBus bus = _host.Front(new() { Stepped = true });
        bus.AddDriver(driver);
        await bus.StartAsync();
        await _host.UntilAsync(async () => await bus.StepAsync() && bus.Devices.Count == 1);
        XenDevice device = bus.Devices[0];
        Assert.True(await device.StepAsync());
        fails = true;
        // Fails before the bus has looked.
        Assert.True(await device.StepAsync());
        Assert.Equal(XenDevicePhase.Gone, device.Phase);
        Assert.Equal(XenBusState.Initialising, await _host.FrontStateAsync("vbd/1"));
        await _host.UntilAsync(async () =>
        {
            await bus.StepAsync();
            return bus.Devices is [var next] && next != device;
        });
    }

    [Fact]
    public async Task A_device_that_was_given_up_is_forgotten_with_the_directory_it_was_in()
    {
        await _host.AddAsync("vbd/1");
        await _host.Dom0.SetPermissionsAsync(Host.Home + "/device/vbd/1/state", [new(0, XenStoreRing.XenStoreRights.Read)]);
        bool fails = true;
        TestDriver driver = new() { OnAttach = (_, _) => fails ? throw new InvalidOperationException("broken") : default };
        FrontBus bus = await _host.StartFrontAsync(driver);
        await _host.SeesAsync("vbd/1: was given up, and is left alone");
        fails = false;
        await _host.Dom0.RemoveAsync(Host.Home + "/device/vbd");
        await _host.SettleAsync(bus);
        await _host.AddAsync("vbd/1");
        await _host.UntilAsync(() => bus.Devices.Any(device => device is { Name: "vbd/1", Phase: XenDevicePhase.Attached }));
    }

    [Fact]
    public async Task A_driver_that_throws_later_closes_its_own_device_only()
    {
        TestDriver driver = new()
        {
            OnOtherEnd = (device, state) => device.Name == "vbd/1" && state == XenBusState.Connected
                ? throw new FormatException("bad ring")
                : default,
        };
        await _host.AddAsync("vbd/1");
        await _host.AddAsync("vbd/2");
        FrontBus bus = await _host.StartFrontAsync(driver);
        await _host.UntilAsync(() => driver.Calls.Count(call => call.StartsWith("other end", StringComparison.Ordinal)) == 2);
        await _host.SetBackStateAsync("vbd/1", XenBusState.Connected);
        await _host.SetBackStateAsync("vbd/2", XenBusState.Connected);
        await _host.SeesAsync("vbd/1: given up");
        await _host.UntilAsync(() => driver.Count("other end vbd/2 Connected") > 0);

        // The event that it is given up comes before it leaves the bus.
        await _host.SettleAsync(bus);
        Assert.Equal(XenBusState.Closed, await _host.FrontStateAsync("vbd/1"));
        Assert.Equal(1, driver.Count("detach vbd/1"));
        Assert.Equal("vbd/2", Assert.Single(bus.Devices).Name);
        Assert.Contains("bad ring", await _host.Dom0.ReadAsync(Host.Home + "/error/device/vbd/1/error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_probe_that_throws_is_no_fit_and_the_other_drivers_are_asked()
    {
        await _host.AddAsync("vbd/1");
        await _host.AddAsync("vfb/0");
        FrontBus bus = _host.Front();
        bus.AddDriver(new TestDriver("broken") { OnProbe = _ => throw new FormatException("?") });
        bus.AddDriver(new TestDriver("good", "vbd"));
        await bus.StartAsync();
        await _host.SeesAsync("vbd/1: Probe of driver broken failed, which is no fit: ?");
        await _host.UntilAsync(
            () => bus.Devices is [{ Phase: XenDevicePhase.Attached, Driver.Name: "good" }, { Phase: XenDevicePhase.NoDriver }]);
        Assert.Equal(XenBusState.Initialising, await _host.FrontStateAsync("vfb/0"));
    }

    [Fact]
    public async Task A_driver_that_never_returns_is_named_and_holds_up_no_other_device()
    {
        TaskCompletionSource never = new();
        await _host.AddAsync("vbd/1");
        TestDriver driver = new() { OnAttach = (device, _) => device.Name == "vbd/1" ? new(never.Task) : default };
        FrontBus bus = await _host.StartFrontAsync(driver, new() { DriverTimeLimit = TimeSpan.FromMilliseconds(50) });
        await _host.SeesAsync("vbd/1: driver test has not returned from AttachAsync for 0.05 s");
        await _host.AddAsync("vbd/2");
        await _host.UntilAsync(() => bus.Devices.Any(device => device is { Name: "vbd/2", Phase: XenDevicePhase.Attached }));
        never.SetResult();
        await _host.UntilAsync(() => bus.Devices.All(device => device.Phase == XenDevicePhase.Attached));
    }

    [Fact]
    public async Task A_driver_that_is_busy_keeps_the_device_and_is_asked_again()
    {
        // In the seed the child stays and its variables are freed.
        int asked = 0;
        bool busy = true;
        TestDriver driver = new()
        {
            OnDetach = device =>
            {
                asked++;
                Assert.Equal("vbd/1", device.Name);
                return new(!Volatile.Read(ref busy));
            },
        };
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(driver, new() { DetachRetryInterval = TimeSpan.FromMilliseconds(20) });
        await _host.UntilAsync(() => bus.Devices[0].Phase == XenDevicePhase.Attached);
        await _host.RemoveAsync("vbd/1");
        await _host.UntilAsync(() => Volatile.Read(ref asked) >= 3);
        XenDevice device = Assert.Single(bus.Devices);
        Assert.Equal((XenDevicePhase.Departing, "device/vbd/1"), (device.Phase, device.Node));
        Assert.Contains("(departing)", DeviceTree.Format(bus), StringComparison.Ordinal);
        // A new device in its place waits until it has gone.
        await _host.AddAsync("vbd/1");
        Volatile.Write(ref busy, false);
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached } next] && next != device);
        Assert.Equal(XenDevicePhase.Gone, device.Phase);
    }

    [Fact]
    public async Task A_driver_may_write_its_state_while_it_is_told_of_changes()
    {
        await _host.AddAsync("vif/0", backState: XenBusState.InitWait);
        FrontBus bus = await _host.StartFrontAsync(TestDriver.Connecting());
        Assert.True((await bus.WaitForBootAsync()).IsComplete);
        Assert.Equal(XenBusState.Connected, await _host.FrontStateAsync("vif/0"));
    }
}
