using System.Collections.Concurrent;
using System.Globalization;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Tests;

/// <summary>The services when the program ends, or no longer needs them.</summary>
public sealed class ProgramEndTests : IAsyncLifetime
{
    private const string Device = "clock/0";
    private const string Front = ControlHost.Home + "/device/" + Device + "/state";
    private const string Back = "/local/domain/0/backend/clock/1/0/state";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly ConcurrentQueue<XenBusState> _seen = new();
    private ControlHost _host = null!;

    private static readonly XenBusState[] WholeWay = [XenBusState.Closing, XenBusState.Closed];

    public async Task InitializeAsync() => _host = await ControlHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Devices_are_closed_once_when_the_program_ends_or_the_services_do(bool disposes)
    {
        await ConnectAsync(TestDriver.Connecting(), Patience);
        await FollowAsync(answers: true);
        if (!disposes)
        {
            await EndProgramAsync();
            Assert.Equal("6", await _host.Dom0.ReadAsync(Back));
        }

        await _host.EndServicesAsync();
        await _host.UntilAsync(() => Task.FromResult(_seen.Count == WholeWay.Length));
        Assert.Equal(WholeWay, _seen);
        Assert.Equal("", _host.Console);
        Assert.Empty(_host.Machine.ProgramEnds);
    }

    [Fact]
    public async Task A_device_that_was_not_closed_is_named_in_one_line_whoever_asks()
    {
        await ConnectAsync(TestDriver.Connecting(), Patience, clock: _host.Clock);
        await FollowAsync(answers: false);
        Task ending = EndProgramAsync();
        await _host.UntilAsync(() => Task.FromResult(_seen.Contains(XenBusState.Closing) && _host.Clock.Timers > 0));
        _host.Clock.Advance(Patience);
        await ending;
        await _host.EndServicesAsync();
        await SaysOnlyAsync($"xenlet: not closed after 180 s: {Device} (Closing, other end Connected)\n");
    }

    [Fact]
    public async Task A_loop_that_is_held_up_does_not_keep_the_program()
    {
        using ManualResetEventSlim release = new();
        TestDriver driver = new("holds", "clock")
        {
            SaysItNeverBlocks = true,
            OnOtherEnd = async (device, _) => await device.SetStateAsync(XenBusState.Connected),
            OnShutdown = _ =>
            {
                release.Wait();
                return default;
            },
        };
        await ConnectAsync(driver, TimeSpan.FromSeconds(0.1));
        await EndProgramAsync();
        await SaysOnlyAsync("xenlet: devices are not closed: the thread of the domain's services does not answer\n");
        release.Set();
    }

    [Fact]
    public async Task A_console_that_takes_nothing_does_not_keep_the_program()
    {
        await ConnectAsync(TestDriver.Connecting(), TimeSpan.FromSeconds(0.1));
        _host.ConsoleTakes.Reset();
        await EndProgramAsync();
        _host.ConsoleTakes.Set();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_sent_is_delivered_before_devices_close(bool disposes)
    {
        LastWords user = new(Task.CompletedTask) { BeforeDone = () => _seen.Count };
        await ConnectAsync(TestDriver.Connecting(), Patience, user);
        await FollowAsync(answers: true);

        await (disposes ? _host.EndServicesAsync() : EndProgramAsync());

        Assert.Equal((!disposes, 0), Assert.Single(user.Calls));
        await _host.UntilAsync(() => Task.FromResult(_seen.Count == WholeWay.Length));
    }

    [Fact]
    public async Task A_stack_that_does_not_answer_keeps_nobody_longer_than_the_limit()
    {
        TaskCompletionSource never = new();
        await ConnectAsync(TestDriver.Connecting(), Patience, new LastWords(never.Task));
        await FollowAsync(answers: true);

        await EndProgramAsync();

        await SaysOnlyAsync("xenlet: what was sent last is not delivered: the thread of TCP/IP does not answer\n");
        never.SetResult();
    }

    [Fact]
    public async Task A_suspend_is_refused_whose_program_has_ended_while_it_was_prepared()
    {
        await _host.StartServicesAsync();
        using IDisposable hook = _host.Control.OnSuspend(_ =>
        {
            _host.Machine.ProgramEnds.Single()();
            return default;
        });
        await _host.AskAsync("suspend");
        await _host.SeesAsync("xenlet: the suspend is refused: the program is ending\n");
        Assert.Empty(_host.Machine.Calls);
    }

    /// <summary>Does what is done when the program ends, as its last thread does.</summary>
    private Task EndProgramAsync() =>
        Task.Factory.StartNew(_host.Machine.ProgramEnds.Single(), TaskCreationOptions.LongRunning).WaitAsync(Patience);

    private async Task ConnectAsync(TestDriver driver, TimeSpan limit, INetworkLinkUser? user = null, TimeProvider? clock = null)
    {
        await _host.StartServicesAsync(new()
        {
            FrontDrivers = [driver],
            Bus = new() { ShutdownTimeLimit = limit, TimeProvider = clock ?? TimeProvider.System },
            Interfaces = new() { LinkUser = user },
            DeliveryTimeLimit = TimeSpan.FromSeconds(0.1),
        });
        await _host.AddDeviceAsync(Device);
        await _host.UntilAsync(async () => await _host.Dom0.ReadAsync(Front) == "4");
        await _host.Dom0.WriteAsync(Back, (long)XenBusState.Connected);
        await _host.UntilAsync(() => Task.FromResult(_host.Services!.FrontBus.Devices.Single().OtherEndState == XenBusState.Connected));
    }

    /// <summary>Waits for the only line: the product waits no longer than two seconds for the thread that writes it.</summary>
    private async Task SaysOnlyAsync(string line)
    {
        await _host.SeesAsync(line);
        Assert.Equal(line, _host.Console);
    }

    /// <summary>Collects the front end's states, and plays a back end that follows them as Linux's do.</summary>
    private async Task FollowAsync(bool answers)
    {
        XenStoreWatch watch = await _host.Dom0.WatchAsync(Front);
        string last = await _host.Dom0.ReadAsync(Front);
        _ = Task.Run(async () =>
        {
            await foreach (XenStoreWatchEvent _ in watch)
            {
                string now = await _host.Dom0.ReadAsync(Front);
                if (now == last)
                {
                    continue;
                }

                last = now;
                if (answers)
                {
                    await _host.Dom0.WriteAsync(Back, now);
                }

                _seen.Enqueue((XenBusState)int.Parse(now, CultureInfo.InvariantCulture));
            }
        });
    }

    /// <summary>A stack that says when it has delivered what was sent.</summary>
    private sealed class LastWords(Task done) : INetworkLinkUser
    {
        /// <summary>How many states the device has gone through when it is asked.</summary>
        public Func<int> BeforeDone { get; init; } = () => 0;

        public List<(bool IsProgramEnding, int States)> Calls { get; } = [];

        public bool TryTake(NetworkLink link) => false;

        public void Wake(NetworkLink link)
        {
        }

        public Task FinishAsync(bool isProgramEnding, TimeSpan limit)
        {
            Calls.Add((isProgramEnding, BeforeDone()));
            return done;
        }
    }
}
