namespace Xenlet.XenBus.Tests;

/// <summary>Which devices are found, and which nodes are skipped.</summary>
public sealed class EnumerationTests : IAsyncLifetime
{
    private Host _host = null!;

    public async Task InitializeAsync() => _host = await Host.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Devices_of_every_type_are_found_with_their_other_ends()
    {
        await _host.AddAsync("vif/0");
        await _host.AddAsync("vbd/51712");
        await _host.AddAsync("vkbd/my-keyboard");
        FrontBus bus = await _host.StartFrontAsync();
        Assert.Equal(["vbd/51712", "vif/0", "vkbd/my-keyboard"], bus.Devices.Select(device => device.Name));
        XenDevice disk = bus.Devices[0];
        Assert.Equal(("device/vbd/51712", "vbd", "51712", 0u, Host.BackEnd("vbd/51712"), XenBusState.Initialising),
            (disk.Node, disk.Type, disk.Id, disk.OtherEndId, disk.OtherEndPath, disk.State));
        Assert.Equal(
            ["xenbus_connection_state=Initialising", "xenbus_dev_type=vbd", "xenbus_peer_domid=0", "xenstore_path=device/vbd/51712",
                "xenstore_peer_path=" + Host.BackEnd("vbd/51712")],
            disk.Variables.Select(variable => $"{variable.Key}={variable.Value}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_bus_comes_up_before_its_directory_exists_and_finds_what_comes()
    {
        await _host.Dom0.RemoveAsync(Host.Home + "/device");
        FrontBus bus = await _host.StartFrontAsync();
        Assert.Empty(bus.Devices);
        await _host.Dom0.MakeDirectoryAsync(Host.Home + "/device");
        await _host.AddAsync("vif/0");
        await _host.UntilAsync(() => bus.Devices.Count == 1);
    }

    [Theory]
    [InlineData(XenBusState.Closed)]
    [InlineData(XenBusState.Connected)]
    [InlineData(XenBusState.Unknown)]
    public async Task A_device_that_comes_and_is_not_new_is_left_alone_and_said_so_once(XenBusState state)
    {
        FrontBus bus = await _host.StartFrontAsync(new TestDriver());
        await _host.AddAsync("vbd/1", state);
        await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/1/extra", "1");
        await _host.SettleAsync(bus);
        Assert.Empty(bus.Devices);
        Assert.Equal(state, await _host.FrontStateAsync("vbd/1"));
        await _host.SeesAsync("vbd/1: is not new");
        Assert.Single(_host.Events, happened => happened.Text == $"vbd/1: is not new, and is left alone: its state is {state}");
    }

    [Theory]
    [InlineData("backend", null, "backend is missing")]
    [InlineData("backend-id", null, "backend-id is missing")]
    [InlineData("backend-id", "many", "backend-id is no domain")]
    [InlineData("backend-id", "-1", "backend-id is no domain")]
    [InlineData("backend-id", "32752", "backend-id is no domain")]
    [InlineData("backend", "not/absolute", "backend is no path")]
    [InlineData("backend", "/bad//path", "backend is no path")]
    public async Task A_device_without_another_end_is_no_device_until_it_has_one(string node, string? value, string problem)
    {
        string path = $"{Host.Home}/device/vbd/1/{node}";
        await _host.AddAsync("vbd/1");
        string good = await _host.Dom0.ReadAsync(path);
        await (value is null ? _host.Dom0.RemoveAsync(path) : _host.Dom0.WriteAsync(path, value));
        FrontBus bus = await _host.StartFrontAsync();
        await _host.SeesAsync("vbd/1: has no other end", problem);
        Assert.Empty(bus.Devices);
        await _host.Dom0.WriteAsync(path, good);
        await _host.UntilAsync(() => bus.Devices.Count == 1);
    }

    [Fact]
    public async Task An_event_below_a_new_device_adds_it_under_its_own_id()
    {
        // The seed cuts after the slash, takes "51712/" for the id, and finds no such device.
        FrontBus bus = await _host.StartFrontAsync();
        string node = Host.Home + "/device/vbd/51712";
        await _host.Dom0.WriteAsync(node + "/backend", "/local/domain/0/backend/vbd/1/51712");
        await _host.Dom0.WriteAsync(node + "/backend-id", "0");
        await _host.Dom0.SetPermissionsAsync(node, [new(Host.Guest, XenStoreRing.XenStoreRights.None)]);
        foreach (string name in new[] { "backend", "backend-id" })
        {
            await _host.Dom0.SetPermissionsAsync($"{node}/{name}", [new(Host.Guest, XenStoreRing.XenStoreRights.None)]);
        }

        await _host.SettleAsync(bus);
        Assert.Empty(bus.Devices);
        // Its only event is for .../51712/state.
        await _host.Dom0.WriteAsync(node + "/state", "1");
        await _host.UntilAsync(() => bus.Devices.Count == 1);
        Assert.Equal(("51712", "device/vbd/51712"), (bus.Devices[0].Id, bus.Devices[0].Node));
    }

    [Fact]
    public async Task A_device_of_the_back_bus_has_two_id_components()
    {
        await _host.AddBackAsync("vbd/3/51712");
        BackBus bus = _host.Back();
        await bus.StartAsync();
        await _host.AddBackAsync("vbd/4/51712");
        await _host.UntilAsync(() => bus.Devices.Count == 2);
        XenDevice device = bus.Devices[0];
        Assert.Equal(("vbd", "3/51712", "backend/vbd/3/51712", 3u, "/local/domain/3/device/vbd/51712"),
            (device.Type, device.Id, device.Node, device.OtherEndId, device.OtherEndPath));
    }

    [Theory]
    [InlineData("devices/vif/0/state")]
    [InlineData("devicevif/0")]
    [InlineData("elsewhere")]
    [InlineData("")]
    public async Task An_event_for_another_place_asks_for_no_look(string path)
    {
        FrontBus bus = _host.Front(new() { Stepped = true });
        bus.TakeEvent(path);
        Assert.False(await bus.StepAsync());
    }

    [Fact]
    public async Task A_device_whose_name_begins_with_anothers_hears_nothing_of_it()
    {
        TestDriver driver = new();
        FrontBus bus = await _host.StartFrontAsync(driver);
        await _host.AddAsync("vbd/5");
        await _host.AddAsync("vbd/51");
        await _host.UntilAsync(() => driver.Count("local end vbd/5 ") > 0 && driver.Count("local end vbd/51 ") > 0);
        await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/51/thing", "1");
        await _host.UntilAsync(() => driver.Count("local end vbd/51 /thing") > 0);
        await _host.SettleAsync(bus);
        Assert.DoesNotContain(
            driver.Calls,
            call => call.StartsWith("local end vbd/5 ", StringComparison.Ordinal) && call.EndsWith("thing", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_device_is_complete_when_it_is_first_seen()
    {
        // The seed lists a device before it has given it its variables.
        FrontBus bus = await _host.StartFrontAsync();
        Task reader = Task.Run(() =>
        {
            int seen = 0;
            while (seen < 50)
            {
                seen = 0;
                foreach (XenDevice device in bus.Devices)
                {
                    Assert.Equal(Host.BackEnd(device.Name), device.OtherEndPath);
                    Assert.Equal(5, device.Variables.Count(variable => variable.Value.Length > 0));
                    seen++;
                }
            }
        });
        for (int i = 0; i < 50; i++)
        {
            await _host.AddAsync($"vbd/{i}");
        }

        await reader.WaitAsync(TimeSpan.FromMinutes(3));
    }

    [Fact]
    public async Task Events_for_a_device_that_is_known_or_not_wanted_make_nothing_more()
    {
        // The seed allocates a device for each, and leaks it.
        TestDriver driver = new();
        await _host.AddAsync("vbd/1");
        CountingClock clock = new();
        FrontBus bus = await _host.StartFrontAsync(driver, new() { TimeProvider = clock });
        await _host.AddAsync("vbd/2", XenBusState.Closed);
        await _host.SeesAsync("vbd/2: is not new");
        await _host.UntilAsync(() => driver.Count("local end vbd/1 ") > 0);
        driver.Calls.Clear();
        await CauseEventsAsync(20);
        string[] held = HeldObjects.Count(bus);
        int made = clock.Asked;
        await CauseEventsAsync(200);
        Assert.Empty(HeldObjects.Count(bus).Except(held));
        // The one device is that which lets the bus settle.
        Assert.Equal(made + 1, clock.Asked);
        Assert.Single(bus.Devices);
        Assert.Single(_host.Events, happened => happened is { Kind: XenBusEventKind.Arrived, Device.Type: "vbd" });
        Assert.Single(_host.Events, happened => happened.Text.StartsWith("vbd/2", StringComparison.Ordinal));
        Assert.Equal(0, driver.Count("attach vbd/1"));

        async Task CauseEventsAsync(int count)
        {
            for (int i = 0; i < count; i++)
            {
                await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/1", "");
                await _host.Dom0.WriteAsync(Host.Home + "/device/vbd/2", "");
            }

            await _host.SettleAsync(bus);
        }
    }

    [Fact]
    public async Task The_tree_shows_each_device_with_driver_states_and_other_end()
    {
        await _host.AddAsync("vif/0", backState: XenBusState.InitWait);
        await _host.AddAsync("vfb/0");
        TestDriver driver = TestDriver.Connecting("net");
        FrontBus bus = await _host.StartFrontAsync(new TestDriver("net", "vif") { OnOtherEnd = driver.OnOtherEnd });
        await _host.UntilAsync(() => bus.Devices is [{ Phase: XenDevicePhase.NoDriver }, { State: XenBusState.Connected }]);
        Assert.Equal(
            """
            xenstore
              device
                vfb/0  (no driver)  Initialising  <-> Unknown at domain 0, /local/domain/0/backend/vfb/1/0
                vif/0  net  Connected  <-> InitWait at domain 0, /local/domain/0/backend/vif/1/0
              backend

            """,
            DeviceTree.Format(bus, _host.Back()));
        await _host.SetBackStateAsync("vfb/0", XenBusState.InitWait);
        Assert.Contains(
            "vfb/0  (no driver)  Initialising  <-> InitWait at domain 0", await DeviceTree.FormatAsync(bus), StringComparison.Ordinal);
        await _host.SeesAsync("vif/0: Initialising -> Connected ", " ms");
    }

    /// <summary>
    /// Counts how often it is asked what time it is: a device asks once when it is made, and at each change of its state.
    /// </summary>
    private sealed class CountingClock : TimeProvider
    {
        private int _asked;

        public int Asked => Volatile.Read(ref _asked);

        public override long GetTimestamp()
        {
            Interlocked.Increment(ref _asked);
            return base.GetTimestamp();
        }
    }
}
