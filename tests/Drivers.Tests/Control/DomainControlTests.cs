using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenBus.Tests;
using Xenlet.XenStoreRing;

namespace Xenlet.Drivers.Tests;

/// <summary>Requests of the tool stack through a real xenstored, and the guest's actions.</summary>
public sealed class DomainControlTests : IAsyncLifetime
{
    private ControlHost _host = null!;

    public async Task InitializeAsync() => _host = await ControlHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [InlineData("poweroff", "terminate")]
    [InlineData("halt", "terminate")]
    [InlineData("reboot", "terminate, then reboot")]
    [InlineData("crash", "crash")]
    public async Task A_request_is_acknowledged_and_carried_out(string request, string call)
    {
        await _host.StartServicesAsync();
        await _host.AskAsync(request);
        await _host.CallsAsync(call);
        Assert.Equal("", _host.Console);
    }

    [Fact]
    public async Task A_request_that_was_made_before_the_start_is_carried_out()
    {
        await _host.Dom0.WriteAsync(ControlHost.Home + "/control/shutdown", "poweroff");
        await _host.StartServicesAsync();
        await _host.CallsAsync("terminate");
    }

    [Theory]
    [InlineData("dance", "'dance'")]
    [InlineData("powerofff", "'powerofff'")]
    [InlineData("a\u001b[2J\nb", "'a\\x1b[2J\\x0ab'")]
    [InlineData("0123456789012345678901234567890123456789X", "'0123456789012345678901234567890123456789...'")]
    public async Task An_unknown_word_is_acknowledged_and_named_so_that_it_harms_no_terminal(string request, string named)
    {
        await _host.StartServicesAsync();
        await _host.AskAsync(request);
        await _host.SeesAsync($"xenlet: control/shutdown: {named} is not understood\n");
        await _host.EndServicesAsync();
        Assert.Empty(_host.Machine.Calls);
    }

    [Fact]
    public async Task The_tool_stack_is_told_what_the_domain_understands()
    {
        await _host.StartServicesAsync();
        foreach (string feature in (string[])["poweroff", "reboot", "suspend"])
        {
            Assert.Equal("1", await _host.Dom0.ReadAsync($"{ControlHost.Home}/control/feature-{feature}"));
        }

        Assert.Equal("", _host.Console);
    }

    [Fact]
    public async Task A_tool_stack_that_does_not_let_itself_be_told_is_obeyed_all_the_same()
    {
        await RefuseAsync("feature-reboot");
        await _host.StartServicesAsync();
        await _host.SeesAsync("xenlet: control/feature-reboot cannot be written: ");
        Assert.Equal("1", await _host.Dom0.ReadAsync($"{ControlHost.Home}/control/feature-suspend"));
        await _host.AskAsync("reboot");
        await _host.CallsAsync("terminate, then reboot");
    }

    [Fact]
    public async Task A_request_that_cannot_be_acknowledged_is_not_carried_out()
    {
        await RefuseAsync("shutdown");
        await _host.StartServicesAsync();
        await _host.Dom0.WriteAsync(ControlHost.Home + "/control/shutdown", "poweroff");
        await _host.SeesAsync("xenlet: control/shutdown: 'poweroff' cannot be acknowledged, and is not carried out: ");
        await _host.EndServicesAsync();
        Assert.Empty(_host.Machine.Calls);
    }

    [Theory]
    [InlineData("poweroff", "terminate", "power off", "switching off")]
    [InlineData("reboot", "terminate, then reboot", "reboot", "rebooting")]
    public async Task A_program_that_does_not_end_in_time_is_ended(string request, string wish, string end, string word)
    {
        await _host.StartServicesAsync(control: new() { ShutdownTimeLimit = TimeSpan.FromSeconds(40) });
        await _host.AskAsync(request);
        await _host.CallsAsync(wish);
        _host.Clock.Advance(TimeSpan.FromSeconds(39));

        // A second request is allowed, and does not restart the time.
        await _host.AskAsync(request);
        await _host.CallsAsync(wish, wish);
        _host.Clock.Advance(TimeSpan.FromSeconds(1));
        await _host.CallsAsync(wish, wish, end);
        // Two threads: the one that ends the guest waits for the one that writes the message for two seconds at most.
        await _host.SeesAsync("without it\n");
        Assert.Equal($"xenlet: the program has not ended 40 s after it was asked to: {word} without it\n", _host.Console);
    }

    [Fact]
    public async Task The_time_limit_goes_on_after_the_services_have_ended_and_the_last_wish_decides()
    {
        await _host.StartServicesAsync();
        await _host.AskAsync("reboot");
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("terminate, then reboot", "terminate");
        await _host.Services!.DisposeAsync();
        _host.Clock.Advance(TimeSpan.FromSeconds(60));
        await _host.CallsAsync("terminate, then reboot", "terminate", "power off");
    }

    [Fact]
    public async Task A_suspend_tells_the_program_then_the_drivers_and_after_it_all_go_on()
    {
        ConcurrentQueue<string> order = new();
        TestDriver driver = new()
        {
            OnSuspend = _ =>
            {
                order.Enqueue("driver");
                return new(true);
            },
            OnResume = (_, _) =>
            {
                order.Enqueue("driver resumed");
                return default;
            },
        };
        await _host.AddDeviceAsync("vbd/1");
        await _host.StartServicesAsync(new() { FrontDrivers = [driver] });
        await _host.UntilAsync(() => Task.FromResult(driver.Calls.Contains("attach vbd/1")));
        Add("first");
        IDisposable gone = Add("gone");
        Add("second");
        gone.Dispose();
        _host.Machine.OnSuspend = () =>
        {
            order.Enqueue("suspend");
            return _host.Move();
        };

        await _host.AskAsync("suspend");

        string[] expected = ["before second", "before first", "driver", "suspend", "first Resumed", "second Resumed"];
        await _host.UntilAsync(() => Task.FromResult(order.Count == expected.Length + 1));
        // The program does not wait for the drivers, which continue beside it.
        Assert.Equal(expected, order.Where(step => step != "driver resumed"));
        Assert.Contains("driver resumed", order.SkipWhile(step => step != "suspend"));
        Assert.Equal(1, _host.Machine.Findings);

        // The watches are there again, and so is what the domain understands, on a host that knew nothing of it.
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("suspend", "terminate");
        Assert.Equal("", _host.Console);

        IDisposable Add(string name) => _host.Control.OnSuspend(
            _ =>
            {
                order.Enqueue($"before {name}");
                return default;
            },
            outcome =>
            {
                order.Enqueue($"{name} {outcome}");
                return default;
            });
    }

    [Fact]
    public async Task A_console_that_takes_nothing_holds_up_a_report_and_no_shutdown()
    {
        await _host.StartServicesAsync();
        _host.ConsoleTakes.Reset();
        await _host.AskAsync("t", "sysrq");
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("terminate");
        Assert.Equal("", _host.Console);
        _host.ConsoleTakes.Set();
        await _host.SeesAsync("xenlet: end of the report\n");
    }

    [Fact]
    public async Task Features_are_told_again_after_a_resume()
    {
        await _host.StartServicesAsync();
        _host.Machine.OnSuspend = () =>
        {
            Task.Run(_host.MakeControlAsync).GetAwaiter().GetResult();
            return _host.Move();
        };
        await _host.AskAsync("suspend");
        await _host.UntilAsync(
            async () => await _host.Dom0.ReadAsync(ControlHost.Home + "/control/feature-suspend") == "1" && _host.Machine.Findings == 1);
    }

    [Fact]
    public async Task A_cancelled_suspend_leaves_all_as_it_was()
    {
        await _host.StartServicesAsync();
        TaskCompletionSource<SuspendOutcome> outcome = new();
        using IDisposable hook = _host.Control.OnSuspend(after: told =>
        {
            outcome.SetResult(told);
            return default;
        });
        await _host.AskAsync("suspend");
        Assert.Equal(SuspendOutcome.Cancelled, await outcome.Task.WaitAsync(TimeSpan.FromMinutes(3)));
        await _host.AskAsync("reboot");
        await _host.CallsAsync("suspend", "terminate, then reboot");
        Assert.Equal((0, ""), (_host.Machine.Findings, _host.Console));
    }

    [Fact]
    public async Task A_preparation_that_throws_refuses_the_suspend_and_those_that_were_made_are_told()
    {
        ConcurrentQueue<string> told = new();
        await _host.StartServicesAsync();
        _host.Control.OnSuspend(_ => throw new InvalidOperationException("never"), outcome => Tell("never", outcome));
        _host.Control.OnSuspend(_ => throw new InvalidOperationException("a write is under way"), outcome => Tell("thrower", outcome));
        _host.Control.OnSuspend(_ => default, outcome => Tell("ready", outcome));
        await _host.AskAsync("suspend");
        const string why = "the suspend is refused: the program's preparations failed: a write is under way";
        await _host.SeesAsync($"xenlet: {why}\n");
        await _host.UntilAsync(async () => await _host.Dom0.TryReadAsync(ControlHost.Home + "/error/control/suspend/error") == $"16 {why}");
        Assert.Equal(["ready Refused"], told);
        Assert.Empty(_host.Machine.Calls);

        ValueTask Tell(string name, SuspendOutcome outcome)
        {
            told.Enqueue($"{name} {outcome}");
            return default;
        }
    }

    [Fact]
    public async Task A_preparation_that_takes_too_long_refuses_the_suspend()
    {
        await _host.StartServicesAsync(control: new() { PreparationTimeLimit = TimeSpan.FromSeconds(8) });
        CancellationToken seen = default;
        _host.Control.OnSuspend(async token =>
        {
            seen = token;
            _host.Clock.Advance(TimeSpan.FromSeconds(8));
            await Task.Delay(Timeout.InfiniteTimeSpan, CancellationToken.None);
        });
        await _host.AskAsync("suspend");
        await _host.SeesAsync("xenlet: the suspend is refused: the program's preparations took longer than 8 s\n");
        Assert.True(seen.IsCancellationRequested);
        Assert.Empty(_host.Machine.Calls);
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("terminate");
    }

    [Fact]
    public async Task A_driver_that_refuses_is_named()
    {
        TestDriver driver = new() { OnSuspend = _ => new(false) };
        await _host.AddDeviceAsync("vbd/1");
        await _host.StartServicesAsync(new() { FrontDrivers = [driver] });
        await _host.UntilAsync(() => Task.FromResult(driver.Calls.Contains("attach vbd/1")));
        await _host.AskAsync("suspend");
        await _host.SeesAsync("xenlet: the suspend is refused: refused by vbd/1 (driver test)\n");
        await _host.EndServicesAsync();
        Assert.Empty(_host.Machine.Calls);
    }

    [Fact]
    public async Task A_suspend_that_Xen_refuses_is_told_and_all_go_on()
    {
        await _host.StartServicesAsync();
        _host.Machine.OnSuspend = () => throw new XenException("suspending the domain", XenErrno.EPERM);
        await _host.AskAsync("suspend");
        await _host.SeesAsync("xenlet: the suspend is refused: suspending the domain failed: EPERM (1)");
        await _host.AskAsync("poweroff");
        await _host.CallsAsync("suspend", "terminate");
    }

    [Fact]
    public async Task What_fails_after_a_resume_is_told()
    {
        await _host.StartServicesAsync();
        _host.Control.OnSuspend(after: _ => throw new InvalidOperationException("no way back"));
        await _host.AskAsync("suspend");
        await _host.SeesAsync("xenlet: after the suspend the program failed: no way back\n");
    }

    [Fact]
    public async Task A_request_during_a_suspend_waits_for_its_end_and_a_report_does_not()
    {
        await _host.StartServicesAsync();
        TaskCompletionSource entered = new();
        TaskCompletionSource goOn = new();
        _host.Control.OnSuspend(async _ =>
        {
            entered.SetResult();
            await goOn.Task;
        });
        await _host.AskAsync("suspend");
        await entered.Task.WaitAsync(TimeSpan.FromMinutes(3));
        await _host.Dom0.WriteAsync(ControlHost.Home + "/control/shutdown", "reboot");
        await _host.AskAsync("m", "sysrq");
        await _host.SeesAsync("xenlet: end of the report\n");
        Assert.Empty(_host.Machine.Calls);
        goOn.SetResult();
        await _host.CallsAsync("suspend", "terminate, then reboot");
    }

    [Fact]
    public async Task A_program_that_is_ending_is_not_suspended()
    {
        await _host.StartServicesAsync();
        await _host.AskAsync("poweroff");
        await _host.AskAsync("suspend");
        await _host.SeesAsync("xenlet: the suspend is refused: the program is ending\n");
        await _host.EndServicesAsync();
        Assert.Equal(["terminate"], _host.Machine.Calls);
    }

    [Fact]
    public async Task A_report_tells_threads_memory_devices_connections_and_what_others_have_to_say()
    {
        await _host.AddDeviceAsync("vscsi/1");
        await _host.StartServicesAsync();
        await _host.UntilAsync(() => Task.FromResult(_host.Services!.FrontBus.Devices is [{ Phase: XenDevicePhase.NoDriver }]));
        using IDisposable facts = _host.Control.AddReport(new Facts(writer => writer.WriteLine("32 requests in flight")));
        await _host.AskAsync("h", "sysrq");
        await _host.SeesAsync("xenlet: end of the report\n");
        Assert.Contains(
            """
            xenlet: report: threads
            thread 3 (console): running, 1.5 ms of processor time
              at 0x0000000000210000
              at 0x0000000000211234
            thread 1: waiting: futex, 0.0 ms of processor time
              at 0x0000000000220000
            xenlet: report: memory
                  2400 KiB  image
                   100 KiB  stacks
                  1500 KiB  free
                   400 KiB    of it promised
                  4000 KiB  all

            """,
            _host.Console,
            StringComparison.Ordinal);
        Assert.Contains(
            "    vscsi/1  (no driver)  Initialising  <-> InitWait at domain 0, /local/domain/0/backend/vscsi/1/1\n",
            _host.Console,
            StringComparison.Ordinal);
        Assert.EndsWith(
            """
            xenlet: report: event channels and grants
            event channel ports: 5, 7
            grants: 11; shared pages: 12, and 1 that others have not let go
            xenlet: report: disks
            xenlet: report: network interfaces
            xenlet: report: facts
            32 requests in flight
            xenlet: end of the report

            """,
            _host.Console,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("t", "threads")]
    [InlineData("m", "memory")]
    [InlineData("g", "memory without garbage")]
    [InlineData("d", "devices")]
    [InlineData("e", "event channels and grants")]
    [InlineData("r", "disks", "network interfaces", "facts")]
    [InlineData("tm", "threads")]
    public async Task A_letter_chooses_sections(string letters, params string[] sections)
    {
        await _host.StartServicesAsync();
        _host.Control.AddReport(new Facts(writer => writer.Write("none")));
        _host.Control.AddReport(new Facts(writer => writer.Write("gone"))).Dispose();
        await _host.AskAsync(letters, "sysrq");
        await _host.SeesAsync("xenlet: end of the report\n");
        Assert.Equal(
            [.. sections.Select(section => $"xenlet: report: {section}"), "xenlet: end of the report"],
            _host.Console.Split('\n').Where(line => line.StartsWith("xenlet: ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_letter_has_all_garbage_collected_before_the_report_on_memory()
    {
        await _host.StartServicesAsync();
        WeakReference garbage = MakeGarbage();

        await _host.AskAsync("g", "sysrq");
        await _host.SeesAsync("xenlet: end of the report\n");

        Assert.False(garbage.IsAlive);
        Assert.Contains(" KiB  collector: in use\n", _host.Console, StringComparison.Ordinal);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference MakeGarbage() => new(new byte[1000]);
    }

    [Fact]
    public async Task What_others_wrote_commands_no_terminal_in_a_report()
    {
        _host.Machine.OnReadThreads = static () =>
            [new() { Id = 7, Name = "\u001b[2J\nxenlet: exit 0", State = "ready", ProcessorTime = TimeSpan.Zero, Stack = [] }];
        await _host.StartServicesAsync();
        _host.Control.AddReport(new Facts(writer => writer.Write("first\nsecond\u001b[31m\r")));
        await _host.AskAsync("a", "sysrq");
        await _host.SeesAsync("xenlet: end of the report\n");
        Assert.Contains("\nthread 7 (\\x1b[2J\\x0axenlet: exit 0): ready", _host.Console, StringComparison.Ordinal);
        Assert.Contains("\nfirst\nsecond\\x1b[31m\\x0d\n", _host.Console, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("b", "reboot")]
    [InlineData("o", "power off")]
    [InlineData("c", "crash")]
    public async Task Three_letters_end_the_guest_without_asking_the_program(string letter, string call)
    {
        await _host.StartServicesAsync();
        await _host.AskAsync(letter, "sysrq");
        await _host.CallsAsync(call);
    }

    [Fact]
    public async Task A_section_that_fails_or_is_stuck_keeps_no_other_from_being_told()
    {
        using ManualResetEventSlim never = new();
        TaskCompletionSource isStuck = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await _host.StartServicesAsync();
        _host.Machine.OnReadThreads = () => throw new InsufficientMemoryException("no memory for it");
        _host.Control.AddReport(new Facts(_ =>
        {
            isStuck.SetResult();
            never.Wait();
        }));
        _host.Control.AddReport(new Facts(_ => throw new InvalidOperationException("half way")));
        _host.Control.AddReport(new Facts(writer => writer.Write("the last")));
        await _host.AskAsync("a", "sysrq");
        await isStuck.Task.WaitAsync(TimeSpan.FromMinutes(3));
        // Only the section that hangs is still running, and only its time limit may pass.
        await _host.UntilAsync(() => Task.FromResult(_host.Clock.Timers > 0));
        _host.Clock.Advance(TimeSpan.FromSeconds(5));
        await _host.SeesAsync("end of the report\n");
        never.Set();
        Assert.Contains("report: threads\n(failed: no memory for it)\nxenlet: report: memory\n", _host.Console, StringComparison.Ordinal);
        Assert.EndsWith(
            "report: facts\n(no answer for 5 s)\nxenlet: report: facts\n(failed: half way)\nxenlet: report: facts\nthe last\nxenlet: "
            + "end of the report\n",
            _host.Console,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_services_end_in_order_and_once()
    {
        TestDriver driver = new();
        await _host.AddDeviceAsync("vbd/1");
        bool sawStopped = false;
        await _host.StartServicesAsync(new()
        {
            FrontDrivers = [driver],
            StartsBackBus = false,
            BeforeStart = services => sawStopped = services.FrontBus.Devices.Count == 0,
        });
        await _host.UntilAsync(() => Task.FromResult(driver.Calls.Contains("attach vbd/1")));
        Assert.True(sawStopped);
        Assert.Equal(1, _host.Machine.OpenLinks);
        await _host.Services!.DisposeAsync();
        await _host.Services.DisposeAsync();
        Assert.Equal((0, ""), (_host.Machine.OpenLinks, _host.Console));
        Assert.True(_host.Services.Store.Closed.IsCompleted);
    }

    /// <summary>Takes away the guest's right to write a node.</summary>
    private async Task RefuseAsync(string node) =>
        await _host.Dom0.SetPermissionsAsync($"{ControlHost.Home}/control/{node}", [new(0, XenStoreRights.Read)]);

    private sealed class Facts(Action<TextWriter> write) : IReportSource
    {
        public string ReportName => "facts";

        public void WriteReport(TextWriter writer) => write(writer);
    }
}
