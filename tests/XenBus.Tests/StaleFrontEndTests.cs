using System.Collections.Concurrent;
using System.Globalization;
using Xenlet.XenStoreRing;
using Xenlet.XenStoreRing.Tests;

namespace Xenlet.XenBus.Tests;

/// <summary>Devices that an earlier program in the domain has left in use.</summary>
public sealed class StaleFrontEndTests : IAsyncLifetime
{
    private const string Device = "vbd/1";
    private const string FrontState = Host.Home + "/device/" + Device + "/state";
    private Host _host = null!;

    private static readonly XenBusState[] WholeWay = [XenBusState.Closing, XenBusState.Closed, XenBusState.Initialising];

    public static TheoryData<XenBusState, XenBusState, XenBusState[]> Ways => new()
    {
        { XenBusState.Connected, XenBusState.Connected, WholeWay },
        { XenBusState.Initialised, XenBusState.Initialised, WholeWay },
        { XenBusState.Closed, XenBusState.Connected, WholeWay },
        { XenBusState.Connected, XenBusState.Closing, [XenBusState.Closed, XenBusState.Initialising] },
        { XenBusState.Connected, XenBusState.InitWait, [XenBusState.Initialising] },
        { XenBusState.Closed, XenBusState.Closed, [XenBusState.Initialising] },
    };

    public async Task InitializeAsync() => _host = await Host.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_device_left_in_use_is_taken_back_through_the_states_that_its_back_end_expects_and_attached(
        XenBusState front, XenBusState back, XenBusState[] way)
    {
        await _host.AddAsync(Device, front);
        await _host.SetBackStateAsync(Device, back);
        ConcurrentQueue<XenBusState> seen = await FollowAsync(answers: true);
        TestDriver driver = new();

        // By its clock the bus would go on without a back end that is late.
        FrontBus bus = await _host.StartFrontAsync(
            driver, new() { TimeProvider = new ManualClock(), BootTimeLimit = TimeSpan.FromHours(1) });

        // The bus has seen its devices when it has started: boot waits for those that were reset.
        Assert.Equal(Device, Assert.Single(bus.Devices).Name);
        await _host.UntilAsync(() => driver.Count("attach " + Device) == 1);
        await _host.UntilAsync(() => seen.Count >= way.Length);
        Assert.Equal(way, seen.Take(way.Length));
        await _host.SeesAsync($"{Device}: was left {front}");
    }

    [Fact]
    public async Task A_back_end_that_does_not_follow_delays_boot_by_five_seconds_a_step_and_the_device_is_offered_all_the_same()
    {
        await _host.AddAsync(Device, XenBusState.Connected);
        await _host.SetBackStateAsync(Device, XenBusState.Connected);
        ConcurrentQueue<XenBusState> seen = await FollowAsync(answers: false);
        ManualClock clock = new();
        Task<FrontBus> starting = _host.StartFrontAsync(
            new TestDriver(), new() { TimeProvider = clock, BootTimeLimit = TimeSpan.FromHours(1) });
        foreach (XenBusState next in (XenBusState[])[XenBusState.Closing, XenBusState.Closed])
        {
            await _host.UntilAsync(() => seen.LastOrDefault() == next && clock.Timers > 0);
            Assert.False(starting.IsCompleted, "the bus did not wait for the back end");
            clock.Advance(StaleFrontEnd.StepLimit);
        }

        Assert.Equal(Device, Assert.Single((await starting).Devices).Name);
        await _host.UntilAsync(() => seen.Count == WholeWay.Length);
        Assert.Equal(WholeWay, seen);
    }

    /// <summary>Collects the front end's states, and plays a back end that follows them as Linux's do.</summary>
    private async Task<ConcurrentQueue<XenBusState>> FollowAsync(bool answers)
    {
        ConcurrentQueue<XenBusState> seen = new();
        XenStoreWatch watch = await _host.Dom0.WatchAsync(FrontState);
        string last = await _host.Dom0.ReadAsync(FrontState);
        _ = Task.Run(async () =>
        {
            await foreach (XenStoreWatchEvent _ in watch)
            {
                string now = await _host.Dom0.ReadAsync(FrontState);
                if (now == last)
                {
                    continue;
                }

                last = now;
                XenBusState state = (XenBusState)int.Parse(now, CultureInfo.InvariantCulture);
                if (answers)
                {
                    await _host.SetBackStateAsync(Device, state == XenBusState.Initialising ? XenBusState.InitWait : state);
                }

                seen.Enqueue(state);
            }
        });
        return seen;
    }
}
