using Xenlet.XenStoreRing.Tests;
using XenStoreError = Xenlet.XenStoreRing.XenStoreError;
using XenStoreException = Xenlet.XenStoreRing.XenStoreException;

namespace Xenlet.XenBus.Tests;

/// <summary>Many devices: what they cost in requests, which can be counted exactly, and what happens where a domain's quotas end.</summary>
public sealed class ScaleTests
{
    // xenstored's own quotas for a domain: nodes, watches. It takes the guest's home, data and error for the guest's as well.
    private const int WatchQuota = 128;
    private static readonly string[] Raised = ["-E", "20000", "-W", "4000"];

    [Fact]
    public async Task A_thousand_devices_at_boot_cost_no_more_requests_each_than_ten()
    {
        double few = await CountAtBootAsync(10);
        double many = await CountAtBootAsync(1000);
        // State and both nodes of the other end, once each; the rest is lists of names.
        Assert.InRange(few, 30, 30 + 10);
        Assert.InRange(many, 3000, 3000 + 20);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(1000)]
    public async Task All_devices_at_boot_connect_at_a_cost_each_that_does_not_grow_with_their_number(int count)
    {
        double each = await CountConnectedAtBootAsync(count) / count;
        // To find it 3, to watch and read its other end 2, to set its state 4, and looks at what that announces.
        Assert.InRange(each, 9, 20);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(1000)]
    public async Task Devices_plugged_into_a_running_guest_cost_no_more_requests_each_when_they_are_many(int count)
    {
        double each = await CountPluggedAsync(count) / count;
        // Each of its four nodes may be announced apart, and is then looked at apart; a burst that is too much for the watch costs a look
        // at all.
        Assert.InRange(each, 3, 30);
    }

    [Fact]
    public async Task Another_device_costs_the_same_whether_there_are_none_or_a_thousand()
    {
        await using Host host = await Host.StartAsync(Raised);
        FrontBus bus = await host.StartFrontAsync();
        long alone = await CountOneMoreAsync(host, bus, "vif/1");
        await AddAsync(host, 1000);
        await host.UntilAsync(() => bus.Devices.Count == 1001);
        await host.SettleAsync(bus);
        long last = await CountOneMoreAsync(host, bus, "vif/2");
        Assert.InRange(alone, 3, 40);
        Assert.InRange(last, 3, 40);
    }

    [Fact]
    public async Task A_hundred_and_ten_devices_work_within_the_default_quotas()
    {
        await using Host host = await Host.StartAsync();
        await AddAsync(host, 110, extraNodes: 2);
        FrontBus bus = await host.StartFrontAsync(NodeWriter(3));
        Assert.True((await bus.WaitForBootAsync(TimeSpan.FromMinutes(3))).IsComplete);
        Assert.All(bus.Devices, device => Assert.Equal(XenBusState.Connected, device.State));
        await host.UntilAsync(() => bus.Devices.All(device => device.FollowsOtherEnd));
        // All are followed.
        await Task.WhenAll(bus.Devices.Select(device => host.SetBackStateAsync(device.Name, XenBusState.Closing).AsTask()));
        await host.UntilAsync(() => bus.Devices.All(device => device.State == XenBusState.Closed));
        Assert.DoesNotContain(host.Events, happened => happened.Text.Contains("E2BIG", StringComparison.Ordinal) || happened.Text.Contains(
            "ENOSPC", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_the_watches_run_out_each_device_without_one_is_named_and_works_on()
    {
        await using Host host = await Host.StartAsync();
        int watches = await host.CountFreeWatchesAsync();
        Assert.InRange(watches, WatchQuota, WatchQuota + 1);
        await AddAsync(host, 150);
        // The clock stands still, so that no timer takes a watch that has come free.
        FrontBus bus = await host.StartFrontAsync(NodeWriter(0), new() { TimeProvider = new ManualClock() });
        Assert.True((await bus.WaitForBootAsync(TimeSpan.FromMinutes(3))).IsComplete);
        await host.UntilAsync(() => bus.Devices.All(device => device.State == XenBusState.Connected));
        // Until all is quiet one more look at an other end may be due, which would take the watch that comes free below.
        await host.SettleAsync(bus);
        XenDevice[] blind = [.. bus.Devices.Where(device => !device.FollowsOtherEnd)];
        Assert.Equal(150 - (watches - 1), blind.Length);
        foreach (XenDevice device in blind)
        {
            await host.SeesAsync($"{device.Name}: its other end cannot be watched, and is looked at now and then", "E2BIG");
        }

        // One of them reads its other end when its own end changes; the bus still notices who goes, and freed watches are used.
        await host.SetBackStateAsync(blind[0].Name, XenBusState.Closing);
        await host.SettleAsync(bus);
        Assert.Equal(XenBusState.Connected, blind[0].State);
        await WriteAsync(blind[0]);
        await host.UntilAsync(() => blind[0].State == XenBusState.Closed);
        Assert.False(blind[0].FollowsOtherEnd);
        XenDevice seeing = bus.Devices.First(device => device.FollowsOtherEnd);
        await host.RemoveAsync(seeing.Name);
        await host.RemoveAsync(blind[1].Name);
        await host.UntilAsync(() => bus.Devices.Count == 148);
        XenDevice next = blind[2];
        await WriteAsync(next);
        await host.SeesAsync($"{next.Name}: its other end is watched again");
        await host.SetBackStateAsync(next.Name, XenBusState.Closing);
        await host.UntilAsync(() => next.State == XenBusState.Closed);
        await host.RemoveAsync(bus.Devices.First(device => device.FollowsOtherEnd).Name);
        await host.UntilAsync(() => bus.Devices.Count == 147);
        await host.AddAsync(blind[1].Name, backState: XenBusState.InitWait);
        await host.UntilAsync(() => bus.Devices.Any(
            device => device.Name == blind[1].Name && device.FollowsOtherEnd && device.State == XenBusState.Connected));

        // As a driver does that offers something.
        static ValueTask WriteAsync(XenDevice device) => device.Bus.Store.WriteAsync($"{device.Node}/feature", "1");
    }

    [Fact]
    public async Task Where_the_nodes_run_out_each_device_that_is_lost_is_named_and_the_others_work()
    {
        await using Host host = await Host.StartAsync();
        await AddAsync(host, 150, extraNodes: 2);
        FrontBus bus = await host.StartFrontAsync(NodeWriter(3));
        Assert.True((await bus.WaitForBootAsync(TimeSpan.FromMinutes(3))).IsComplete);
        await host.UntilAsync(() => bus.Devices.All(device => device.State == XenBusState.Connected));
        XenDevice[] alive = [.. bus.Devices];
        Assert.InRange(alive.Length, 20, 149);
        string[] lost = [.. Enumerable.Range(0, 150).Select(i => $"vbd/{i}").Except(alive.Select(device => device.Name))];
        foreach (string name in lost)
        {
            await host.SeesAsync($"{name}: 28 driver test cannot be attached: WRITE device/{name}/", "ENOSPC");
            Assert.Equal(XenBusState.Closed, await host.FrontStateAsync(name));
        }

        // The others are followed, and one that goes makes room for one that was lost.
        await host.SetBackStateAsync(alive[0].Name, XenBusState.Closing);
        await host.UntilAsync(() => alive[0].State == XenBusState.Closed);
        await host.RemoveAsync(alive[1].Name);
        await host.UntilAsync(() => bus.Devices.Count == alive.Length - 1);
        await host.SetFrontStateAsync(lost[0], XenBusState.Initialising);
        await host.UntilAsync(() => bus.Devices.Any(device => device.Name == lost[0] && device.State == XenBusState.Connected));
    }

    /// <summary>Requests from the first to the list of all devices, without drivers.</summary>
    private static async Task<double> CountAtBootAsync(int count)
    {
        await using Host host = await Host.StartAsync(Raised);
        await AddAsync(host, count);
        long before = host.GuestStore.Statistics.Requests;
        FrontBus bus = await host.StartFrontAsync();
        Assert.Equal(count, bus.Devices.Count);
        return host.GuestStore.Statistics.Requests - before;
    }

    private static async Task<double> CountConnectedAtBootAsync(int count)
    {
        await using Host host = await Host.StartAsync(Raised);
        await AddAsync(host, count);
        long before = host.GuestStore.Statistics.Requests;
        FrontBus bus = await host.StartFrontAsync(TestDriver.Connecting());
        Assert.True((await bus.WaitForBootAsync(TimeSpan.FromMinutes(3))).IsComplete);
        await host.SettleAsync(bus);
        Assert.Equal(count, bus.Devices.Count(device => device is { State: XenBusState.Connected, FollowsOtherEnd: true }));
        return host.GuestStore.Statistics.Requests - before;
    }

    private static async Task<double> CountPluggedAsync(int count)
    {
        await using Host host = await Host.StartAsync(Raised);
        FrontBus bus = await host.StartFrontAsync();
        long before = host.GuestStore.Statistics.Requests;
        await AddAsync(host, count);
        await host.UntilAsync(() => bus.Devices.Count == count);
        await host.SettleAsync(bus);
        return host.GuestStore.Statistics.Requests - before;
    }

    private static async Task<long> CountOneMoreAsync(Host host, FrontBus bus, string name)
    {
        long before = host.GuestStore.Statistics.Requests;
        await host.AddAsync(name);
        await host.UntilAsync(() => bus.Devices.Any(device => device.Name == name));
        await host.SettleAsync(bus);
        return host.GuestStore.Statistics.Requests - before;
    }

    /// <summary>One after another, as transactions that make nodes in the same directory conflict.</summary>
    private static async Task AddAsync(Host host, int count, int extraNodes = 0)
    {
        for (int i = 0; i < count; i++)
        {
            string name = $"vbd/{i}";
            await host.Dom0.TransactAsync(async (transaction, _) =>
            {
                await Host.AddAsync(transaction, name, XenBusState.Initialising, XenBusState.InitWait);
                for (int node = 0; node < extraNodes; node++)
                {
                    await transaction.WriteAsync($"{Host.Home}/device/{name}/extra{node}", "1");
                }
            });
        }
    }

    /// <summary>
    /// A driver that connects, and before it writes some nodes as a real one does; where it may not, it gives back those it has written.
    /// </summary>
    private static TestDriver NodeWriter(int nodes)
    {
        TestDriver connecting = TestDriver.Connecting();
        SemaphoreSlim one = new(1);
        return new()
        {
            OnAttach = async (device, _) =>
            {
                // One after another, or all might take some and none enough.
                await one.WaitAsync();
                using Releaser releaser = new(one);
                for (int node = 0; node < nodes; node++)
                {
                    try
                    {
                        await device.Bus.Store.WriteAsync($"{device.Node}/ring-ref{node}", "8");
                    }
                    catch (XenStoreException error) when (error.Error == XenStoreError.ENOSPC)
                    {
                        while (--node >= 0)
                        {
                            await device.Bus.Store.RemoveAsync($"{device.Node}/ring-ref{node}");
                        }

                        throw;
                    }
                }
            },
            OnOtherEnd = connecting.OnOtherEnd,
        };
    }

    private readonly struct Releaser(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }
}
