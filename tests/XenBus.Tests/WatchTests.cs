using Xenlet.XenStoreRing.Tests;

namespace Xenlet.XenBus.Tests;

/// <summary>The calls into drivers for changes of both ends.</summary>
public sealed class WatchTests : IAsyncLifetime
{
    private readonly TestDriver _driver = new();
    private Host _host = null!;

    public async Task InitializeAsync() => _host = await Host.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task The_other_ends_state_is_read_anew_at_each_event()
    {
        await AttachAsync();
        foreach (XenBusState state in new[] { XenBusState.InitWait, XenBusState.Connected, XenBusState.Closing })
        {
            await _host.SetBackStateAsync("vif/0", state);
            await _host.UntilAsync(() => _driver.Count($"other end vif/0 {state}") > 0);
        }
    }

    [Theory]
    [InlineData("/local/domain/0/backend/vif/1/0/state")]
    [InlineData("/local/domain/0/backend/vif/1/0")]
    [InlineData("/local/domain/0/backend")]
    public async Task An_other_end_that_is_removed_reads_as_Closed(string removed)
    {
        await AttachAsync();
        await _host.Dom0.RemoveAsync(removed);
        await _host.UntilAsync(() => _driver.Count("other end vif/0 Closed") > 0);
    }

    [Fact]
    public async Task The_other_end_of_a_driver_domain_that_dies_reads_as_Closed()
    {
        Action end = _host.StartDriverDomain(5);
        const string BackEnd = "/local/domain/5/backend/vif/1/0";
        await _host.Dom0.TransactAsync((transaction, _) =>
            Host.AddAsync(transaction, "vif/0", XenBusState.Initialising, XenBusState.InitWait, BackEnd, 5));
        foreach (string node in new[] { BackEnd + "/state", BackEnd + "/online", BackEnd })
        {
            await _host.Dom0.SetPermissionsAsync(
                node, [new(5, XenStoreRing.XenStoreRights.None), new(Host.Guest, XenStoreRing.XenStoreRights.Read)]);
        }

        await _host.StartFrontAsync(_driver);
        await _host.UntilAsync(() => _driver.Count("other end vif/0 InitWait") > 0);
        end();
        await _host.UntilAsync(() => _driver.Count("other end vif/0 Closed") > 0);
        Assert.False(await _host.Dom0.ExistsAsync(BackEnd));
    }

    [Fact]
    public async Task An_other_end_that_says_garbage_reads_as_Closed()
    {
        await AttachAsync();
        await _host.Dom0.WriteAsync(Host.BackEnd("vif/0") + "/state", "garbage");
        await _host.UntilAsync(() => _driver.Count("other end vif/0 Closed") > 0);
    }

    [Fact]
    public async Task An_other_end_that_may_not_be_read_is_Closed()
    {
        await _host.AddAsync("vif/0");
        await _host.Dom0.SetPermissionsAsync(Host.BackEnd("vif/0") + "/state", [new(0, XenStoreRing.XenStoreRights.None)]);
        await _host.StartFrontAsync(_driver);
        await _host.UntilAsync(() => _driver.Count("other end vif/0 Closed") > 0);
    }

    [Fact]
    public async Task Changes_below_the_local_end_are_told_with_the_rest_of_their_paths()
    {
        await AttachAsync();
        await _host.Dom0.WriteAsync(Host.Home + "/device/vif/0/foo/bar", "1");
        await _host.Dom0.WriteAsync(Host.Home + "/device/vif/0/online", "1");
        await _host.UntilAsync(() => _driver.Count("local end vif/0 /foo/bar") > 0 && _driver.Count("local end vif/0 /online") > 0);
    }

    [Fact]
    public async Task A_state_written_by_somebody_else_is_noticed_at_its_own_event()
    {
        // The seed reads the state at every event but this one.
        XenDevice device = await AttachAsync();
        await _host.SetFrontStateAsync("vif/0", XenBusState.Closing);
        await _host.UntilAsync(() => _driver.Count("local end vif/0 /state") > 0);
        Assert.Equal(XenBusState.Closing, device.State);
        await _host.SeesAsync("vif/0: Initialising -> Closing ");
    }

    [Fact]
    public async Task A_change_elsewhere_in_the_local_end_costs_no_request()
    {
        await AttachAsync();
        await _host.SetFrontStateAsync("vif/0", XenBusState.InitWait);
        await _host.UntilAsync(() => _driver.Count("local end vif/0 /state") > 0);
        long before = _host.GuestStore.Statistics.Requests;
        await _host.Dom0.WriteAsync(Host.Home + "/device/vif/0/foo", "1");
        await _host.UntilAsync(() => _driver.Count("local end vif/0 /foo") > 0);
        Assert.Equal(before, _host.GuestStore.Statistics.Requests);
    }

    [Fact]
    public async Task Past_the_watch_quota_the_device_is_named_and_follows_its_other_end_as_its_own_changes()
    {
        await using Host host = await Host.StartAsync("-W", "8");
        await LeaveWatchesAsync(host, 2);
        await host.AddAsync("vif/0", backState: XenBusState.InitWait);
        await host.AddAsync("vif/1", backState: XenBusState.InitWait);
        TestDriver driver = new();

        // By its clock the bus would try again to watch, and look at the other end.
        FrontBus bus = await host.StartFrontAsync(driver, new() { TimeProvider = new ManualClock() });
        await host.UntilAsync(() => driver.Count("other end vif/0 InitWait") > 0 && driver.Count("other end vif/1 InitWait") > 0);
        await host.SeesAsync("its other end cannot be watched");
        string blind = host.Events.Single(happened => happened.Text.Contains("cannot be watched", StringComparison.Ordinal)).Device!.Name;

        // An event of its start that is still to come would have it look at its other end.
        await host.SettleAsync(bus);
        await host.SetBackStateAsync(blind, XenBusState.Connected);
        await host.SettleAsync(bus);
        Assert.Equal(0, driver.Count($"other end {blind} Connected"));

        // The driver's writes cause events for the guest too, as does every change at its own end.
        await bus.Devices.Single(device => device.Name == blind).SetStateAsync(XenBusState.Initialised);
        await host.UntilAsync(() => driver.Count($"other end {blind} Connected") > 0);
    }

    [Fact]
    public async Task A_bus_without_a_watch_says_so_and_has_what_was_there()
    {
        await using Host host = await Host.StartAsync("-W", "8");
        await LeaveWatchesAsync(host, 0);
        await host.AddAsync("vif/0");
        FrontBus bus = await host.StartFrontAsync();
        await host.SeesAsync("device: the bus cannot be watched");
        Assert.Single(bus.Devices);
    }

    /// <summary>Uses the guest's watches up, but for some.</summary>
    private static async Task LeaveWatchesAsync(Host host, int left)
    {
        Stack<XenStoreRing.XenStoreWatch> watches = new();
        XenStoreRing.XenStoreException? refusal = null;
        while (refusal is null)
        {
            try
            {
                watches.Push(await host.GuestStore.WatchAsync("data"));
            }
            catch (XenStoreRing.XenStoreException error)
            {
                refusal = error;
            }
        }

        Assert.Equal(XenStoreRing.XenStoreError.E2BIG, refusal.Error);
        for (int i = 0; i < left; i++)
        {
            await watches.Pop().DisposeAsync();
        }
    }

    private async Task<XenDevice> AttachAsync()
    {
        await _host.AddAsync("vif/0");
        FrontBus bus = await _host.StartFrontAsync(_driver);
        await _host.UntilAsync(() => _driver.Count("other end vif/0 Initialising") > 0 && _driver.Count("local end vif/0 ") > 0);
        return bus.Devices[0];
    }
}
