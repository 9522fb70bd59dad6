using System.Globalization;
using System.Text;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>A guest that runs DiskBench, with what dom0 and Xen count for it. No other guest may run beside it.</summary>
internal sealed class DiskGuest(XenMachine machine, XenGuest guest, string domainTime, CancellationToken cancellation)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Until dom0 has done with the last command.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(300);

    private int _line;
    private int _position;

    /// <summary>Waits until the program has its disk.</summary>
    public async Task WaitAsync() => _position = await guest.WaitForTextAsync("DiskBench has a disk of", Limit, _position, cancellation);

    /// <summary>Has the program do what a line says, and waits until it has.</summary>
    public async Task TellAsync(string line)
    {
        await guest.WriteConsoleAsync(Encoding.ASCII.GetBytes(line + "\n"), cancellation);
        _position = await guest.WaitForTextAsync(string.Create(CultureInfo.InvariantCulture, $"done {++_line}"), Limit, _position, cancellation);
    }

    /// <summary>Measures one piece of work.</summary>
    public async Task MeasureAsync(DiskWork work, WorkResults into)
    {
        (double time, double notifications) = await ReadAsync();
        await Task.Delay(Quiet, cancellation);
        await TellAsync(work.Command(work.Name, work.Count));
        (double timeAfter, double notificationsAfter) = await ReadAsync();
        into.Add($"{work.Name}.processor", (timeAfter - time) / work.Count);
        into.Add($"{work.Name}.back-end", (notificationsAfter - notifications) / work.Count);
    }

    /// <summary>Counts what a piece of work has to do with Xen, in a run of its own, since the recording disturbs it.</summary>
    public async Task TraceAsync(DiskWork work, TraceCounts nothing, WorkResults into)
    {
        int count = Math.Max(work.Count / 4, 48);
        TraceCounts counts = await TraceAsync(work.Command("traced", count));
        into.Add($"{work.Name}.exits", (double)(counts.Exits - nothing.Exits) / count);
        into.Add($"{work.Name}.traced-hypercalls", (double)(counts.Hypercalls - nothing.Hypercalls) / count);
    }

    /// <summary>Counts what hearing a line and answering it costs.</summary>
    public Task<TraceCounts> TraceNothingAsync() => TraceAsync("memory nothing");

    private async Task<TraceCounts> TraceAsync(string line)
    {
        string start = string.Create(CultureInfo.InvariantCulture, $"""
            rm -f /tmp/trace
            xentrace -D -e 0x{TraceCounts.EventMask:x} /tmp/trace >/dev/null 2>&1 &
            echo $! >/tmp/trace.pid
            until [ -e /tmp/trace ]; do usleep 20000; done
            """);
        (await machine.RunInDom0Async(start, Limit, cancellation)).ThrowIfFailed("xentrace");
        await Task.Delay(Quiet, cancellation);
        await TellAsync(line);
        const string stop = """
            pid=$(cat /tmp/trace.pid)
            kill -INT $pid
            while [ -d /proc/$pid ]; do usleep 20000; done
            mv /tmp/trace /host/trace
            """;
        (await machine.RunInDom0Async(stop, Limit, cancellation)).ThrowIfFailed("ending xentrace");
        return TraceCounts.Read(await File.ReadAllBytesAsync(Path.Combine(machine.SharedDirectory, "trace"), cancellation));
    }

    /// <summary>Nanoseconds that the guest's processor has run, and notifications that its disk's back end has had.</summary>
    private async Task<(double Time, double Notifications)> ReadAsync()
    {
        string command = string.Create(
            CultureInfo.InvariantCulture, $"LD_LIBRARY_PATH=/tmp/lib {domainTime} {guest.DomainId} && awk '/blkif-backend/ {{ print $2 }}' /proc/interrupts");
        CommandResult result = (await machine.RunInDom0Async(command, Limit, cancellation)).ThrowIfFailed(command);
        return result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries) is [var time, var notifications]
            ? (double.Parse(time, CultureInfo.InvariantCulture), double.Parse(notifications, CultureInfo.InvariantCulture))
            : throw new BenchException($"dom0 has not one disk's back end: {result.Output}");
    }
}
