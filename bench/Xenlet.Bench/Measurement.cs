using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>One run of everything that is measured.</summary>
internal sealed class Measurement
{
    private const int Rounds = 3;
    private const int HelloStartsPerRound = 2;

    /// <summary>The same for GuestBench in both kinds of guest: the runtime sizes its heap by it.</summary>
    private const int WorkMemory = LinuxGuest.MemoryMiB;

    private static readonly TimeSpan WorkLimit = TimeSpan.FromSeconds(240);

    private readonly Action<string> _say;
    private readonly CancellationToken _cancellation;
    private readonly List<string> _failures = [];
    private readonly Results _results = new();

    private Measurement(Action<string> say, CancellationToken cancellation)
    {
        _say = say;
        _cancellation = cancellation;
    }

    /// <summary>Measures everything, writes the report and names what failed.</summary>
    /// <returns>Whether nothing failed.</returns>
    /// <exception cref="BenchException">There is nothing to report: a program does not build.</exception>
    public static async Task<bool> RunAsync(TextWriter report, Action<string> say, CancellationToken cancellation)
    {
        using WorkDirectory directory = WorkDirectory.Create(null);
        Measurement measurement = new(say, cancellation);
        await measurement.MeasureAsync(directory.Path);
        report.Write(Report.Write(measurement._results));
        measurement._failures.ForEach(failure => say($"FAILED: {failure}"));
        return measurement._failures.Count == 0;
    }

    private async Task MeasureAsync(string directory)
    {
        _say("building the programs");
        MeasuredProgram oneLine = await MeasuredProgram.PublishAsync("bench/OneLine", directory, _cancellation);
        MeasuredProgram hello = await MeasuredProgram.PublishAsync("samples/Hello", directory, _cancellation);
        MeasuredProgram guestBench = await MeasuredProgram.PublishAsync("bench/GuestBench", directory, _cancellation);
        MeasuredProgram linuxBench = await MeasuredProgram.PublishAsync("bench/LinuxBench", directory, _cancellation);
        _results.OneLine.Size = oneLine.Size;
        _results.Hello.Size = hello.Size;

        await using XenMachine machine = await StartXenAsync();
        using SerialMarks marks = new(machine.Log);
        _results.Heading = await Heading.OfAsync(machine, _cancellation);
        GuestStarter starter = new(machine, marks, directory);
        GuestConfig helloGuest = new() { Name = hello.Name, Kernel = hello.Image };
        GuestConfig benchGuest = new() { Name = guestBench.Name, Kernel = guestBench.Image, MemoryMiB = WorkMemory };
        GuestConfig linuxGuest = LinuxGuests.Minimal(machine.Image, directory);
        GuestConfig linuxBenchGuest = LinuxGuests.Running(machine.Image, linuxBench, directory);

        await TryAsync("first start of Hello, not counted", () => StartAsync(starter, helloGuest, "Hello from", new StartTimes()));
        for (int round = 1; round <= Rounds; round++)
        {
            string which = $", round {round} of {Rounds}";
            for (int i = 0; i < HelloStartsPerRound; i++)
            {
                await TryAsync("start of Hello" + which, () => StartAsync(starter, helloGuest, "Hello from", _results.HelloStart));
            }

            await TryAsync("start of Linux" + which, () => StartAsync(starter, linuxGuest, LinuxGuest.FirstLine, _results.LinuxStart));
            await TryAsync(
                "work in a Xenlet" + which,
                () => WorkAsync(starter, benchGuest, WorkResults.FirstLine, _results.XenletWorkStart, _results.XenletWork));
            await TryAsync(
                "work on Linux" + which,
                () => WorkAsync(starter, linuxBenchGuest, LinuxGuest.FirstLine, new StartTimes(), _results.LinuxWork));
        }

        await TryAsync("xenstore", () => new StoreMeasurement(machine, directory, _results.Store, _cancellation).RunAsync(Rounds, TryAsync));
        await TryAsync("XenBus", () => new BusMeasurement(machine, marks, directory, _results.Bus, _cancellation).RunAsync(Rounds, TryAsync));
        await TryAsync("least memory of one line", async () => _results.OneLine.LeastMemory = await LeastMemory.FindAsync(machine, oneLine, _cancellation));
        await TryAsync("least memory of Hello", async () => _results.Hello.LeastMemory = await LeastMemory.FindAsync(machine, hello, _cancellation));
    }

    private async Task<XenMachine> StartXenAsync()
    {
        try
        {
            return await XenMachine.StartAsync(
                new XenMachineOptions { Dom0Directory = Path.Combine(MeasuredProgram.RepositoryRoot, "artifacts", "dom0"), Progress = new Reporter(_say) },
                _cancellation);
        }
        catch (QemuXenException failure)
        {
            throw new BenchException($"Xen does not start: {failure.Message}");
        }
    }

    /// <summary>Starts a guest and ends it when it has written its first line.</summary>
    private async Task StartAsync(GuestStarter starter, GuestConfig config, string firstLine, StartTimes times)
    {
        await using XenGuest guest = await starter.StartAsync(config, firstLine, times, _cancellation);
    }

    private async Task WorkAsync(GuestStarter starter, GuestConfig config, string firstLine, StartTimes times, WorkResults work)
    {
        await using XenGuest guest = await starter.StartAsync(config, firstLine, times, _cancellation);
        await guest.WaitForTextAsync(WorkResults.LastLine, WorkLimit, 0, _cancellation);
        work.Read(guest.Console.Text);
    }

    private async Task TryAsync(string what, Func<Task> measure)
    {
        _say(what);
        _results.Loads.Add(double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture));
        try
        {
            await measure();
        }
        catch (Exception failure) when (failure is QemuXenException or BenchException)
        {
            _failures.Add($"{what}: {failure.Message}");
        }
    }

    private sealed class Reporter(Action<string> say) : IProgress<string>
    {
        public void Report(string value) => say(value);
    }
}
