using System.Globalization;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.XenBus.Tests;

/// <summary>Devices that come and go while the bus runs.</summary>
public sealed class HotPlugTests : IAsyncLifetime
{
    private readonly TestDriver _driver = TestDriver.Connecting();
    private Host _host = null!;

    public async Task InitializeAsync() => _host = await Host.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task A_device_comes_and_goes()
    {
        FrontBus bus = await _host.StartFrontAsync(_driver);
        await _host.AddAsync("vbd/1", backState: XenBusState.InitWait);
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Connected }]);
        await _host.RemoveAsync("vbd/1");
        await _host.UntilAsync(() => bus.Devices.Count == 0);
        Assert.Equal(1, _driver.Count("detach vbd/1"));
        await _host.SeesAsync("vbd/1: departed");
    }

    [Fact]
    public async Task The_tool_stack_is_told_that_devices_may_be_plugged()
    {
        await _host.Dom0.MakeDirectoryAsync(Host.Home + "/feature");
        await _host.Dom0.SetPermissionsAsync(Host.Home + "/feature", [new(Host.Guest, XenStoreRights.None)]);
        await _host.StartFrontAsync();
        Assert.Equal("1", await _host.Dom0.ReadAsync(Host.Home + "/feature/hotplug/vif"));
        Assert.Equal("1", await _host.Dom0.ReadAsync(Host.Home + "/feature/hotplug/vbd"));
    }

    [Fact]
    public async Task A_tool_stack_that_does_not_want_to_be_told_of_hot_plug_gets_it_all_the_same()
    {
        FrontBus bus = await _host.StartFrontAsync();
        await _host.SeesAsync("device: the tool stack cannot be told of hot-plug", "EACCES");
        await _host.AddAsync("vbd/1");
        await _host.UntilAsync(() => bus.Devices.Count == 1);
    }

    [Theory]
    [InlineData("/device/vbd")]
    [InlineData("/device")]
    public async Task A_directory_of_many_devices_removed_at_once_takes_them_all(string removed)
    {
        // The seed ignores events with fewer components than a device has.
        await _host.AddAsync("vbd/1");
        await _host.AddAsync("vbd/2");
        FrontBus bus = await _host.StartFrontAsync(_driver);
        await _host.UntilAsync(() => bus.Devices.Count(device => device.Phase == XenDevicePhase.Attached) == 2);
        await _host.Dom0.RemoveAsync(Host.Home + removed);
        await _host.UntilAsync(() => bus.Devices.Count == 0);
    }

    [Fact]
    public async Task A_directory_that_the_guest_has_left_behind_is_no_device()
    {
        // The seed asks only whether there is a directory.
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(_driver);
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached }]);
        await _host.GuestStore.WriteAsync("device/vbd/1/ring-ref", "8");
        await _host.Dom0.RemoveAsync(Host.Home + "/device/vbd/1/state");
        await _host.UntilAsync(() => bus.Devices.Count == 0);
        Assert.Equal("8", await _host.Dom0.ReadAsync(Host.Home + "/device/vbd/1/ring-ref"));
    }

    [Fact]
    public async Task A_device_that_goes_and_returns_in_one_burst_is_a_new_one()
    {
        await _host.AddAsync("vbd/1", backState: XenBusState.InitWait);
        FrontBus bus = await _host.StartFrontAsync(_driver);
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Connected }]);
        XenDevice old = bus.Devices[0];
        await _host.Dom0.TransactAsync(async (transaction, _) =>
        {
            await transaction.RemoveAsync(Host.Home + "/device/vbd/1");
            await transaction.RemoveAsync(Host.BackEnd("vbd/1"));
            await Host.AddAsync(transaction, "vbd/1", XenBusState.Initialising, XenBusState.InitWait);
        });
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Connected } next] && next != old);
        Assert.Equal((1, 2), (_driver.Count("detach vbd/1"), _driver.Count("attach vbd/1")));
    }

    [Fact]
    public async Task A_device_whose_state_the_tool_stack_sets_back_is_a_new_one()
    {
        // What tools do when a back end has died and a new one is there.
        await _host.AddAsync("vbd/1", backState: XenBusState.InitWait);
        FrontBus bus = await _host.StartFrontAsync(_driver);
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Connected }]);
        XenDevice old = bus.Devices[0];
        await _host.SetFrontStateAsync("vbd/1", XenBusState.Initialising);
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Connected } next] && next != old);
        Assert.Equal((1, 2), (_driver.Count("detach vbd/1"), _driver.Count("attach vbd/1")));
    }

    [Fact]
    public async Task A_device_whose_other_end_moved_is_a_new_one()
    {
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(_driver);
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached }]);
        await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/1/backend", "/local/domain/5/backend/vbd/1/1");
        await _host.UntilAsync(() => bus.Devices is [{ OtherEndPath: "/local/domain/5/backend/vbd/1/1", Phase: XenDevicePhase.Attached }]);
        Assert.Equal(1, _driver.Count("detach vbd/1"));
    }

    [Fact]
    public async Task A_device_made_between_watch_and_first_look_is_found()
    {
        // It is created after the answer to the first of the two requests and before the second. If the examination came first, no event
        // would announce it.
        List<XenStoreMessageType> asked = [];
        _host.BeforeRequest = async (type, path) =>
        {
            if (path == "device" && type is XenStoreMessageType.Watch or XenStoreMessageType.Directory)
            {
                asked.Add(type);
                if (asked.Count == 2)
                {
                    await _host.AddAsync("vbd/1");
                }
            }
        };
        FrontBus bus = await _host.StartFrontAsync();
        _host.BeforeRequest = null;
        Assert.Equal([XenStoreMessageType.Watch, XenStoreMessageType.Directory], asked);
        await _host.SettleAsync(bus);
        Assert.Equal("vbd/1", Assert.Single(bus.Devices).Name);
    }

    [Fact]
    public async Task A_device_that_cannot_be_looked_at_stays()
    {
        // The seed takes any error for its end.
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(_driver);
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached }]);
        await _host.Dom0.SetPermissionsAsync(Host.Home + "/device/vbd/1/state", [new(0, XenStoreRights.None)]);
        await _host.Dom0.SetPermissionsAsync(
            Host.Home + "/device/vbd/1", [new(0, XenStoreRights.None), new(Host.Guest, XenStoreRights.Read)]);
        await _host.SeesAsync("device/vbd/1 cannot be looked at, and stays what it was", "EACCES");
        Assert.Equal(XenDevicePhase.Attached, Assert.Single(bus.Devices).Phase);
    }

    [Fact]
    public async Task Many_devices_at_once_all_attach_and_all_leave()
    {
        FrontBus bus = await _host.StartFrontAsync(_driver);
        string[] names = [.. Enumerable.Range(0, 60).Select(i => $"vbd/{i}")];
        await Task.WhenAll(names.Select(name => _host.AddAsync(name, backState: XenBusState.InitWait).AsTask()));
        await _host.UntilAsync(() => bus.Devices.Count(device => device.State == XenBusState.Connected) == names.Length);
        await Task.WhenAll(names.Select(name => _host.RemoveAsync(name).AsTask()));
        await _host.UntilAsync(() => bus.Devices.Count == 0);
        Assert.Equal(names.Length, _driver.Calls.Count(call => call.StartsWith("detach", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_device_that_goes_while_its_driver_attaches_is_let_go_and_its_token_says_so()
    {
        TestDriver driver = new() { OnAttach = async (_, token) => await Task.Delay(Timeout.Infinite, token) };
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(driver);
        await _host.UntilAsync(() => driver.Count("attach vbd/1") == 1);
        await _host.RemoveAsync("vbd/1");
        await _host.UntilAsync(() => bus.Devices.Count == 0);
        Assert.Null(await _host.Dom0.TryReadAsync(Host.Home + "/error/device/vbd/1/error"));
        Assert.Null(await _host.FrontStateAsync("vbd/1"));
    }

    [Fact]
    public async Task No_call_comes_after_a_device_was_let_go()
    {
        int free = await _host.CountFreeWatchesAsync();
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(_driver);
        await _host.UntilAsync(() => _driver.Count("local end vbd/1 ") > 0);
        Assert.Equal(free - 2, await _host.CountFreeWatchesAsync());
        await _host.Dom0.RemoveAsync(Host.Home + "/device/vbd/1");
        await _host.UntilAsync(() => bus.Devices.Count == 0);
        // The bus's watch is left, and that of the other end is not: no event can come from there.
        Assert.Equal(free - 1, await _host.CountFreeWatchesAsync());
        await _host.SetBackStateAsync("vbd/1", XenBusState.Connected);
        await _host.SettleAsync(bus);
        Assert.Equal("detach vbd/1", _driver.Calls.Last());
    }

    [Fact]
    public async Task What_waits_to_be_told_when_a_device_leaves_is_not_told_any_more()
    {
        TaskCompletionSource goesOn = new();
        TestDriver driver = new() { OnLocalEnd = (_, path) => path == "/first" ? new(goesOn.Task) : default };
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(driver);
        await _host.UntilAsync(() => driver.Count("local end vbd/1 ") > 0);
        await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/1/first", "");
        await _host.UntilAsync(() => driver.Count("local end vbd/1 /first") > 0);
        await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/1/second", "");
        await _host.SettleBusAsync(bus);
        await _host.RemoveAsync("vbd/1");
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Departing }]);
        goesOn.SetResult();
        await _host.UntilAsync(() => bus.Devices.Count == 0);
        Assert.Equal(["local end vbd/1 /first", "detach vbd/1"], driver.Calls.TakeLast(2));
    }

    [Fact]
    public async Task A_back_end_reopens_for_a_front_end_that_starts_again_and_drops_its_hot_plug_mark_when_offline()
    {
        await _host.AddBackAsync("vbd/3/1");
        BackBus bus = _host.Back();
        bus.AddDriver(new TestDriver());
        await bus.StartAsync();
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached }]);
        XenDevice device = bus.Devices[0];
        await device.SetStateAsync(XenBusState.Closed);
        await _host.Dom0.WriteAsync("/local/domain/3/device/vbd/1/state", (long)XenBusState.Initialising);
        await _host.UntilAsync(() => device.State == XenBusState.InitWait);
        Assert.True(await _host.Dom0.ExistsAsync(Host.Home + "/backend/vbd/3/1/hotplug-status"));
        await device.SetStateAsync(XenBusState.Closed);
        await _host.Dom0.WriteAsync(Host.Home + "/backend/vbd/3/1/online", "0");
        await _host.UntilAsync(async () => !await _host.Dom0.ExistsAsync(Host.Home + "/backend/vbd/3/1/hotplug-status"));
    }

    /// <summary>As libxl wants it: the state 6 is there to be read for a while, and then the directory vanishes.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_directory_of_a_closed_back_end_that_is_to_go_is_removed_after_a_pause(bool isClosedFirst)
    {
        ManualClock clock = new();
        string node = Host.Home + "/backend/vbd/3/1";
        await _host.AddBackAsync("vbd/3/1");
        await _host.AddBackAsync("vbd/3/2");
        TestDriver driver = new();
        BackBus bus = _host.Back(new() { TimeProvider = clock });
        bus.AddDriver(driver);
        await bus.StartAsync();
        await _host.UntilAsync(() => bus.Devices.Count == 2 && bus.Devices.All(device => device.Phase == XenDevicePhase.Attached));
        XenDevice device = bus.Devices.First(device => device.Name == "vbd/3/1");
        if (isClosedFirst)
        {
            await device.SetStateAsync(XenBusState.Closed);
            await _host.Dom0.WriteAsync(node + "/online", 0);
        }
        else
        {
            await _host.Dom0.WriteAsync(node + "/online", 0);
            await device.SetStateAsync(XenBusState.Closed);
        }

        await _host.UntilAsync(async () => !await _host.Dom0.ExistsAsync(node + "/hotplug-status"));
        await _host.DrainDevicesAsync(bus);
        clock.Advance(TimeSpan.FromSeconds(0.9));
        await _host.DrainDevicesAsync(bus);
        Assert.Equal("6", await _host.Dom0.ReadAsync(node + "/state"));
        clock.Advance(TimeSpan.FromSeconds(0.2));
        await _host.UntilAsync(async () => !await _host.Dom0.ExistsAsync(node));
        await _host.UntilAsync(() => driver.Count("detach vbd/3/1") == 1);
        Assert.Equal(["2"], await _host.Dom0.DirectoryAsync(Host.Home + "/backend/vbd/3"));
    }

    [Theory]
    [InlineData("online", "1")]
    [InlineData("state", "1")]
    [InlineData("state", "2")]
    public async Task A_directory_that_is_in_use_again_is_not_removed(string name, string value)
    {
        ManualClock clock = new();
        string node = Host.Home + "/backend/vbd/3/1";
        await _host.AddBackAsync("vbd/3/1");
        BackBus bus = _host.Back(new() { TimeProvider = clock });
        bus.AddDriver(new TestDriver());
        await bus.StartAsync();
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached }]);
        await _host.Dom0.WriteAsync(node + "/online", 0);
        await bus.Devices[0].SetStateAsync(XenBusState.Closed);
        await _host.UntilAsync(async () => !await _host.Dom0.ExistsAsync(node + "/hotplug-status"));
        await _host.Dom0.WriteAsync($"{node}/{name}", value);
        clock.Advance(TimeSpan.FromSeconds(5));
        await _host.DrainDevicesAsync(bus);
        Assert.True(await _host.Dom0.ExistsAsync(node + "/frontend"));
    }

    /// <summary>Devices that no session serves, each with what makes it one.</summary>
    [Theory]
    [InlineData("no driver fits", "no driver")]
    [InlineData("the attach fails", "given up")]
    [InlineData("the other end's change fails", "given up")]
    [InlineData("the removal itself fails", "given up")]
    [InlineData("an earlier program left it", "is not new")]
    public async Task A_back_end_that_nobody_serves_ends_as_the_tool_stack_asks(string why, string reported)
    {
        const string node = Host.Home + "/backend/vbd/3/1";
        ManualClock clock = new();
        await _host.AddBackAsync("vbd/3/1");
        await _host.AddBackAsync("vbd/3/2");
        TestDriver driver = new()
        {
            OnProbe = device => device.Name == "vbd/3/1" && why == "no driver fits" ? null : ProbePriority.Default,
            OnAttach = (device, _) => FailIf(device, "the attach fails"),
            OnOtherEnd = (device, _) => FailIf(device, "the other end's change fails"),
            OnLocalEnd = (device, path) => path == "/online" ? FailIf(device, "the removal itself fails") : default,
        };
        if (why == "an earlier program left it")
        {
            await _host.Dom0.WriteAsync(node + "/state", 4);
        }

        BackBus bus = _host.Back(new() { TimeProvider = clock });
        bus.AddDriver(driver);
        await bus.StartAsync();
        if (why != "the removal itself fails")
        {
            await _host.SeesAsync("vbd/3/1", reported);
        }
        else
        {
            await _host.UntilAsync(() => driver.Count("local end vbd/3/1 ") == 1);
        }

        // As libxl does it: both at once, then it waits for 6, then for the directory to vanish.
        await _host.Dom0.TransactAsync(async (transaction, _) =>
        {
            await transaction.WriteAsync(node + "/online", 0);
            await transaction.WriteAsync(node + "/state", 5);
        });
        await _host.UntilAsync(async () => await _host.Dom0.ReadAsync(node + "/state") == "6");
        await _host.UntilAsync(async () =>
        {
            Assert.True(await _host.Dom0.TryReadAsync(node + "/state") is null or "6", "the state 6 stays until the directory vanishes");
            clock.Advance(TimeSpan.FromSeconds(0.1));
            return !await _host.Dom0.ExistsAsync(node);
        });
        Assert.Equal(["2"], await _host.Dom0.DirectoryAsync(Host.Home + "/backend/vbd/3"));

        // Its number is free again.
        await _host.AddBackAsync("vbd/3/1");
        await _host.UntilAsync(() => bus.Devices.Count(device => device.Phase is XenDevicePhase.Attached or XenDevicePhase.NoDriver) == 2
            || driver.Count("attach vbd/3/1") == 2);

        ValueTask FailIf(XenDevice device, string what) =>
            device.Name == "vbd/3/1" && why == what ? throw new InvalidOperationException(what) : default;
    }

    /// <summary>A domain's default quota, and devices as libxl makes them: their nodes belong to the domain that serves them.</summary>
    [Fact]
    public async Task Back_ends_beyond_the_quota_are_refused_with_an_error_each_and_those_before_it_go_on()
    {
        TestDriver driver = new() { OnAttach = (device, token) => _host.GuestStore.WriteAsync(device.Node + "/own", "1", token) };
        BackBus bus = _host.Back();
        bus.AddDriver(driver);
        await bus.StartAsync();
        int made = 0;
        int refused = 0;
        while (refused < 5)
        {
            await _host.AddBackAsync($"vbd/3/{++made}");
            await _host.UntilAsync(() => _host.Saw($"vbd/3/{made}: given up")
                || bus.Devices.Any(device => device.Id == $"3/{made}" && device.Phase == XenDevicePhase.Attached));
            bool isRefused = _host.Saw($"vbd/3/{made}: given up");
            refused += isRefused ? 1 : 0;
            Assert.Equal(isRefused ? "6" : "1", await _host.Dom0.ReadAsync($"{Host.Home}/backend/vbd/3/{made}/state"));
            Assert.Equal(isRefused, await ErrorAsync(made) is string error && error.StartsWith("28 ", StringComparison.Ordinal));
            if (isRefused)
            {
                await _host.Dom0.RemoveAsync($"{Host.Home}/backend/vbd/3/{made}");
            }
        }

        Assert.InRange(made, 100, 200);

        // One that goes leaves room for another.
        await _host.Dom0.RemoveAsync(Host.Home + "/backend/vbd/3/1");
        await _host.AddBackAsync("vbd/3/1000");
        await _host.UntilAsync(() => bus.Devices.Any(device => device is { Id: "3/1000", Phase: XenDevicePhase.Attached }));

        async Task<string?> ErrorAsync(int number) => await _host.Dom0.TryReadAsync($"{Host.Home}/error/backend/vbd/3/{number}/error");
    }

    [Fact]
    public async Task The_errors_of_the_last_devices_are_kept_and_nothing_of_older_ones()
    {
        ErrorNodes errors = new(_host.GuestStore, "backend");
        int last = ErrorNodes.Kept + 2;
        for (int domain = 1; domain <= last; domain++)
        {
            await errors.WriteAsync($"backend/vbd/{domain}/1", "5 it failed"u8.ToArray());
        }

        string[] kept = await _host.Dom0.DirectoryAsync(Host.Home + "/error/backend/vbd");
        Assert.Equal(Enumerable.Range(3, ErrorNodes.Kept), kept.Select(name => int.Parse(name, CultureInfo.InvariantCulture)).Order());
    }
}
