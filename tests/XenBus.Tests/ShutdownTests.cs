using System.Collections.Concurrent;
using System.Globalization;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.XenBus.Tests;

/// <summary>What becomes of a domain's devices when it ends.</summary>
public sealed class ShutdownTests : IAsyncLifetime
{
    private const string Disk = "vbd/1";
    private const string Interface = "vif/0";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    // A test that is not about the limit must not fail by it on a slow machine.
    private static readonly XenBusOptions Patient = new() { ShutdownTimeLimit = Patience };
    private readonly ConcurrentQueue<string> _seen = new();
    private Host _host = null!;

    private static readonly XenBusState[] WholeWay = [XenBusState.Closing, XenBusState.Closed];
    private static readonly XenBusState[] AtOnce = [XenBusState.Closed];

    /// <summary>The states of both ends when the domain ends, and the front end's states from there.</summary>
    public static TheoryData<XenBusState, XenBusState, XenBusState[]> Ways => new()
    {
        { XenBusState.Connected, XenBusState.Connected, WholeWay },
        { XenBusState.Initialised, XenBusState.Connected, WholeWay },
        { XenBusState.Initialised, XenBusState.Initialised, WholeWay },
        { XenBusState.Closing, XenBusState.Closing, AtOnce },
        // The administrator unplugs it, and its driver has not detached.
        { XenBusState.Connected, XenBusState.Closing, AtOnce },
        { XenBusState.Initialised, XenBusState.InitWait, AtOnce },
        { XenBusState.Connected, XenBusState.Closed, AtOnce },
        // Nothing is shared yet, or any more.
        { XenBusState.Initialising, XenBusState.InitWait, [] },
        { XenBusState.Closed, XenBusState.Connected, [] },
    };

    public async Task InitializeAsync() => _host = await Host.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_device_goes_through_the_states_that_its_back_end_expects_and_is_closed_when_that_is(
        XenBusState front, XenBusState back, XenBusState[] way)
    {
        TestDriver driver = new() { OnAttach = async (device, _) => await device.SetStateAsync(front) };
        FrontBus bus = await _host.StartFrontAsync(driver, Patient);
        await _host.AddAsync(Disk, backState: back);
        XenDevice device = await AttachedAsync(bus, Disk);
        await _host.SettleAsync(bus);
        await FollowAsync(Disk, answers: true);

        ShutdownReport report = await EndAsync(bus);
        Assert.True(report.IsComplete, report.ToString());
        Assert.Equal(front == XenBusState.Initialising ? front : XenBusState.Closed, device.State);
        await _host.UntilAsync(() => _seen.Count == way.Length);
        Assert.Equal(way.Select(state => $"{Disk} {state}"), _seen);
        if (way == WholeWay)
        {
            // The back end's answer is what the end was waited for.
            Assert.Equal("6", await _host.Dom0.ReadAsync(Host.BackEnd(Disk) + "/state"));
        }
    }

    [Fact]
    public async Task All_devices_are_closed_at_the_same_time_and_a_second_request_is_the_same_end()
    {
        FrontBus bus = await ConnectAsync(TestDriver.Connecting(), Disk, Interface);
        await FollowAsync(Disk, answers: false);
        await FollowAsync(Interface, answers: false);
        Task<ShutdownReport> end = bus.ShutdownAsync();
        await _host.UntilAsync(() => _seen.Order().SequenceEqual([$"{Disk} Closing", $"{Interface} Closing"]));
        Assert.Same(end, bus.ShutdownAsync());

        foreach (string name in (string[])[Disk, Interface])
        {
            Assert.False(end.IsCompleted, $"the end does not wait for the back end of {name}");
            await _host.SetBackStateAsync(name, XenBusState.Closing);
            await _host.UntilAsync(() => _seen.Contains($"{name} Closed"));
            await _host.DrainDevicesAsync(bus);
            Assert.False(end.IsCompleted, $"the end does not wait until the back end of {name} has let go");
            await _host.SetBackStateAsync(name, XenBusState.Closed);
        }

        ShutdownReport report = await end.WaitAsync(Patience);
        Assert.True(report.IsComplete, report.ToString());
        Assert.Equal(4, _seen.Count);
    }

    [Fact]
    public async Task A_back_end_that_does_not_answer_costs_the_limit_and_is_named_and_the_others_are_closed()
    {
        ManualClock clock = new();
        FrontBus bus = await ConnectAsync(TestDriver.Connecting(), clock, Disk, Interface);
        await FollowAsync(Interface, answers: true);
        await FollowAsync(Disk, answers: false);
        Task<ShutdownReport> end = bus.ShutdownAsync();
        await _host.UntilAsync(() => _seen.Contains($"{Disk} Closing") && _seen.Contains($"{Interface} Closed"));
        await _host.UntilAsync(() => bus.Devices.Any(device => device is { Name: Interface, OtherEndState: XenBusState.Closed }));
        await _host.UntilAsync(() => clock.Timers > 0);
        clock.Advance(TimeSpan.FromSeconds(4.999));
        await _host.DrainDevicesAsync(bus);
        Assert.False(end.IsCompleted, "a back end is waited for for 5 seconds");
        clock.Advance(TimeSpan.FromSeconds(0.001));
        ShutdownReport report = await end.WaitAsync(Patience);
        Assert.Equal($"not closed after 5 s: {Disk} (Closing, other end Connected)", report.ToString());
        Assert.Equal(Disk, Assert.Single(report.Open).Name);
    }

    [Fact]
    public async Task A_driver_that_throws_has_its_device_closed_and_is_named()
    {
        FrontBus bus = await ConnectAsync(TestDriver.Connecting(onShutdown: _ => throw new InvalidOperationException("no end")), Disk);
        await FollowAsync(Disk, answers: true);
        ShutdownReport report = await EndAsync(bus);
        Assert.True(report.IsComplete, report.ToString());
        await _host.SeesAsync($"{Disk}: driver test failed in ShutdownAsync: no end");
        await _host.UntilAsync(() => _seen.Count == WholeWay.Length);
        Assert.Equal(WholeWay.Select(state => $"{Disk} {state}"), _seen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_driver_that_does_not_return_costs_the_limit_and_its_own_device(bool blocks)
    {
        using ManualResetEventSlim release = new();
        TaskCompletionSource never = new();
        ManualClock clock = new();
        FrontBus bus = await ConnectAsync(TestDriver.Connecting(onShutdown: HangAsync), clock, Disk, Interface);
        await FollowAsync(Interface, answers: true);
        Task<ShutdownReport> end = bus.ShutdownAsync();
        await _host.UntilAsync(() => _seen.Contains($"{Interface} Closed"));
        await _host.UntilAsync(() => bus.Devices.Any(device => device is { Name: Interface, OtherEndState: XenBusState.Closed }));

        // The end of the other one is noted a little later than the state of its other end.
        await _host.DrainDeviceAsync(bus.Devices.Single(device => device.Name == Interface));
        await _host.UntilAsync(() => clock.Timers > 0);
        clock.Advance(TimeSpan.FromSeconds(5));
        ShutdownReport report = await end.WaitAsync(Patience);
        Assert.Equal($"not closed after 5 s: {Disk} (Connected, other end Connected)", report.ToString());
        release.Set();
        never.SetResult();

        async ValueTask HangAsync(XenDevice device)
        {
            if (device.Name == Disk && blocks)
            {
                await Task.Run(release.Wait);
            }
            else if (device.Name == Disk)
            {
                await never.Task;
            }
        }
    }

    [Fact]
    public async Task What_a_driver_lets_end_ends_before_the_state_is_Closing()
    {
        TaskCompletionSource underWay = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TestDriver driver = TestDriver.Connecting(onShutdown: async _ => await underWay.Task);
        FrontBus bus = await ConnectAsync(driver, Disk);
        await FollowAsync(Disk, answers: true);
        Task<ShutdownReport> end = bus.ShutdownAsync();
        await _host.UntilAsync(() => driver.Count($"shutdown {Disk}") == 1);
        Assert.Equal(XenBusState.Connected, await _host.FrontStateAsync(Disk));
        underWay.SetResult();
        Assert.True((await end.WaitAsync(Patience)).IsComplete);
    }

    [Fact]
    public async Task Without_devices_nothing_is_asked_or_waited_for()
    {
        FrontBus bus = await _host.StartFrontAsync(TestDriver.Connecting());
        _host.BeforeRequest = (type, path) => throw new InvalidOperationException($"{type} {path} was asked");
        Task<ShutdownReport> end = bus.ShutdownAsync();
        Assert.True(end.IsCompletedSuccessfully, "the end waits");
        Assert.True((await end).IsComplete);
        _host.BeforeRequest = null;
    }

    [Fact]
    public async Task A_device_without_driver_is_left_as_it_is()
    {
        FrontBus bus = await _host.StartFrontAsync();
        await _host.AddAsync(Disk, backState: XenBusState.Connected);
        await _host.SeesAsync($"{Disk}: no driver");
        Assert.True((await EndAsync(bus)).IsComplete);
        Assert.Equal(XenBusState.Initialising, await _host.FrontStateAsync(Disk));
    }

    [Fact]
    public async Task After_its_end_a_driver_hears_of_nothing_and_nothing_is_taken_up()
    {
        TestDriver driver = TestDriver.Connecting();
        FrontBus bus = await ConnectAsync(driver, Disk);
        XenDevice device = Assert.Single(bus.Devices);
        await FollowAsync(Disk, answers: true);
        Assert.True((await EndAsync(bus)).IsComplete);
        int calls = driver.Calls.Count;

        // As a back end does whose front end may start again.
        await _host.SetBackStateAsync(Disk, XenBusState.InitWait);
        await _host.Dom0.WriteAsync($"{Host.Home}/device/{Disk}/mtu", 1400);
        await _host.AddAsync(Interface, backState: XenBusState.InitWait);
        await _host.UntilAsync(() => Host.QueueOf(bus).Count == 0);
        await _host.DrainDevicesAsync(bus);
        Assert.False(await device.SetStateAsync(XenBusState.Connected));
        Assert.Equal(calls, driver.Calls.Count);
        Assert.Equal($"shutdown {Disk}", driver.Calls.Last());
        Assert.Equal(XenBusState.Initialising, await _host.FrontStateAsync(Interface));
        Assert.Equal(XenBusState.Closed, await _host.FrontStateAsync(Disk));
    }

    [Fact]
    public async Task A_device_that_leaves_meanwhile_is_not_waited_for()
    {
        TaskCompletionSource never = new();
        FrontBus bus = await ConnectAsync(TestDriver.Connecting(onShutdown: async _ => await never.Task), Disk);
        Task<ShutdownReport> end = bus.ShutdownAsync();
        await _host.RemoveAsync(Disk);
        Assert.True((await end.WaitAsync(Patience)).IsComplete);
        never.SetResult();
    }

    [Fact]
    public async Task A_state_whose_writing_was_not_answered_is_written_again()
    {
        ManualClock clock = new();

        // The clock runs much faster than xenstored, which must not look as if it answered late.
        XenBusOptions patient = new() { TimeProvider = clock, ShutdownTimeLimit = TimeSpan.FromDays(1) };
        FrontBus bus = await ConnectAsync(TestDriver.Connecting(), patient, Disk);
        await FollowAsync(Disk, answers: true);
        bool fails = true;
        _host.Faults.Fail(XenStoreMessageType.Write, $"device/{Disk}/state", "EIO", () => fails);
        Task<ShutdownReport> end = bus.ShutdownAsync();
        await _host.SeesAsync($"{Disk}: it cannot be closed, and it is tried again");
        fails = false;
        await _host.UntilAsync(() =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            return _seen.Contains($"{Disk} Closed");
        });
        Assert.True((await end.WaitAsync(Patience)).IsComplete);
    }

    [Fact]
    public async Task In_a_suspend_that_is_cancelled_a_device_is_closed_after_it()
    {
        TestDriver driver = TestDriver.Connecting();
        FrontBus bus = await ConnectAsync(driver, Disk);
        await FollowAsync(Disk, answers: true);
        Task<ShutdownReport> end = null!;
        await _host.CancelSuspendAsync(() =>
        {
            end = bus.ShutdownAsync();
            return Task.CompletedTask;
        });
        Assert.True((await end.WaitAsync(Patience)).IsComplete);
        Assert.Equal([$"suspend {Disk}", $"suspend cancelled {Disk}", $"shutdown {Disk}"], driver.Calls.TakeLast(3));
    }

    [Fact]
    public async Task A_domain_that_is_moved_while_it_ends_has_nothing_to_close_at_its_new_host()
    {
        TestDriver driver = TestDriver.Connecting();
        FrontBus bus = await ConnectAsync(driver, Disk);
        await FollowAsync(Disk, answers: false);
        Task<ShutdownReport> end = bus.ShutdownAsync();
        await _host.UntilAsync(() => _seen.Contains($"{Disk} Closing"));
        await _host.SuspendAsync(async () =>
        {
            await _host.RemoveAsync(Disk);
            await _host.AddAsync(Disk, backState: XenBusState.InitWait);
        });
        Assert.True((await end.WaitAsync(Patience)).IsComplete);
        Assert.Equal($"shutdown {Disk}", driver.Calls.Last());
        Assert.Equal(XenBusState.Initialising, await _host.FrontStateAsync(Disk));
    }

    private static Task<ShutdownReport> EndAsync(FrontBus bus) => bus.ShutdownAsync().WaitAsync(Patience);

    private Task<FrontBus> ConnectAsync(TestDriver driver, params string[] names) => ConnectAsync(driver, Patient, names);

    /// <summary>
    /// A bus on which the devices are connected. On a manual clock no limit but the ones that the test lets pass is over.
    /// </summary>
    private Task<FrontBus> ConnectAsync(TestDriver driver, TimeProvider clock, params string[] names) =>
        ConnectAsync(driver, new XenBusOptions { TimeProvider = clock }, names);

    private async Task<FrontBus> ConnectAsync(TestDriver driver, XenBusOptions options, params string[] names)
    {
        FrontBus bus = await _host.StartFrontAsync(driver, options);
        foreach (string name in names)
        {
            await _host.AddAsync(name, backState: XenBusState.Connected);
            await AttachedAsync(bus, name);
            await _host.UntilAsync(() => bus.Devices.Any(device => device.Name == name && device.State == XenBusState.Connected));
        }

        await _host.SettleAsync(bus);
        return bus;
    }

    private async Task<XenDevice> AttachedAsync(FrontBus bus, string name)
    {
        await _host.UntilAsync(() => bus.Devices.Any(device => device.Name == name && device.Phase == XenDevicePhase.Attached));
        return bus.Devices.Single(device => device.Name == name);
    }

    /// <summary>Collects a front end's states, and plays a back end that follows them as Linux's do.</summary>
    private async Task FollowAsync(string name, bool answers)
    {
        string node = $"{Host.Home}/device/{name}/state";
        XenStoreWatch watch = await _host.Dom0.WatchAsync(node);
        string? last = await _host.Dom0.TryReadAsync(node);
        _ = Task.Run(async () =>
        {
            await foreach (XenStoreWatchEvent _ in watch)
            {
                string? now = await _host.Dom0.TryReadAsync(node);
                if (now is null || now == last || now == "1")
                {
                    continue;
                }

                last = now;
                XenBusState state = (XenBusState)int.Parse(now, CultureInfo.InvariantCulture);
                if (answers)
                {
                    await _host.SetBackStateAsync(name, state);
                }

                _seen.Enqueue($"{name} {state}");
            }
        });
    }
}
