using System.Globalization;
using System.Text;
using Xenlet.AssembledGuests;

namespace Xenlet.QemuXen.Tests;

[Collection(XenFixture.Collection)]
public sealed class XenMachineTests(XenFixture fixture) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private readonly List<string> _files = [];

    private XenMachine Xen => fixture.Machine;

    public void Dispose() => _files.ForEach(File.Delete);

    [Fact]
    public async Task A_command_in_dom0_gives_its_status_and_both_outputs()
    {
        CommandResult result = await Xen.RunInDom0Async("echo 'to \"out\"'; echo to err >&2; exit 3");

        Assert.Equal(new CommandResult(3, "to \"out\"\n", "to err\n"), result);
    }

    [Fact]
    public async Task Processes_of_dom0_have_equal_addresses_so_that_the_emulator_translates_their_code_once()
    {
        CommandResult first = await Xen.RunInDom0Async("cat /proc/self/maps");
        CommandResult second = await Xen.RunInDom0Async("cat /proc/self/maps");

        Assert.Equal(first.Output, second.Output);
    }

    [Fact]
    public async Task Dom0_is_interrupted_though_nobody_asks_for_anything()
    {
        CommandResult result = await Xen.RunInDom0Async("""
            count() { awk '/virtio/ { n += $2 } END { print n }' /proc/interrupts; }
            for i in $(seq 24); do
                before=$(count)
                sleep 5
                came=$(($(count) - before))
                [ $came -ge 2 ] && break
            done
            echo $came
            """, TimeSpan.FromMinutes(10));

        // A host that stands still sends none, and dom0's clock goes on: then the next five seconds count.
        Assert.True(
            int.Parse(result.Output, CultureInfo.InvariantCulture) >= 2,
            $"{result.Output.Trim()} interrupts in 5 s of dom0's time; one each second of the host's was expected");
    }

    [Fact]
    public async Task A_command_that_does_not_end_is_killed_and_named()
    {
        QemuXenException error = await Assert.ThrowsAsync<QemuXenException>(
            () => Xen.RunInDom0Async("echo begun; sleep 1234", TimeSpan.FromSeconds(2)));

        Assert.Contains("2 s: echo begun; sleep 1234", error.Message, StringComparison.Ordinal);
        CommandResult gone = await Xen.RunInDom0Async("while ps | grep -q '[s]leep 1234'; do usleep 50000; done", Limit);
        Assert.Equal(0, gone.ExitCode);
    }

    [Fact]
    public async Task A_command_that_is_cancelled_at_once_is_killed_too()
    {
        using CancellationTokenSource cancellation = new();
        Task<CommandResult>[] runs = [.. Enumerable.Range(0, 5).Select(_ => Xen.RunInDom0Async("sleep 4321", Limit, cancellation.Token))];
        await cancellation.CancelAsync();
        foreach (Task<CommandResult> run in runs)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        }

        CommandResult gone = await Xen.RunInDom0Async("while ps | grep -q '[s]leep 4321'; do usleep 50000; done", Limit);
        Assert.Equal(0, gone.ExitCode);
    }

    [Theory]
    [InlineData(0, GuestEndReason.PowerOff)]
    [InlineData(1, GuestEndReason.Reboot)]
    [InlineData(3, GuestEndReason.Crash)]
    [InlineData(4, GuestEndReason.Watchdog)]
    public async Task The_reason_of_a_guests_end_its_exit_status_and_its_console_are_reported(int code, GuestEndReason reason)
    {
        string kernel = Build(guest =>
        {
            guest.Log("hello from the log\n");
            guest.OpenConsole();
            guest.Write("hello from the console\r\n");
            guest.Write($"xenlet: exit {code + 40}\n");
            guest.Shutdown(code);
        });

        await using XenGuest guest = await Xen.CreateGuestAsync(new() { Name = $"end{code}", Kernel = kernel, MemoryMiB = 4 });
        GuestEnd end = await guest.WaitForEndAsync(Limit);

        Assert.Equal(new GuestEnd(reason, code + 40), end);
        Assert.Equal($"hello from the console\r\nxenlet: exit {code + 40}\n", guest.Console.Text);
        Assert.Equal(["hello from the log"], guest.HypervisorLog);
    }

    [Fact]
    public async Task A_triple_fault_looks_like_a_restart()
    {
        string kernel = Build(guest => guest.TripleFault());

        await using XenGuest guest = await Xen.CreateGuestAsync(new() { Name = "triple", Kernel = kernel, MemoryMiB = 4 });

        Assert.Equal(new GuestEnd(GuestEndReason.Reboot, null), await guest.WaitForEndAsync(Limit));
    }

    [Fact]
    public async Task Every_byte_of_a_long_output_arrives()
    {
        string line = string.Concat(Enumerable.Range(0, 50).Select(i => $"{i:00}.")) + "\n";
        string kernel = Build(guest =>
        {
            guest.OpenConsole();
            for (int i = 0; i < 200; i++)
            {
                guest.Write(i.ToString("000 ", null) + line);
            }

            guest.Shutdown(0);
        });

        await using XenGuest guest = await Xen.CreateGuestAsync(new() { Name = "long", Kernel = kernel, MemoryMiB = 4 });
        await guest.WaitForEndAsync(Limit);

        Assert.Equal(string.Concat(Enumerable.Range(0, 200).Select(i => i.ToString("000 ", null) + line)), guest.Console.Text);
    }

    [Fact]
    public async Task Input_reaches_the_guest_as_raw_bytes()
    {
        byte[] input = [.. Enumerable.Range(0, 255).Select(i => (byte)i)];
        string kernel = Build(guest =>
        {
            guest.OpenConsole();
            guest.Write("ready\n");
            guest.EchoNextOf(input.Length);
            guest.DrainConsole();
            guest.Shutdown(0);
        });

        await using XenGuest guest = await Xen.CreateGuestAsync(new() { Name = "input", Kernel = kernel, MemoryMiB = 4 });
        await guest.WaitForTextAsync("ready\n", Limit);
        await guest.WriteConsoleAsync(input.AsMemory(0, 10));
        await guest.WriteConsoleAsync(input.AsMemory(10));
        await guest.WaitForEndAsync(Limit);

        Assert.Equal([.. "ready\n"u8, .. input.Select(b => (byte)(b + 1))], guest.Console.ToArray());
    }

    [Theory]
    [InlineData("plain words")]
    [InlineData("""a "double" and 'single' \backslash\ $HOME `x` #no; [list], (1)""")]
    [InlineData("Grüße %d\\n")]
    public async Task The_command_line_reaches_the_guest_unchanged(string commandLine)
    {
        string kernel = Build(guest =>
        {
            guest.OpenConsole();
            guest.WriteCommandLine();
            guest.Shutdown(0);
        });

        await using XenGuest guest = await Xen.CreateGuestAsync(
            new() { Name = "cmdline", Kernel = kernel, MemoryMiB = 4, CommandLine = commandLine });
        await guest.WaitForEndAsync(Limit);

        Assert.Equal(commandLine, guest.Console.Text);
    }

    [Fact]
    public async Task Guests_run_side_by_side_each_with_its_own_console()
    {
        async Task<string> RunAsync(int number)
        {
            string kernel = Build(guest =>
            {
                guest.OpenConsole();
                guest.Write($"I am {number}, say something\n");
                guest.EchoNextOf(1);
                guest.Shutdown(0);
            });
            await using XenGuest guest = await Xen.CreateGuestAsync(new() { Name = $"side{number}", Kernel = kernel, MemoryMiB = 4 });
            await guest.WaitForTextAsync("something\n", Limit);
            await guest.WriteConsoleAsync(Encoding.ASCII.GetBytes($"{number}"));
            await guest.WaitForEndAsync(Limit);
            return guest.Console.Text;
        }

        string[] texts = await Task.WhenAll(Enumerable.Range(1, 4).Select(RunAsync));

        Assert.Equal(Enumerable.Range(1, 4).Select(n => $"I am {n}, say something\n{n + 1}"), texts);
    }

    [Fact]
    public async Task A_paused_guest_does_nothing_until_it_is_unpaused()
    {
        string kernel = Build(guest =>
        {
            guest.Log("running\n");
            guest.Shutdown(0);
        });

        await using XenGuest guest = await Xen.CreateGuestAsync(new() { Name = "paused", Kernel = kernel, MemoryMiB = 4, Paused = true });
        await Xen.RunInDom0Async("sleep 1");
        Assert.Empty(guest.HypervisorLog);
        await guest.UnpauseAsync();
        await guest.WaitForEndAsync(Limit);

        Assert.Equal(["running"], guest.HypervisorLog);
    }

    [Fact]
    public async Task A_guest_that_hangs_is_named_when_the_limit_passes_and_can_be_destroyed()
    {
        string kernel = Build(guest =>
        {
            guest.OpenConsole();
            guest.Write("before the hang\n");
            guest.Hang();
        });

        await using XenGuest guest = await Xen.CreateGuestAsync(new() { Name = "hang", Kernel = kernel, MemoryMiB = 4 });
        await guest.WaitForTextAsync("before the hang", Limit);
        QemuXenException error = await Assert.ThrowsAsync<QemuXenException>(() => guest.WaitForEndAsync(TimeSpan.FromSeconds(1)));
        Assert.Contains("Waited 1 s for the end of hang.", error.Message, StringComparison.Ordinal);
        Assert.Contains("before the hang", error.Message, StringComparison.Ordinal);

        await guest.DestroyAsync();

        Assert.Equal(new GuestEnd(GuestEndReason.Destroyed, null), await guest.WaitForEndAsync(Limit));
        QemuXenException ended = await Assert.ThrowsAsync<QemuXenException>(() => guest.WaitForTextAsync("never", Limit));
        Assert.Contains("hang ended without writing \"never\"", ended.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_linux_guest_is_saved_and_restored_and_goes_on()
    {
        string directory = Directory.CreateTempSubdirectory("linux-guest-").FullName;
        try
        {
            // All of its memory is saved, to dom0's.
            GuestConfig config = LinuxGuest.Create(Xen.Image, "linux", directory, "echo 'before'; read line; echo \"got $line\"");
            await using XenGuest guest = await Xen.CreateGuestAsync(config with { MemoryMiB = 96 });
            int position = await guest.WaitForTextAsync(LinuxGuest.FirstLine, Limit);
            await guest.WaitForTextAsync("before", Limit, position);
            await guest.SaveAsync(XenMachine.SavePath("linux"), Limit);
            Assert.Equal(GuestEndReason.Suspend, (await guest.WaitForEndAsync(Limit)).Reason);

            await using XenGuest restored = await Xen.RestoreGuestAsync("linux", XenMachine.SavePath("linux"));
            await restored.WriteConsoleAsync("input\n"u8.ToArray());
            await restored.WaitForTextAsync("got input", Limit);
            Assert.Equal(GuestEndReason.PowerOff, (await restored.WaitForEndAsync(Limit)).Reason);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task The_runner_boots_xen_shows_the_console_and_gives_the_guests_status()
    {
        string kernel = Build(guest =>
        {
            guest.OpenConsole();
            guest.Write("shown\nxenlet: exit 9\n");
            guest.Shutdown(0);
        });
        MemoryStream output = new();
        GuestRunnerOptions options = new GuestRunnerOptions
        {
            Guest = new() { Name = "run", Kernel = kernel, MemoryMiB = 4 },
            Dom0Directory = XenFixture.Dom0Directory,
        };

        Assert.Equal(9, await GuestRunner.RunAsync(options, Stream.Null, output, TextWriter.Null));
        Assert.Equal("shown\nxenlet: exit 9\n", Encoding.UTF8.GetString(output.ToArray()));
    }

    [Fact]
    public async Task The_xenstore_of_a_guest_can_be_read()
    {
        string kernel = Build(guest => guest.Hang());

        await using XenGuest guest = await Xen.CreateGuestAsync(new() { Name = "store", Kernel = kernel, MemoryMiB = 4 });

        Assert.Contains($"/local/domain/{guest.DomainId}/name = \"store\"", await guest.XenStoreDumpAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_that_xl_refuses_fails_with_its_words()
    {
        string kernel = Path.GetTempFileName();
        _files.Add(kernel);

        QemuXenException error = await Assert.ThrowsAsync<QemuXenException>(
            () => Xen.CreateGuestAsync(new() { Name = "bad", Kernel = kernel, MemoryMiB = 4 }));

        Assert.Contains("xl create bad failed", error.Message, StringComparison.Ordinal);
        Assert.Contains("libxl", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_left_of_guests_that_ended()
    {
        string kernel = Build(guest => guest.Shutdown(3));
        await using (XenGuest guest = await Xen.CreateGuestAsync(new() { Name = "gone", Kernel = kernel, MemoryMiB = 4 }))
        {
            await guest.WaitForEndAsync(Limit);
        }

        CommandResult list = await Xen.RunInDom0Async("xl list");
        Assert.DoesNotContain("gone", list.Output, StringComparison.Ordinal);
    }

    private string Build(Action<AssembledGuest> steps)
    {
        string path = AssembledGuest.Build(steps);
        _files.Add(path);
        return path;
    }
}
