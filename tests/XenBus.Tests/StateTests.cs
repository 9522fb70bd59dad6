using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Tests;

/// <summary>How states are written and read.</summary>
public sealed class StateTests : IAsyncLifetime
{
    private Host _host = null!;
    private FrontBus _bus = null!;
    private XenDevice _device = null!;

    public async Task InitializeAsync()
    {
        _host = await Host.StartAsync();
        await _host.AddAsync("vif/0");
        // Stepped: nothing but the test acts.
        _bus = _host.Front(new() { Stepped = true });
        await _bus.StartAsync();
        await _host.UntilAsync(async () => await _bus.StepAsync());
        _device = Assert.Single(_bus.Devices);
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task An_unchanged_state_costs_no_traffic()
    {
        Assert.True(await _device.SetStateAsync(XenBusState.InitWait));
        long before = _host.GuestStore.Statistics.Requests;
        Assert.True(await _device.SetStateAsync(XenBusState.InitWait));
        Assert.Equal(before, _host.GuestStore.Statistics.Requests);
        Assert.Equal(XenBusState.InitWait, await _host.FrontStateAsync("vif/0"));
    }

    [Theory]
    [InlineData("/device/vif/0")]
    [InlineData("/device/vif/0/state")]
    [InlineData("/device")]
    public async Task A_vanished_node_is_never_made_again(string gone)
    {
        await _host.Dom0.RemoveAsync(Host.Home + gone);
        Assert.False(await _device.SetStateAsync(XenBusState.Connected));
        Assert.Null(await _host.FrontStateAsync("vif/0"));
        Assert.Equal(XenBusState.Initialising, _device.State);
    }

    [Fact]
    public async Task A_node_that_vanishes_while_its_state_is_written_is_not_made_again()
    {
        // The seed reads and writes in two requests, between which it may go.
        for (int i = 0; i < 200; i++)
        {
            await _host.AddAsync("vif/0", i % 2 == 0 ? XenBusState.Initialised : XenBusState.InitWait);
            Task<bool> write = _device.SetStateAsync(i % 2 == 0 ? XenBusState.Connected : XenBusState.Closing).AsTask();
            await Task.WhenAll(write, _host.Dom0.RemoveAsync(Host.Home + "/device/vif/0/state").AsTask());
            Assert.Null(await _host.FrontStateAsync("vif/0"));
        }
    }

    [Fact]
    public async Task A_state_that_is_no_number_is_not_overwritten()
    {
        await _host.Dom0.WriteAsync(Host.Home + "/device/vif/0/state", "garbage");
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(
            async () => await _device.SetStateAsync(XenBusState.Connected));
        Assert.Equal(XenStoreError.BadValue, error.Error);
        Assert.Equal("garbage", await _host.Dom0.ReadAsync(Host.Home + "/device/vif/0/state"));
        Assert.Null(await _host.Dom0.TryReadAsync(Host.Home + "/error/device/vif/0/error"));
    }

    [Fact]
    public async Task A_failed_write_reports_for_the_device_itself_and_neither_recurses_nor_locks_up()
    {
        // The guest may read the state but not write it.
        await _host.Dom0.SetPermissionsAsync(Host.Home + "/device/vif/0/state", [new(0, XenStoreRights.Read)]);
        Task<bool> write = _device.SetStateAsync(XenBusState.Connected).AsTask();
        XenStoreException error = await Assert.ThrowsAsync<XenStoreException>(() => write.WaitAsync(TimeSpan.FromMinutes(2)));
        Assert.Equal(XenStoreError.EACCES, error.Error);
        Assert.StartsWith(
            "13 writing new state: ", await _host.Dom0.ReadAsync(Host.Home + "/error/device/vif/0/error"), StringComparison.Ordinal);
        await _host.SeesAsync("the state cannot be set to Closing");
        Assert.Single(_host.Events, happened => happened.Text.Contains("the state cannot be set to Closing", StringComparison.Ordinal));
        Assert.Equal(XenBusState.Initialising, await _host.FrontStateAsync("vif/0"));
        // The lock is free, and Closing itself does not try Closing again.
        await Assert.ThrowsAsync<XenStoreException>(
            () => _device.SetStateAsync(XenBusState.Closing).AsTask().WaitAsync(TimeSpan.FromMinutes(2)));
        await _device.ReportErrorAsync("the last event");
        await _host.SeesAsync("the last event");
        Assert.Single(_host.Events, happened => happened.Text.Contains("writing new state", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_fatal_error_is_written_and_leads_to_Closing()
    {
        await _device.ReportFatalErrorAsync("no ring page", new ArgumentException("odd"));
        Assert.Equal("22 no ring page: odd", await _host.Dom0.ReadAsync(Host.Home + "/error/device/vif/0/error"));
        Assert.Equal(XenBusState.Closing, await _host.FrontStateAsync("vif/0"));
    }

    [Fact]
    public async Task An_error_longer_than_a_node_is_shortened()
    {
        await _device.ReportErrorAsync(new string('x', 5000));
        Assert.EndsWith("xxx...", await _host.Dom0.ReadAsync(Host.Home + "/error/device/vif/0/error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_set_up_anew_is_not_written_by_the_old_ones_driver()
    {
        await _device.SetStateAsync(XenBusState.Connected);
        await _host.RemoveAsync("vif/0");
        await _host.AddAsync("vif/0");
        Assert.False(await _device.SetStateAsync(XenBusState.Closed));
        Assert.Equal(XenBusState.Initialising, await _host.FrontStateAsync("vif/0"));
    }

    [Fact]
    public async Task States_set_at_once_end_as_the_store_says()
    {
        XenBusState[] states = [XenBusState.InitWait, XenBusState.Initialised, XenBusState.Connected, XenBusState.Closing];
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => _device.SetStateAsync(states[i % 4]).AsTask()));
        Assert.Equal(_device.State, await _host.FrontStateAsync("vif/0"));
    }

    [Theory]
    [InlineData("4", XenBusState.Connected)]
    [InlineData("8", XenBusState.Reconfigured)]
    [InlineData("0", XenBusState.Unknown)]
    [InlineData("9", XenBusState.Closed)]
    [InlineData("-1", XenBusState.Closed)]
    [InlineData("4 ", XenBusState.Closed)]
    [InlineData("", XenBusState.Closed)]
    [InlineData(null, XenBusState.Closed)]
    public void A_value_that_is_no_state_reads_as_Closed(string? value, XenBusState state) =>
        Assert.Equal(state, XenBusStates.Parse(value));

    [Theory]
    [InlineData(XenBusState.Initialising, XenBusState.InitWait, true)]
    [InlineData(XenBusState.Initialising, XenBusState.Connected, true)]
    [InlineData(XenBusState.InitWait, XenBusState.Connected, true)]
    [InlineData(XenBusState.Connected, XenBusState.Closing, true)]
    [InlineData(XenBusState.Closing, XenBusState.Closed, true)]
    [InlineData(XenBusState.Closed, XenBusState.Initialising, true)]
    [InlineData(XenBusState.Reconfiguring, XenBusState.Reconfigured, true)]
    [InlineData(XenBusState.Closed, XenBusState.Connected, false)]
    [InlineData(XenBusState.Closing, XenBusState.Connected, false)]
    [InlineData(XenBusState.Connected, XenBusState.InitWait, false)]
    [InlineData((XenBusState)9, XenBusState.Closed, false)]
    [InlineData(XenBusState.Closed, (XenBusState)(-1), false)]
    public void The_table_knows_the_usual_changes(XenBusState from, XenBusState to, bool usual) =>
        Assert.Equal(usual, XenBusStates.IsUsual(from, to));

    [Fact]
    public async Task An_unusual_change_is_made_and_marked()
    {
        await _device.SetStateAsync(XenBusState.Closed);
        Assert.True(await _device.SetStateAsync(XenBusState.Connected));
        await _host.SeesAsync("vif/0: Closed -> Connected ", "(unusual)");
    }
}
