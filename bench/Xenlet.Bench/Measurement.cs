using System.Globalization;
using Xenlet.AssembledGuests;
using Xenlet.QemuXen;
using Xenlet.QemuXen.Base;

namespace Xenlet.Bench;

/// <summary>One run of everything that is measured.</summary>
internal sealed class Measurement
{
    private const int HelloStartsPerRound = 2;
    private const int OneLineRunsPerRound = 2;

    /// <summary>The same for GuestBench in both kinds of guest: the runtime sizes its heap by it.</summary>
    private const int WorkMemory = LinuxGuest.MemoryMiB;

    /// <summary>dom0's memory holds a disk and a saved guest, and no more than half of it can be files.</summary>
    private const int Dom0Memory = 800;
    private const int MachineMemory = 1424;

    /// <summary>Parts whose machine's clock counts instructions.</summary>
    private static readonly Part[] InInstructionTime = [Part.Tcp, Part.Web, Part.BackEnds];

    /// <summary>For a boot that counts instructions, on a machine with much else to do.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan WorkLimit = TimeSpan.FromSeconds(240);

    private readonly BenchOptions _options;
    private readonly Action<string> _say;
    private readonly CancellationToken _cancellation;
    private readonly List<string> _failures = [];
    private readonly Results _results = new();

    private Measurement(BenchOptions options, Action<string> say, CancellationToken cancellationToken)
    {
        _options = options;
        _say = say;
        _cancellation = cancellationToken;
    }

    private int Rounds => _options.Rounds;

    private bool IsQuick => _options.IsQuick;

    /// <summary>Measures what is asked for, writes the report and names what failed.</summary>
    /// <param name="options">What.</param>
    /// <param name="report">Gets the tables.</param>
    /// <param name="say">Hears how far it is.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Whether nothing failed.</returns>
    /// <exception cref="BenchException">There is nothing to report: Xen does not start.</exception>
    /// <exception cref="QemuXenException">There is nothing to report: a program does not build.</exception>
    public static async Task<bool> RunAsync(
        BenchOptions options, TextWriter report, Action<string> say, CancellationToken cancellationToken)
    {
        using WorkDirectory directory = WorkDirectory.Create(null);
        Measurement measurement = new(options, say, cancellationToken);
        await measurement.MeasureAsync(directory.Path);
        string all = Report.Write(options.Parts, measurement._results);
        report.Write(options.Rows.Length == 0 ? all : SelectedRows.Of(all));
        measurement._failures.ForEach(failure => say($"FAILED: {failure}"));
        return measurement._failures.Count == 0;
    }

    private async Task MeasureAsync(string directory)
    {
        if (!_options.Parts.IsSubsetOf(InInstructionTime))
        {
            await MeasureInRealTimeAsync(directory);
        }

        if (_options.Parts.Overlaps(InInstructionTime))
        {
            await MeasureInInstructionTimeAsync(directory);
        }
    }

    /// <summary>What takes as long as its instructions are many.</summary>
    private async Task MeasureInInstructionTimeAsync(string directory)
    {
        await using XenMachine machine = await StartXenAsync(countsInstructions: true);
        _results.Heading = await Heading.OfAsync(machine, _cancellation);
        if (_options.Parts.Contains(Part.Tcp))
        {
            await TryAsync(
                "TCP",
                () => new TcpMeasurement(machine, directory, _options, _results.Tcp, _cancellation).RunAsync(Rounds, TryAsync));
        }

        if (_options.Parts.Contains(Part.Web))
        {
            await TryAsync(
                "the web service",
                () => new WebMeasurement(machine, directory, _options, _results.Web, _cancellation).RunAsync(Rounds, TryAsync));
        }

        if (_options.Parts.Contains(Part.BackEnds))
        {
            await TryAsync("back ends", () => MeasureBackEndsAsync(machine, directory));
        }
    }

    private async Task MeasureBackEndsAsync(XenMachine machine, string directory)
    {
        BackEndGuests guests = await BackEndGuests.PublishAsync(machine, directory, _cancellation);
        await new DiskBackEndMeasurement(machine, guests, directory, IsQuick, _results.BackEnds, _cancellation)
            .RunAsync(Rounds, TryNamedAsync);
        await new NetworkBackEndMeasurement(machine, guests, directory, IsQuick, _results.BackEnds, _cancellation)
            .RunAsync(Rounds, TryNamedAsync);
        await new UplinkMeasurement(machine, guests, directory, IsQuick, _results.BackEnds, _cancellation)
            .RunAsync(Rounds, TryNamedAsync);

        Task TryNamedAsync(string what, Func<Task> measureAsync) =>
            what.Contains(_options.Rows, StringComparison.Ordinal) ? TryAsync(what, measureAsync) : Task.CompletedTask;
    }

    /// <summary>What takes as long as the emulator takes for it.</summary>
    private async Task MeasureInRealTimeAsync(string directory)
    {
        await using XenMachine machine = await StartXenAsync(countsInstructions: false);
        using SerialMarks marks = new(machine.Log);
        _results.Heading = await Heading.OfAsync(machine, _cancellation);
        GuestStarter starter = new(machine, marks, directory);
        if (_options.Parts.Contains(Part.Start) || _options.Parts.Contains(Part.Size) || _options.Parts.Contains(Part.Work))
        {
            await MeasureProgramsAsync(machine, starter, directory);
        }

        if (_options.Parts.Contains(Part.Store))
        {
            await TryAsync(
                "xenstore", () => new StoreMeasurement(machine, directory, _results.Store, _cancellation).RunAsync(Rounds, TryAsync));
        }

        if (_options.Parts.Contains(Part.Bus))
        {
            await TryAsync(
                "XenBus", () => new BusMeasurement(machine, marks, directory, _results.Bus, _cancellation).RunAsync(Rounds, TryAsync));
        }

        if (_options.Parts.Contains(Part.Disks))
        {
            await TryAsync(
                "disks", () => new DiskMeasurement(machine, marks, directory, _results.Disks, _cancellation).RunAsync(Rounds, TryAsync));
        }

        if (_options.Parts.Contains(Part.Network))
        {
            await TryAsync(
                "network", () => new NetworkMeasurement(machine, directory, _results.Network, _cancellation).RunAsync(Rounds, TryAsync));
        }
    }

    /// <summary>Starts and work, round by round, and sizes behind them.</summary>
    private async Task MeasureProgramsAsync(XenMachine machine, GuestStarter starter, string directory)
    {
        _say("building the programs");
        MeasuredProgram hello = await MeasuredProgram.PublishAsync("samples/Hello", directory, null, _cancellation);
        List<Func<string, Task>> round = [];
        if (_options.Parts.Contains(Part.Start))
        {
            GuestConfig helloGuest = new() { Name = hello.Name, Kernel = hello.Image };
            GuestConfig linuxGuest = LinuxGuests.Minimal(machine.Image, directory);
            await TryAsync("first start of Hello, not counted", () => StartAsync(starter, helloGuest, "Hello from", new StartTimes()));
            round.AddRange(Enumerable.Repeat<Func<string, Task>>(
                which => TryAsync(
                    "start of Hello" + which,
                    () => StartAsync(starter, helloGuest, "Hello from", _results.HelloStart)), HelloStartsPerRound));
            round.Add(which => TryAsync(
                "start of Linux" + which, () => StartAsync(starter, linuxGuest, LinuxGuest.FirstLine, _results.LinuxStart)));
            await AddOneLineAsync(round, starter, directory);
        }

        if (_options.Parts.Contains(Part.Work))
        {
            MeasuredProgram guestBench = await MeasuredProgram.PublishAsync("bench/GuestBench", directory, null, _cancellation);
            MeasuredProgram linuxBench = await MeasuredProgram.PublishAsync("bench/LinuxBench", directory, null, _cancellation);
            GuestConfig benchGuest = new() { Name = guestBench.Name, Kernel = guestBench.Image, MemoryMiB = WorkMemory };
            GuestConfig linuxBenchGuest = LinuxGuests.Running(machine.Image, linuxBench, directory);
            round.Add(which => TryAsync(
                "work in a Xenlet"
                    + which, () => WorkAsync(starter, benchGuest, WorkResults.FirstLine, _results.XenletWorkStart, _results.XenletWork)));
            round.Add(which => TryAsync(
                "work on Linux"
                    + which, () => WorkAsync(starter, linuxBenchGuest, LinuxGuest.FirstLine, new StartTimes(), _results.LinuxWork)));
        }

        for (int i = 1; i <= Rounds; i++)
        {
            foreach (Func<string, Task> measure in round)
            {
                await measure($", round {i} of {Rounds}");
            }
        }

        if (_options.Parts.Contains(Part.Size))
        {
            MeasuredProgram oneLine = await MeasuredProgram.PublishAsync("bench/OneLine", directory, null, _cancellation);
            await SizeAsync(machine, "one line", oneLine, _results.OneLine);
            await SizeAsync(machine, "Hello", hello, _results.Hello);
        }
    }

    /// <summary>Adds the runs of guests that write one line and end.</summary>
    private async Task AddOneLineAsync(List<Func<string, Task>> round, GuestStarter starter, string directory)
    {
        string assembled = AssembledGuest.Build(guest =>
        {
            guest.OpenConsole();
            guest.Write("One line.\r\n");
            guest.DrainConsole();
            guest.Shutdown(reason: 0);
        });
        string image = Path.Combine(directory, "assembled");
        File.Move(assembled, image);
        await AddAsync("assembled", image, _results.OneLineRuns.Assembled);
        foreach ((string services, Series time) in new[]
        {
            ("false", _results.OneLineRuns.WithoutServices),
            ("true", _results.OneLineRuns.WithControl),
            ("devices", _results.OneLineRuns.WithDevices),
        })
        {
            MeasuredProgram program = await MeasuredProgram.PublishAsync("bench/OneLine", directory, services, _cancellation);
            await AddAsync($"oneline-{services}", program.Image, time);
        }

        async Task AddAsync(string name, string kernel, Series time)
        {
            GuestConfig guest = new() { Name = name, Kernel = kernel };
            await TryAsync($"first run of {name}, not counted", () => starter.RunToEndAsync(guest, new Series(), _cancellation));
            round.AddRange(Enumerable.Repeat<Func<string, Task>>(
                which => TryAsync($"run of {name}{which}", () => starter.RunToEndAsync(guest, time, _cancellation)), OneLineRunsPerRound));
        }
    }

    private async Task SizeAsync(XenMachine machine, string what, MeasuredProgram program, Footprint into)
    {
        into.Size = program.Size;
        await TryAsync(
            $"least memory of {what}", async () => into.LeastMemory = await LeastMemory.FindAsync(machine, program, _cancellation));
    }

    private async Task<XenMachine> StartXenAsync(bool countsInstructions)
    {
        try
        {
            return await XenMachine.StartAsync(
                new XenMachineOptions
                {
                    Dom0Directory = Path.Combine(MeasuredProgram.RepositoryRoot, "artifacts", "dom0"),
                    MemoryMiB = MachineMemory,
                    Dom0MemoryMiB = Dom0Memory,
                    CountsInstructions = countsInstructions,
                    StartLimit = StartLimit,
                    Progress = new Reporter(_say),
                },
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
