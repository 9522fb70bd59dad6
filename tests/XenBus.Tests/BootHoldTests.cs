namespace Xenlet.XenBus.Tests;

/// <summary>Waiting for the devices present at boot. Each test is a way in which the seed's hold is, or is not, released.</summary>
public sealed class BootHoldTests : IAsyncLifetime
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(100);
    private Host _host = null!;

    public async Task InitializeAsync() => _host = await Host.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Boot_waits_until_every_device_is_connected_or_closed()
    {
        await _host.AddAsync("vbd/1");
        await _host.AddAsync("vbd/2");
        FrontBus bus = await _host.StartFrontAsync(TestDriver.Connecting());
        Task<BootReport> boot = bus.WaitForBootAsync();
        await _host.SetBackStateAsync("vbd/1", XenBusState.InitWait);
        await _host.SeesAsync("vbd/1: Initialising -> Connected");
        await _host.SettleAsync(bus);
        Assert.Equal("vbd/2", Assert.Single(bus.Hold.Devices).Name);
        Assert.False(boot.IsCompleted);
        await _host.SetBackStateAsync("vbd/2", XenBusState.Closed);
        Assert.True((await boot).IsComplete);
    }

    [Fact]
    public async Task Boot_does_not_wait_for_no_devices() =>
        Assert.True((await (await _host.StartFrontAsync()).WaitForBootAsync()).IsComplete);

    [Fact]
    public async Task After_the_time_limit_the_report_names_who_is_missing_both_states_and_how_long()
    {
        await _host.AddAsync("vif/0", backState: XenBusState.InitWait);
        FrontBus bus = await _host.StartFrontAsync(
            new TestDriver { OnAttach = async (device, _) => await device.SetStateAsync(XenBusState.Initialised) });
        await _host.SeesAsync("Initialising -> Initialised");
        BootReport report = await bus.WaitForBootAsync(Short);
        Assert.False(report.IsComplete);
        MissingDevice missing = Assert.Single(report.Missing);
        Assert.Equal(
            (bus.Devices[0], XenBusState.Initialised, XenBusState.InitWait), (missing.Device, missing.State, missing.OtherEndState));
        Assert.True(missing.Waited >= Short);
        Assert.Matches(@"^still missing: vif/0: Initialised, other end InitWait, for \d+\.\d s$", report.ToString());
    }

    [Fact]
    public async Task A_device_that_leaves_releases_boot()
    {
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(new TestDriver { OnDetach = _ => new(false) });
        Assert.False((await bus.WaitForBootAsync(Short)).IsComplete);
        await _host.RemoveAsync("vbd/1");
        Assert.True((await bus.WaitForBootAsync()).IsComplete);
    }

    [Fact]
    public async Task A_device_without_driver_releases_boot()
    {
        await _host.AddAsync("vbd/1");
        Assert.True((await (await _host.StartFrontAsync()).WaitForBootAsync()).IsComplete);
    }

    [Fact]
    public async Task A_failed_attach_releases_boot_though_its_node_has_vanished()
    {
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(new TestDriver
        {
            OnAttach = async (_, _) =>
            {
                await _host.RemoveAsync("vbd/1");
                throw new InvalidOperationException("broken");
            },
        });
        Assert.True((await bus.WaitForBootAsync()).IsComplete);
        Assert.Null(await _host.FrontStateAsync("vbd/1"));
    }

    [Fact]
    public async Task A_state_written_by_somebody_else_releases_boot()
    {
        await _host.AddAsync("vbd/1");
        FrontBus bus = await _host.StartFrontAsync(new TestDriver());
        Assert.False((await bus.WaitForBootAsync(Short)).IsComplete);
        await _host.SetFrontStateAsync("vbd/1", XenBusState.Connected);
        Assert.True((await bus.WaitForBootAsync()).IsComplete);
    }

    [Fact]
    public async Task A_device_that_closes_and_connects_again_releases_its_share_only()
    {
        await _host.AddAsync("vbd/1");
        await _host.AddAsync("vbd/2");
        FrontBus bus = await _host.StartFrontAsync(new TestDriver());
        XenDevice device = bus.Devices[0];
        await device.SetStateAsync(XenBusState.Connected);
        await device.SetStateAsync(XenBusState.Closed);
        await device.SetStateAsync(XenBusState.Connected);
        Assert.Equal("vbd/2", Assert.Single((await bus.WaitForBootAsync(Short)).Missing).Device.Name);
        await bus.Devices[1].SetStateAsync(XenBusState.Closed);
        Assert.True((await bus.WaitForBootAsync()).IsComplete);
    }

    [Fact]
    public async Task Boot_once_over_stays_over_when_devices_come()
    {
        FrontBus bus = await _host.StartFrontAsync(new TestDriver());
        Assert.True((await bus.WaitForBootAsync()).IsComplete);
        await _host.AddAsync("vbd/1");
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.Attached }]);
        Assert.True((await bus.WaitForBootAsync(TimeSpan.Zero)).IsComplete);
    }

    [Fact]
    public async Task A_back_bus_never_holds_boot()
    {
        await _host.AddBackAsync("vbd/3/1");
        BackBus bus = _host.Back(new() { Stepped = true });
        bus.AddDriver(new TestDriver());
        await bus.StartAsync();
        Assert.True((await bus.WaitForBootAsync(Short)).IsComplete);
    }
}
