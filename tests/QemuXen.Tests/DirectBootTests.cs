using System.Diagnostics;
using System.Text;
using Xenlet.AssembledGuests;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen.Tests;

public sealed class DirectBootTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private readonly List<string> _files = [];

    public void Dispose() => _files.ForEach(File.Delete);

    [Fact]
    public async Task A_guest_without_xen_has_a_console_a_log_and_an_exit_status()
    {
        string kernel = Build(guest =>
        {
            guest.Log("to the log\n");
            guest.WriteSerial("to the console\nxenlet: exit 5\n");
            guest.PowerOffWithoutXen();
        });

        await using DirectBoot guest = await DirectBoot.StartAsync(new() { Kernel = kernel });

        Assert.Equal(new GuestEnd(GuestEndReason.PowerOff, 5), await guest.WaitForEndAsync(Limit));
        Assert.Equal("to the console\nxenlet: exit 5\n", guest.Console.Text);
        Assert.Equal(["to the log"], guest.HypervisorLog);
    }

    [Fact]
    public async Task A_reset_without_xen_is_a_crash()
    {
        string kernel = Build(guest => guest.TripleFault());

        await using DirectBoot guest = await DirectBoot.StartAsync(new() { Kernel = kernel });

        Assert.Equal(new GuestEnd(GuestEndReason.Crash, null), await guest.WaitForEndAsync(Limit));
    }

    [Fact]
    public async Task A_guest_without_xen_that_hangs_is_named_and_can_be_destroyed()
    {
        string kernel = Build(guest =>
        {
            guest.WriteSerial("then nothing\n");
            guest.HangWithoutXen();
        });

        await using DirectBoot guest = await DirectBoot.StartAsync(new() { Kernel = kernel, Name = "stuck" });
        await guest.WaitForTextAsync("nothing\n", Limit);
        QemuXenException error = await Assert.ThrowsAsync<QemuXenException>(() => guest.WaitForEndAsync(TimeSpan.FromMilliseconds(200)));
        Assert.Contains("the end of stuck", error.Message, StringComparison.Ordinal);
        Assert.Contains("then nothing", error.Message, StringComparison.Ordinal);

        await guest.DestroyAsync();

        Assert.Equal(new GuestEnd(GuestEndReason.Destroyed, null), await guest.WaitForEndAsync(Limit));
    }

    [Fact]
    public async Task An_argument_that_qemu_refuses_is_reported_in_its_words()
    {
        string kernel = Build(guest => guest.HangWithoutXen());

        QemuXenException error = await Assert.ThrowsAsync<QemuXenException>(
            () => DirectBoot.StartAsync(new() { Kernel = kernel, ExtraArguments = ["-no-such-option"] }));

        Assert.Contains("no-such-option", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_runner_shows_the_console_and_gives_the_guests_status()
    {
        string kernel = Build(guest =>
        {
            guest.WriteSerial("shown\nxenlet: exit 3\n");
            guest.PowerOffWithoutXen();
        });
        MemoryStream output = new();
        GuestRunnerOptions options = new() { Guest = new() { Name = "shown", Kernel = kernel }, NoXen = true };

        int status = await GuestRunner.RunAsync(options, Stream.Null, output, TextWriter.Null);

        Assert.Equal(3, status);
        Assert.Equal("shown\nxenlet: exit 3\n", Encoding.UTF8.GetString(output.ToArray()));
    }

    [Fact]
    public async Task The_runner_ends_a_guest_that_takes_too_long()
    {
        string kernel = Build(guest => guest.HangWithoutXen());
        StringWriter error = new();
        GuestRunnerOptions options = new GuestRunnerOptions
        {
            Guest = new() { Name = "slow", Kernel = kernel },
            NoXen = true,
            Limit = TimeSpan.FromSeconds(0.5),
        };

        Assert.Equal(GuestRunner.TimedOut, await GuestRunner.RunAsync(options, Stream.Null, Stream.Null, error));
        Assert.Contains("slow did not end within 0.5 s", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_runner_reports_an_image_that_is_not_there()
    {
        StringWriter error = new();
        GuestRunnerOptions options = new() { Guest = new() { Name = "none", Kernel = "/no/such/image.elf" }, NoXen = true };

        Assert.Equal(GuestRunner.CouldNotStart, await GuestRunner.RunAsync(options, Stream.Null, Stream.Null, error));
        Assert.Contains("/no/such/image.elf", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Qemu_does_not_outlive_a_process_that_is_killed()
    {
        string kernel = Build(guest =>
        {
            guest.WriteSerial("up\n");
            guest.HangWithoutXen();
        });
        string name = $"orphan{Guid.NewGuid():N}";
        string program = Path.Combine(AppContext.BaseDirectory, "Xenlet.QemuXen.dll");
        using Process owner = Process.Start(
            new ProcessStartInfo("dotnet", [program, "run", "--no-xen", "--name", name, "--kernel", kernel])
            {
                RedirectStandardOutput = true,
            })!;
        try
        {
            Assert.Equal("up", await owner.StandardOutput.ReadLineAsync().WaitAsync(Limit));
            Assert.Single(QemusOf(kernel));
        }
        finally
        {
            owner.Kill();
        }

        await owner.WaitForExitAsync().WaitAsync(Limit);

        Stopwatch waited = Stopwatch.StartNew();
        while (QemusOf(kernel).Count > 0 && waited.Elapsed < Limit)
        {
            await Task.Delay(50);
        }

        Assert.Empty(QemusOf(kernel));
    }

    private static List<string> QemusOf(string kernel) =>
    [
        .. Directory.EnumerateDirectories("/proc").Where(directory => int.TryParse(Path.GetFileName(directory), out _)).Where(directory =>
        {
            try
            {
                string commandLine = File.ReadAllText(Path.Combine(directory, "cmdline"));
                return commandLine.StartsWith(QemuEmulator.Program, StringComparison.Ordinal) && commandLine.Contains(
                    kernel, StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return false;
            }
        }),
    ];

    private string Build(Action<AssembledGuest> steps)
    {
        string path = AssembledGuest.Build(steps);
        _files.Add(path);
        return path;
    }
}
