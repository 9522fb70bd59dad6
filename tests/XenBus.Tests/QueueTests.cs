namespace Xenlet.XenBus.Tests;

/// <summary>The queues, one step at a time.</summary>
public sealed class QueueTests
{
    [Fact]
    public async Task Work_posted_many_times_runs_once_and_posted_while_it_runs_once_more()
    {
        List<string> ran = [];
        WorkQueue<string> queue = new(stepped: true, loop: null, _ => Assert.Fail("nothing throws"));
        bool again = true;
        ValueTask Look()
        {
            ran.Add("look");
            if (again)
            {
                again = false;
                Assert.True(queue.Post("look", Look));
                Assert.False(queue.Post("look", Look));
            }

            return default;
        }

        Assert.True(queue.Post("look", Look));
        Assert.False(queue.Post("look", Look));
        queue.Post("other", () =>
        {
            ran.Add("other");
            return default;
        });
        while (await queue.StepAsync())
        {
        }

        Assert.Equal(["look", "other", "look"], ran);
    }

    [Fact]
    public async Task Work_that_throws_is_reported_and_the_next_runs()
    {
        TaskCompletionSource<string> failed = new(), ran = new();
        WorkQueue<string> queue = new(stepped: false, loop: null, error => failed.SetResult(error.Message));
        queue.Post("bad", () => throw new FormatException("bad"));
        queue.Post("good", () =>
        {
            ran.SetResult("good");
            return default;
        });
        Assert.Equal("bad", await failed.Task.WaitAsync(TimeSpan.FromMinutes(2)));
        Assert.Equal("good", await ran.Task.WaitAsync(TimeSpan.FromMinutes(2)));
    }

    [Fact]
    public async Task Work_is_identified_by_the_value_of_its_key()
    {
        List<string> ran = [];
        WorkQueue<DeviceWork> queue = new(stepped: true, loop: null, _ => Assert.Fail("nothing throws"));
        Assert.True(Post("/state"));
        Assert.True(Post("/online"));
        Assert.False(Post("/state"));
        Assert.True(Post("/backend"));
        queue.Withdraw(new(DeviceWorkKind.NotifyLocalEnd, "/online"));
        queue.Withdraw(new(DeviceWorkKind.NotifyOtherEnd, "/backend"));
        Assert.Equal(2, queue.Count);
        while (await queue.StepAsync())
        {
        }

        Assert.Equal(["/state", "/backend"], ran);

        bool Post(string path) => queue.Post(new(DeviceWorkKind.NotifyLocalEnd, path), () =>
        {
            ran.Add(path);
            return default;
        });
    }

    [Fact]
    public async Task A_closed_queue_takes_nothing()
    {
        WorkQueue<string> queue = new(stepped: true, loop: null, _ => { });
        queue.Post("before", () => throw new InvalidOperationException());
        queue.Close();
        Assert.False(queue.Post("after", () => default));
        Assert.False(await queue.StepAsync());
    }

    [Fact]
    public async Task A_bus_finds_and_its_devices_attach_step_by_step()
    {
        await using Host host = await Host.StartAsync();
        await host.AddAsync("vbd/1");
        TestDriver driver = new();
        FrontBus bus = host.Front(new() { Stepped = true });
        bus.AddDriver(driver);
        await bus.StartAsync();
        Assert.True(await bus.StepAsync());
        await host.UntilAsync(async () => await bus.StepAsync());
        // The bus has found it and called no driver code.
        XenDevice device = Assert.Single(bus.Devices);
        Assert.Equal((XenDevicePhase.Arrived, 0), (device.Phase, driver.Calls.Count));
        Assert.True(await device.StepAsync());
        Assert.Equal(["attach vbd/1"], driver.Calls);
        Assert.True(await device.StepAsync());
        Assert.Equal(["attach vbd/1", "other end vbd/1 Initialising"], driver.Calls);
        Assert.True(await device.StepAsync());
        Assert.Equal(["attach vbd/1", "other end vbd/1 Initialising", "local end vbd/1 "], driver.Calls);
        Assert.False(await device.StepAsync());
    }

    [Fact]
    public async Task Many_changes_of_the_other_end_are_told_as_the_last_of_them()
    {
        await using Host host = await Host.StartAsync();
        await host.AddAsync("vbd/1");
        TestDriver driver = new();
        FrontBus bus = host.Front(new() { Stepped = true });
        bus.AddDriver(driver);
        await bus.StartAsync();
        await host.UntilAsync(async () => await bus.StepAsync() && bus.Devices.Count == 1);
        XenDevice device = bus.Devices[0];
        while (await device.StepAsync())
        {
        }

        driver.Calls.Clear();
        foreach (XenBusState state in new[] { XenBusState.InitWait, XenBusState.Initialised, XenBusState.Connected })
        {
            await host.SetBackStateAsync("vbd/1", state);
        }

        await host.UntilAsync(async () => await device.StepAsync());
        Assert.Equal("other end vbd/1 Connected", driver.Calls.First());
    }

    [Fact]
    public async Task Stepping_a_bus_that_runs_by_itself_is_refused()
    {
        await using Host host = await Host.StartAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await host.Front().StepAsync());
    }
}
