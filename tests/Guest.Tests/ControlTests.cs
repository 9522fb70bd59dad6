using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A request of the tool stack that the program end: SIGTERM as .NET programs know it.</summary>
public abstract class TerminationTests(World world)
{
    [Fact]
    public async Task Main_waits_for_a_line_and_exit_handlers_run()
    {
        EndedGuest guest = (await world.RunCaseAsync("terminate-main-in-readline")).AssertExited(143);
        Assert.Contains("process exit event", guest.Lines);
        Assert.DoesNotContain("survived", guest.Console, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_handler_is_called_before_exit_handlers_run()
    {
        string[] lines = (await world.RunCaseAsync("terminate-handlers")).AssertExited(143).Lines;
        Assert.Contains("first handler of SIGTERM", lines);
        Assert.Contains("second handler of SIGTERM", lines);
        Assert.Equal(
            "process exit event",
            lines.Where(line => line.Contains("handler of", StringComparison.Ordinal) || line == "process exit event").Last());
    }

    [Fact]
    public async Task A_handler_that_cancels_lets_the_program_end_as_it_likes() =>
        Assert.Contains("went on", (await world.RunCaseAsync("terminate-cancelled")).AssertExited(7).Lines);

    [Fact]
    public async Task A_program_that_is_ending_is_not_killed_by_a_second_wish() =>
        Assert.Contains("asked again", (await world.RunCaseAsync("terminate-hung")).AssertExited(143).Lines);
}

[Collection(WithoutXen.Name)]
public sealed class TerminationTestsWithoutXen(DirectWorld world) : TerminationTests(world);

[Collection(UnderXen.Name)]
public sealed class TerminationTestsUnderXen(XenWorld world) : TerminationTests(world)
{
    private readonly XenWorld _world = world;

    [Theory]
    [InlineData("terminate-main-in-readline reboot", 143)]
    [InlineData("terminate-cancelled reboot", 7)]
    public async Task A_guest_that_is_to_start_again_says_its_exit_status_all_the_same(string commandLine, int status)
    {
        EndedGuest guest = await _world.RunCaseAsync(commandLine);
        Assert.True(
            guest.End == new GuestEnd(GuestEndReason.Reboot, status),
            $"expected a reboot with status {status}, was {guest.End}:\n{guest.Console}");
    }
}

/// <summary>Requests of the real xl to a guest (the case "control").</summary>
[Collection(DevicesUnderXen.Name)]
public sealed class ControlTests(XenWorld world)
{
    [Fact]
    public async Task Xl_reboots_a_program_whose_Main_waits_for_a_line()
    {
        EndedGuest ended = await EndByXlAsync("read", "reboot");
        Assert.Equal(new GuestEnd(GuestEndReason.Reboot, 143), ended.End);
        Assert.Contains("process exit event", ended.Lines);
    }

    [Fact]
    public async Task A_program_that_blocks_every_thread_of_its_pool_is_reported_saved_and_ended_and_has_its_disk()
    {
        XenGuest guest = await StartAsync("blocked", disks: 1);
        try
        {
            await UsesDiskAsync(guest, "blocked");
            await XlAsync(guest, "sysrq", "a");
            int end = await guest.WaitForTextAsync("xenlet: end of the report", World.Limit);
            string report = guest.Console.Text[..end];
            Assert.Contains("vbd/51712  block  Connected  <-> Connected at domain 0", report, StringComparison.Ordinal);
            Assert.Contains("xenlet: report: network interfaces", report, StringComparison.Ordinal);
            Assert.DoesNotContain("(no answer", report, StringComparison.Ordinal);

            string file = XenMachine.SavePath(guest.Name);
            await guest.CheckpointAsync(file, World.Limit);
            await guest.WaitForTextAsync("suspended: Cancelled", World.Limit);
            await UsesDiskAsync(guest, "gone on");

            await guest.SaveAsync(file, World.Limit);
            await guest.DisposeAsync();
            guest = await world.Machine.RestoreGuestAsync(guest.Name, file);
            (await world.Machine.RunInDom0Async($"rm {file}", World.Limit)).ThrowIfFailed("removing the saved guest");
            await guest.WaitForTextAsync("suspended: Resumed", World.Limit);
            await UsesDiskAsync(guest, "restored");

            await XlAsync(guest, "shutdown");
            EndedGuest ended = await EndedGuest.OfAsync(guest, World.Limit);
            Assert.Equal(new GuestEnd(GuestEndReason.PowerOff, 143), ended.End);
            Assert.Contains("process exit event", ended.Lines);

            // The program's handlers can still use the disk; then both ends are closed, before the domain is gone.
            const string Of = "vbd/51712: ";
            string[] events = [.. ended.Lines.SkipWhile(line => line != "at the end: ok").Where(
                line => line.StartsWith(Of, StringComparison.Ordinal))];
            string[] way = ["Connected -> Closing", "other end Connected -> Closing", "Closing -> Closed", "other end Closing -> Closed"];
            Assert.True(events.Length >= way.Length, guest.Console.Text);
            Assert.All(way.Zip(events[^way.Length..]), step => Assert.StartsWith(Of + step.First, step.Second, StringComparison.Ordinal));
        }
        finally
        {
            await guest.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("shutdown", GuestEndReason.PowerOff)]
    [InlineData("reboot", GuestEndReason.Reboot)]
    public async Task A_program_that_handles_the_signal_ends_in_order_with_its_own_status(string command, GuestEndReason reason)
    {
        EndedGuest ended = await EndByXlAsync("handle", command);
        Assert.Equal(new GuestEnd(reason, 5), ended.End);
        Assert.Contains("left: 0 grants, 0 shared pages", ended.Lines);
    }

    [Theory]
    [InlineData("shutdown", GuestEndReason.PowerOff, "switching off")]
    [InlineData("reboot", GuestEndReason.Reboot, "rebooting")]
    public async Task A_program_that_ignores_the_signal_is_ended_after_the_time_limit(string command, GuestEndReason reason, string word)
    {
        EndedGuest ended = await EndByXlAsync("ignore 2", command);
        Assert.Equal(new GuestEnd(reason, null), ended.End);
        Assert.Contains("SIGTERM is handled", ended.Lines);
        Assert.Contains($"xenlet: the program has not ended 2 s after it was asked to: {word} without it", ended.Lines);
    }

    [Fact]
    public async Task Xl_sysrq_shows_threads_with_their_stacks_devices_memory_and_connections()
    {
        await using XenGuest guest = await StartAsync("read", disks: 1);
        await XlAsync(guest, "sysrq", "a");
        int end = await guest.WaitForTextAsync("xenlet: end of the report", World.Limit);
        string[] lines = guest.Console.Text[..end].Replace("\r", "", StringComparison.Ordinal).Split('\n');
        string[] sections = [.. lines.Where(line => line.StartsWith("xenlet: report: ", StringComparison.Ordinal)).Select(
            line => line["xenlet: report: ".Length..])];
        Assert.Equal(
            ["threads", "memory", "devices", "event channels and grants", "disks", "network interfaces", "facts of the case"], sections);
        Assert.Contains("a fact", lines);
        Assert.Contains("xvda: 4194304 bytes in sectors of 512; connections 1", lines);
        Assert.Contains(lines, line => line.Contains($"vbd/51712  block  Connected  <-> Connected at domain 0", StringComparison.Ordinal));
        // The two pages of the disk's ring; nothing was read or written, so there are none for data.
        Assert.Contains(lines, line => line.StartsWith("grants: 2; shared pages: 2", StringComparison.Ordinal));

        int parked = Array.FindIndex(lines, line => line.Contains("(parked): waiting: futex", StringComparison.Ordinal));
        Assert.True(parked >= 0, guest.Console.Text);
        Assert.True(
            lines.Skip(parked + 1).TakeWhile(line => line.StartsWith("  at 0x", StringComparison.Ordinal)).Count() > 4, guest.Console.Text);
        Assert.Contains(
            lines, line => line.StartsWith("thread 1", StringComparison.Ordinal) && line.Contains(": waiting: ", StringComparison.Ordinal));

        ulong[] kibibytes = [.. lines.Where(
            line => line.Contains(" KiB  ", StringComparison.Ordinal) && !line.Contains("collector:", StringComparison.Ordinal))
            .Where(line => !line.Contains("promised", StringComparison.Ordinal)).Select(
                line => ulong.Parse(line[..line.IndexOf(" KiB", StringComparison.Ordinal)].Trim()))];
        Assert.Equal(kibibytes[^1], kibibytes[..^1].Aggregate((sum, one) => sum + one));
        Assert.Equal("", await world.Machine.RunInDom0Async(
            $"xenstore-read /local/domain/{guest.DomainId}/control/sysrq",
            World.Limit) is { Output: var value } ? value.Trim() : null);

        // The guest continues as before: one letter gives one section.
        await XlAsync(guest, "sysrq", "t");
        await guest.WaitForTextAsync("xenlet: end of the report", World.Limit, end);
        Assert.DoesNotContain("report: memory", guest.Console.Text[end..], StringComparison.Ordinal);
        await XlAsync(guest, "shutdown");
        Assert.Equal(new GuestEnd(GuestEndReason.PowerOff, 143), (await EndedGuest.OfAsync(guest, World.Limit)).End);
    }

    [Fact]
    public async Task Xl_trigger_nmi_shows_registers_threads_with_their_calls_and_memory_and_the_guest_goes_on()
    {
        await using XenGuest guest = await StartAsync("read");
        for (int reports = 1; reports <= 3; reports++)
        {
            await XlAsync(guest, "trigger", "nmi");
            await WaitForReportsAsync(guest, reports);
        }

        string[] log = [.. guest.HypervisorLog];
        int start = Array.FindIndex(log, line => line.StartsWith("xenlet: non-maskable interrupt in ", StringComparison.Ordinal));
        Assert.StartsWith("  rip 0x", log[start + 1], StringComparison.Ordinal);
        int parked = Array.FindIndex(log, start, line => line.Contains("(parked): waits for a futex", StringComparison.Ordinal));
        Assert.True(parked >= 0, string.Join('\n', log));
        Assert.True(
            log.Skip(parked + 1).TakeWhile(line => line.StartsWith("  at 0x", StringComparison.Ordinal)).Count() > 4,
            string.Join('\n', log));

        await XlAsync(guest, "shutdown");
        Assert.Equal(new GuestEnd(GuestEndReason.PowerOff, 143), (await EndedGuest.OfAsync(guest, World.Limit)).End);
    }

    [Theory]
    [InlineData("b", GuestEndReason.Reboot)]
    [InlineData("o", GuestEndReason.PowerOff)]
    [InlineData("c", GuestEndReason.Crash)]
    public async Task Three_letters_end_the_guest_at_once(string letter, GuestEndReason reason)
    {
        await using XenGuest guest = await StartAsync("read");
        await XlAsync(guest, "sysrq", letter);
        Assert.Equal(new GuestEnd(reason, null), (await EndedGuest.OfAsync(guest, World.Limit)).End);
    }

    [Fact]
    public async Task A_guest_says_what_it_understands_and_what_it_does_not()
    {
        await using XenGuest guest = await StartAsync("read");
        string home = $"/local/domain/{guest.DomainId}/control";
        string features = (await world.Machine.RunInDom0Async(
            $"xenstore-read {home}/feature-poweroff {home}/feature-reboot {home}/feature-suspend", World.Limit))
            .ThrowIfFailed("reading the features").Output;
        Assert.Equal(["1", "1", "1"], features.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        await world.Machine.RunInDom0Async($"xenstore-write {home}/shutdown dance", World.Limit);
        await guest.WaitForTextAsync("xenlet: control/shutdown: 'dance' is not understood", World.Limit);
        await world.Machine.RunInDom0Async($"xenstore-write {home}/shutdown crash", World.Limit);
        Assert.Equal(new GuestEnd(GuestEndReason.Crash, null), (await EndedGuest.OfAsync(guest, World.Limit)).End);
        Assert.DoesNotContain("cannot be written", guest.Console.Text, StringComparison.Ordinal);
    }

    /// <summary>Waits until so many reports have ended in Xen's log, each with the memory.</summary>
    private static async Task WaitForReportsAsync(XenGuest guest, int count)
    {
        using CancellationTokenSource limit = new(World.Limit);
        while (guest.HypervisorLog.Count(line => line.StartsWith("xenlet: memory in KiB: total ", StringComparison.Ordinal)) < count)
        {
            Assert.False(
                limit.IsCancellationRequested,
                $"Xen's log has not {count} reports of {guest.Name}:\n{string.Join('\n', guest.HypervisorLog)}");
            await Task.Delay(50, CancellationToken.None);
        }
    }

    private async Task<XenGuest> StartAsync(string arguments, int disks = 0)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.DeviceMemory,
            CommandLine = "control " + arguments,
            Disks = await world.CreateDisksAsync(disks),
        });
        await guest.WaitForTextAsync("following", World.Limit);
        return guest;
    }

    /// <summary>Has Main of the program whose pool is blocked write and read its disk.</summary>
    private static async Task UsesDiskAsync(XenGuest guest, string round)
    {
        await guest.WriteConsoleAsync(System.Text.Encoding.ASCII.GetBytes(round + "\n"));
        int from = await guest.WaitForTextAsync($"{round}: ", World.Limit);
        int end = await guest.WaitForTextAsync("\n", World.Limit, from);
        Assert.Equal("ok", guest.Console.Text[from..end].Trim());
    }

    /// <summary>Starts a program of the case and gives how it ends upon a command of xl.</summary>
    private async Task<EndedGuest> EndByXlAsync(string arguments, string command)
    {
        await using XenGuest guest = await StartAsync(arguments);
        await XlAsync(guest, command);
        return await EndedGuest.OfAsync(guest, World.Limit);
    }

    private async Task XlAsync(XenGuest guest, string command, string argument = "") =>
        (await world.Machine.RunInDom0Async($"xl {command} {guest.DomainId} {argument}", World.Limit)).ThrowIfFailed($"xl {command}");
}
