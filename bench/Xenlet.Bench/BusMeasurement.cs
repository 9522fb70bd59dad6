using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>XenBus: the devices of a guest found at its start, beside Linux's, and disks plugged while it runs.</summary>
internal sealed partial class BusMeasurement(
    XenMachine machine, SerialMarks marks, string directory, BusResults results, CancellationToken cancellationToken)
{
    private const string LastLine = "BusBench has ended";
    private const int Plugs = 5;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private MeasuredProgram _guest = null!;
    private int _lastGuest;

    /// <summary>Measures everything, in rounds.</summary>
    /// <param name="rounds">How often.</param>
    /// <param name="tryAsync">Runs one part under a name; a part that fails stops no other.</param>
    public async Task RunAsync(int rounds, Func<string, Func<Task>, Task> tryAsync)
    {
        _guest = await MeasuredProgram.PublishAsync("bench/BusBench", directory, null, cancellationToken);
        for (int round = 1; round <= rounds; round++)
        {
            foreach (int count in BusResults.Counts)
            {
                string which = string.Create(CultureInfo.InvariantCulture, $" finds {count} devices, round {round} of {rounds}");
                await tryAsync("a Xenlet" + which, () => FindAsync(count));
                await tryAsync("Linux" + which, () => FindOnLinuxAsync(count));
            }
        }

        await tryAsync("disks plugged into a Xenlet", PlugAsync);
    }

    private GuestConfig Xenlet(string arguments) =>
        new() { Name = NewName("bus"), Kernel = _guest.Image, MemoryMiB = LinuxGuest.MemoryMiB, CommandLine = arguments };

    private GuestConfig Linux(string commands, string kernelOptions)
    {
        GuestConfig config = LinuxGuest.Create(machine.Image, NewName("linux-bus"), directory, commands);
        return config with { CommandLine = $"{config.CommandLine} {kernelOptions}".Trim() };
    }

    private string NewName(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{++_lastGuest}");

    private async Task FindAsync(int count)
    {
        await using XenGuest guest = await machine.CreateGuestAsync(Xenlet("tree") with { Paused = true }, cancellationToken);
        await MakeDevicesAsync(guest, count);
        await guest.UnpauseAsync(cancellationToken);
        await guest.WaitForTextAsync(LastLine, Limit, 0, cancellationToken);
        WorkResults one = new();
        one.Read(guest.Console.Text);
        if (one["devices"].IsEmpty || one["devices"].Median != count)
        {
            throw new BenchException($"the guest found {one["devices"]} of {count} devices");
        }

        results.Trees[count].Read(guest.Console.Text);
    }

    /// <summary>
    /// The kernel says how long each of its initial calls took; one of them finds the devices, whose type no driver serves.
    /// </summary>
    private async Task FindOnLinuxAsync(int count)
    {
        const string end = "linux: that was all";
        GuestConfig config = Linux(
            $"ls /sys/bus/xen/devices | wc -l; dmesg | grep xenbus_probe; echo '{end}'", "initcall_debug log_buf_len=4M");
        await using XenGuest guest = await machine.CreateGuestAsync(config with { Paused = true }, cancellationToken);
        await MakeDevicesAsync(guest, count);
        await guest.UnpauseAsync(cancellationToken);
        await guest.WaitForTextAsync(end, Limit, 0, cancellationToken);
        Match took = InitialCall().Match(guest.Console.Text);
        if (!took.Success)
        {
            throw new BenchException($"the kernel does not say how long xenbus_probe took: {guest.Console.Tail(5)}");
        }

        results.Linux[count].Add(long.Parse(took.Groups["time"].ValueSpan, CultureInfo.InvariantCulture) / 1e3);
    }

    /// <summary>Makes devices by hand, as xl makes them, of a type that no driver serves. They are dom0's and count for no quota.</summary>
    private async Task MakeDevicesAsync(XenGuest guest, int count)
    {
        string script = string.Create(CultureInfo.InvariantCulture, $$"""
            home=/local/domain/{{guest.DomainId}}
            others=/local/domain/0/data/many/{{guest.DomainId}}
            xenstore-write $others ""
            xenstore-chmod $others n0 r{{guest.DomainId}}
            i=0
            while [ $i -lt {{count}} ]; do
                echo $others/$i/state 2
                echo $home/device/many/$i/backend-id 0 $home/device/many/$i/backend $others/$i $home/device/many/$i/state 1
                i=$((i + 1))
            done | xargs -n 400 xenstore-write
            """);
        (await machine.RunInDom0Async(script, Limit, cancellationToken)).ThrowIfFailed("making devices");
    }

    private async Task PlugAsync()
    {
        await using XenGuest guest = await machine.CreateGuestAsync(Xenlet("follow"), cancellationToken);
        int position = await guest.WaitForTextAsync("following", Limit, 0, cancellationToken);
        for (int i = 0; i < Plugs; i++)
        {
            string disk = GuestConfig.RawDisk(await machine.CreateDiskAsync(4, cancellationToken), "xvdb");
            marks.Clear();
            Task<CommandResult> plug = machine.RunInDom0Async(
                $"echo bench-plugs >/dev/console\nxl block-attach {guest.DomainId} '{disk}'", Limit, cancellationToken);
            position = await guest.WaitForTextAsync("connected vbd/51728", Limit, position, cancellationToken);
            long came = Stopwatch.GetTimestamp();
            (await plug).ThrowIfFailed("xl block-attach");
            results.Plug.Add(Stopwatch.GetElapsedTime(await marks.TimeOfAsync("bench-plugs", cancellationToken), came).TotalMilliseconds);
            await guest.DetachDiskAsync("xvdb", cancellationToken: cancellationToken);
        }

        results.Plugs.Read(guest.Console.Text);
    }

    [GeneratedRegex(@"initcall xenbus_probe_initcall\S* returned 0 after (?<time>\d+) usecs")]
    private static partial Regex InitialCall();
}
