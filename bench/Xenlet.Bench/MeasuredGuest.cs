using System.Globalization;
using System.Text;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>A guest whose work is measured, with what dom0 and Xen count for it. No other guest may run beside it.</summary>
/// <param name="machine">Where it runs.</param>
/// <param name="guest">The guest.</param>
/// <param name="domainTime">Path in dom0 of the program that says how long a domain has run.</param>
/// <param name="backEnd">Beginning of the names under which /proc/interrupts in dom0 counts its device's notifications.</param>
/// <param name="cancellationToken">Ends the measurement.</param>
internal sealed class MeasuredGuest(
    XenMachine machine, XenGuest guest, string domainTime, string backEnd, CancellationToken cancellationToken)
{
    /// <summary>What .NET needs and dom0's tools do not.</summary>
    private const string MathLibrary = "/lib/x86_64-linux-gnu/libm.so.6";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    /// <summary>Until dom0 has done with the last command.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(300);

    private int _line;
    private int _position;

    /// <summary>Publishes the program that says how long a domain has run, and makes dom0 ready for it.</summary>
    /// <returns>Its path in dom0.</returns>
    public static async Task<string> ShareDomainTimeAsync(XenMachine machine, string directory, CancellationToken cancellationToken)
    {
        MeasuredProgram program = await MeasuredProgram.PublishAsync("bench/DomainTime", directory, null, cancellationToken);

        // In dom0's memory: from the shared directory its pages would come one by one while something is measured.
        string path = await machine.CopyProgramAsync(program.Image, cancellationToken);
        string prepare = $"mkdir -p /tmp/lib && ln -sf {machine.Share(MathLibrary)} /tmp/lib/libm.so.6";
        (await machine.RunInDom0Async(prepare, Limit, cancellationToken)).ThrowIfFailed("a library for dom0");
        return path;
    }

    /// <summary>Waits for the line that says that it is ready.</summary>
    public async Task WaitAsync(string line) => _position = await guest.WaitForTextAsync(line, Limit, _position, cancellationToken);

    /// <summary>Has its program do what a line says, and waits until it has.</summary>
    /// <param name="line">The line.</param>
    /// <param name="meanwhile">What else has to be done for it, once the line is on its way.</param>
    public async Task TellAsync(string line, Func<Task>? meanwhile = null)
    {
        await guest.WriteConsoleAsync(Encoding.ASCII.GetBytes(line + "\n"), cancellationToken);
        if (meanwhile is not null)
        {
            await meanwhile();
        }

        await WaitAsync(string.Create(CultureInfo.InvariantCulture, $"done {++_line}"));
    }

    /// <summary>Measures work.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="runAsync">Has it done, and says how many operations it was.</param>
    /// <param name="into">Receives the figures, for one operation.</param>
    public async Task MeasureAsync(string name, Func<Task<double>> runAsync, WorkResults into)
    {
        (double time, double notifications) = await ReadAsync();
        await Task.Delay(Quiet, cancellationToken);
        double count = await runAsync();
        (double timeAfter, double notificationsAfter) = await ReadAsync();
        into.Add($"{name}.processor", (timeAfter - time) / count);
        into.Add($"{name}.back-end", (notificationsAfter - notifications) / count);
    }

    /// <summary>Counts what work has to do with Xen, in a run of its own, since the recording disturbs it.</summary>
    /// <param name="name">What the work is called.</param>
    /// <param name="runAsync">Has it done, and says how many operations it was.</param>
    /// <param name="nothing">What is counted without any work.</param>
    /// <param name="into">Receives the figures, for one operation.</param>
    public async Task TraceAsync(string name, Func<Task<double>> runAsync, TraceCounts nothing, WorkResults into)
    {
        double count = 0;
        TraceCounts counts = await TraceAsync(async () => count = await runAsync());
        into.Add($"{name}.exits", (counts.Exits - nothing.Exits) / count);
        into.Add($"{name}.traced-hypercalls", (counts.Hypercalls - nothing.Hypercalls) / count);
    }

    /// <summary>Counts what hearing a line and answering it costs.</summary>
    public Task<TraceCounts> TraceNothingAsync() => TraceAsync(() => TellAsync("memory nothing"));

    private async Task<TraceCounts> TraceAsync(Func<Task> runAsync)
    {
        string start = string.Create(CultureInfo.InvariantCulture, $"""
            rm -f /tmp/trace
            xentrace -D -e 0x{TraceCounts.EventMask:x} /tmp/trace >/dev/null 2>&1 &
            echo $! >/tmp/trace.pid
            until [ -e /tmp/trace ]; do usleep 20000; done
            """);
        (await machine.RunInDom0Async(start, Limit, cancellationToken)).ThrowIfFailed("xentrace");
        await Task.Delay(Quiet, cancellationToken);
        await runAsync();
        const string stop = """
            pid=$(cat /tmp/trace.pid)
            kill -INT $pid
            while [ -d /proc/$pid ]; do usleep 20000; done
            mv /tmp/trace /host/trace
            """;
        (await machine.RunInDom0Async(stop, Limit, cancellationToken)).ThrowIfFailed("ending xentrace");
        return TraceCounts.Read(await File.ReadAllBytesAsync(Path.Combine(machine.SharedDirectory, "trace"), cancellationToken));
    }

    /// <summary>Nanoseconds that the guest's processor has run, and notifications that its device's back end has had.</summary>
    private async Task<(double Time, double Notifications)> ReadAsync()
    {
        string command = $$"""
            LD_LIBRARY_PATH=/tmp/lib {{domainTime}} {{guest.DomainId}} || exit
            awk '$NF ~ /^{{backEnd}}/ { found = 1; sum += $2 } END { if (found) print sum }' /proc/interrupts
            """;
        CommandResult result = (await machine.RunInDom0Async(command, Limit, cancellationToken)).ThrowIfFailed(command);
        return result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries) is [var time, var notifications]
            ? (double.Parse(time, CultureInfo.InvariantCulture), double.Parse(notifications, CultureInfo.InvariantCulture))
            : throw new BenchException($"dom0 has no interrupts of {backEnd}: {result.Output}");
    }
}
