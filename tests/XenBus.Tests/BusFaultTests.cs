using Xenlet.Domain;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.XenBus.Tests;

/// <summary>Errors of the bus do not affect drivers, and those of a driver do not affect other devices.</summary>
public sealed class BusFaultTests : IAsyncLifetime
{
    private readonly ManualClock _clock = new();
    private Host _host = null!;
    private volatile bool _isFaulty = true;

    public async Task InitializeAsync() => _host = await Host.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [InlineData("EACCES", XenBusState.Closed)]
    [InlineData("EIO", XenBusState.InitWait)]
    public async Task An_online_that_cannot_be_read_is_0_once_it_is_said_so_and_is_not_blamed_on_the_driver(
        string error, XenBusState expected)
    {
        TestDriver driver = new() { OnAttach = async (device, _) => await device.SetStateAsync(XenBusState.Closed) };
        _host.Faults.Fail(XenStoreMessageType.Read, "backend/vbd/3/1/online", error, () => _isFaulty);
        BackBus bus = await StartBackAsync(driver);
        await _host.UntilAsync(() => driver.Count("other end vbd/3/1 Initialising") > 0 && driver.Count("local end vbd/3/1 ") > 0);
        _isFaulty = error == "EACCES";
        await PassingTimeAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached } device] && device.State == expected);
        Assert.Equal(0, driver.Count("detach vbd/3/1"));
        Assert.Null(await _host.Dom0.TryReadAsync(Host.Home + "/error/backend/vbd/3/1/error"));
    }

    [Fact]
    public async Task A_hot_plug_mark_that_cannot_be_removed_is_not_blamed_on_the_driver()
    {
        TestDriver driver = new() { OnAttach = async (device, _) => await device.SetStateAsync(XenBusState.Closed) };
        _host.Faults.Fail(XenStoreMessageType.Remove, "backend/vbd/3/1/hotplug-status", "EACCES", () => _isFaulty);
        BackBus bus = await StartBackAsync(driver, online: "0");
        await _host.SeesAsync("vbd/3/1: the bus cannot do its part: ", "hotplug-status");
        Assert.Equal(XenDevicePhase.Attached, Assert.Single(bus.Devices).Phase);
    }

    [Fact]
    public async Task A_change_told_as_anything_may_have_changed_drops_the_hot_plug_mark_as_well()
    {
        // The first call after attach is such a one: the device is offline by then.
        TestDriver driver = new() { OnAttach = async (device, _) => await device.SetStateAsync(XenBusState.Closed) };
        await StartBackAsync(driver, online: "0");
        await _host.UntilAsync(
            () => _host.Dom0.TryReadAsync(Host.Home + "/backend/vbd/3/1/hotplug-status").AsTask().GetAwaiter().GetResult() is null);
    }

    [Fact]
    public async Task A_driver_that_fails_and_is_busy_keeps_the_device_until_it_lets_it_go()
    {
        bool busy = true;
        TestDriver driver = new()
        {
            OnOtherEnd = (_, state) => state == XenBusState.Connected ? throw new FormatException("bad ring") : default,
            OnDetach = _ => new(!Volatile.Read(ref busy)),
        };
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(driver, new() { TimeProvider = _clock });
        await _host.UntilAsync(() => driver.Count("other end vbd/1 Initialising") > 0);
        await _host.SetBackStateAsync("vbd/1", XenBusState.Connected);
        await PassingTimeAsync(() => driver.Count("detach vbd/1") >= 3);
        XenDevice device = Assert.Single(bus.Devices);
        Assert.Equal((XenDevicePhase.Departing, driver), (device.Phase, device.Driver));
        Assert.Equal(XenBusState.Closed, await _host.FrontStateAsync("vbd/1"));
        Assert.False(_host.Saw("given up"));
        Volatile.Write(ref busy, false);
        await PassingTimeAsync(() => _host.Saw("vbd/1: given up") && bus.Devices.Count == 0);
    }

    [Fact]
    public async Task A_device_that_is_found_does_not_wait_for_another_whose_driver_waits_for_its_state_to_be_written()
    {
        // All transactions are the program's, so the driver's waits; what the bus is told of that device is a reason to look at its state.
        TestDriver driver = new()
        {
            OnAttach = async (device, _) => await (device.Name == "vbd/1" ? device.SetStateAsync(XenBusState.InitWait) : default),
        };
        FrontBus bus = await _host.StartFrontAsync(driver);
        List<XenStoreTransaction> open = [];
        for (int i = 0; i < new XenStoreClientOptions().MaxTransactions; i++)
        {
            open.Add(await _host.GuestStore.BeginTransactionAsync());
        }

        await _host.AddAsync("vbd/1");
        await _host.UntilAsync(() => driver.Count("attach vbd/1") > 0);
        await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/1/state", "1");
        await _host.AddAsync("vbd/2");
        await _host.UntilAsync(() => bus.Devices.Any(device => device is { Name: "vbd/2", Phase: XenDevicePhase.Attached }));
        Assert.Equal(XenBusState.Initialising, bus.Devices[0].State);
        foreach (XenStoreTransaction transaction in open)
        {
            await transaction.DisposeAsync();
        }

        await _host.UntilAsync(() => bus.Devices[0] is { State: XenBusState.InitWait, Phase: XenDevicePhase.Attached });
    }

    [Fact]
    public async Task A_driver_that_is_added_is_not_given_a_device_that_was_closed_until_it_is_set_up_anew()
    {
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync();
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.NoDriver }]);
        await _host.SetFrontStateAsync("vbd/1", XenBusState.Closed);
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Closed }]);
        TestDriver driver = new();
        bus.AddDriver(driver);
        await _host.SettleAsync(bus);
        Assert.Equal(XenDevicePhase.NoDriver, bus.Devices[0].Phase);
        await _host.SetFrontStateAsync("vbd/1", XenBusState.Initialising);
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached }]);
    }

    [Fact]
    public async Task A_bus_suspend_that_is_cancelled_while_its_own_work_runs_leaves_no_queue_held()
    {
        // Stepped, so that the work that would hold the queue has been taken off it when the suspend is given up.
        FrontBus bus = _host.Front(new() { Stepped = true });
        await bus.StartAsync();

        // The first look, which an event of the watch asks for, and what comes of it.
        await _host.UntilAsync(() => bus.StepAsync().AsTask().GetAwaiter().GetResult());
        await _host.UntilAsync(() => !bus.StepAsync().AsTask().GetAwaiter().GetResult());
        using CancellationTokenSource cancel = new();
        Task<SuspendReport> suspend = bus.SuspendAsync(cancel.Token);
        bus.BeforeRest = () =>
        {
            cancel.Cancel();
            Assert.ThrowsAny<OperationCanceledException>(() => suspend.GetAwaiter().GetResult());
        };
        await bus.StepAsync();
        bus.BeforeRest = null;
        await _host.AddAsync("vbd/1");
        await _host.UntilAsync(() => bus.StepAsync().AsTask().GetAwaiter().GetResult() && bus.Devices.Count == 1);
    }

    [Fact]
    public async Task A_callback_of_a_suspend_that_throws_leaves_no_bus_suspended()
    {
        TestDriver driver = TestDriver.Connecting();
        await _host.AddAsync("vbd/1", backState: XenBusState.InitWait);
        FrontBus bus = await _host.StartFrontAsync(driver);
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Connected }]);
        await Assert.ThrowsAsync<InvalidOperationException>(() => DomainSuspend.RunAsync(
            _host.GuestStore, [bus], () => throw new NotSupportedException(), _ => throw new InvalidOperationException("no")));
        await _host.UntilAsync(() => driver.Count("suspend cancelled vbd/1") == 1);
        await _host.SetBackStateAsync("vbd/1", XenBusState.Closing);
        await _host.UntilAsync(() => bus.Devices is [{ State: XenBusState.Closed }]);
    }

    [Fact]
    public async Task A_bus_that_is_disposed_of_lets_those_go_who_wait_for_boot()
    {
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(new TestDriver());
        Task<BootReport> boot = bus.WaitForBootAsync(Timeout.InfiniteTimeSpan);
        Assert.False(boot.IsCompleted);
        await bus.DisposeAsync();
        Assert.False((await boot.WaitAsync(TimeSpan.FromMinutes(1))).IsComplete);
    }

    private async Task<BackBus> StartBackAsync(TestDriver driver, string online = "1")
    {
        await _host.AddBackAsync("vbd/3/1");
        await _host.Dom0.WriteAsync(Host.Home + "/backend/vbd/3/1/online", online);
        BackBus bus = _host.Back(new() { TimeProvider = _clock });
        bus.AddDriver(driver);
        await bus.StartAsync();
        return bus;
    }

    private Task PassingTimeAsync(Func<bool> condition) => _host.UntilAsync(() =>
    {
        _clock.Advance(TimeSpan.FromSeconds(1));
        return condition();
    });
}
