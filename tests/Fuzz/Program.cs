using System.Diagnostics;
using System.Globalization;
using System.IO.MemoryMappedFiles;
using Timer = System.Threading.Timer;

namespace Xenlet.Fuzz;

/// <summary>
/// Fuzzes: <c>--corpora DIRECTORY --work DIRECTORY [--minutes N] [--seed N] [TARGET...]</c>. A target is left when 30 minutes have
/// brought no new edge, or after so many minutes. What it finds is in the work directory, and the exit status is 1 then.
/// </summary>
internal static class Program
{
    private const int Failed = 1;
    private const int Misused = 2;

    private static readonly TimeSpan QuietTime = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan HangTime = TimeSpan.FromSeconds(30);

    public static int Main(string[] arguments)
    {
        if (arguments is [Tests.TestProgram.Argument, ..])
        {
            return Tests.TestProgram.Run(arguments);
        }

        string? corpora = null;
        string? work = null;
        TimeSpan? time = null;
        int seed = Environment.TickCount;
        List<FuzzTarget> targets = [];
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--corpora":
                    corpora = arguments[++i];
                    break;
                case "--work":
                    work = Path.GetFullPath(arguments[++i]);
                    break;
                case "--minutes":
                    time = TimeSpan.FromMinutes(double.Parse(arguments[++i], CultureInfo.InvariantCulture));
                    break;
                case "--seed":
                    seed = int.Parse(arguments[++i], CultureInfo.InvariantCulture);
                    break;
                default:
                    if (FuzzTargets.Find(arguments[i]) is not { } target)
                    {
                        string all = string.Join(", ", FuzzTargets.All.Select(each => each.Name));
                        Console.Error.WriteLine($"there is no target '{arguments[i]}'. There are {all}.");
                        return Misused;
                    }

                    targets.Add(target);
                    break;
            }
        }

        if (corpora is null || work is null)
        {
            Console.Error.WriteLine("--corpora and --work are needed");
            return Misused;
        }

        ILookup<bool, FuzzTarget> chosen = (targets.Count > 0 ? targets : FuzzTargets.All).ToLookup(target => target.UsesThreadPool);
        using CoverageMap map = new();
        int status = 0;
        foreach (IGrouping<bool, FuzzTarget> group in chosen)
        {
            bool countsBlocks = group.Key;
            InstrumentedCode code = new(Path.Combine(work, countsBlocks ? "instrumented-blocks" : "instrumented"), countsBlocks);
            foreach (FuzzTarget target in group)
            {
                status |= Fuzz(target, code.FindRoutine(target), map, new Random(seed), corpora, work, time) ? 0 : Failed;
            }
        }

        return status;
    }

    /// <summary>Fuzzes one target; false when something was found.</summary>
    private static bool Fuzz(
        FuzzTarget target, Action<byte[]> routine, CoverageMap map, Random random, string corpora, string work, TimeSpan? time)
    {
        string running = Path.Combine(work, target.Name + ".running");
        using MemoryMappedFile file = MemoryMappedFile.CreateFromFile(running, FileMode.Create, null, sizeof(int) + target.MaximumLength);
        using MemoryMappedViewAccessor view = file.CreateViewAccessor();
        map.Forget();
        Stopwatch clock = Stopwatch.StartNew();
        TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
        FuzzLoop loop = new(target, routine, map, random)
        {
            // Whatever ends this process, be it a wild write, the input that did it is in the file.
            Running = input =>
            {
                view.Write(0, input.Length);
                view.WriteArray(sizeof(int), input, 0, Math.Min(input.Length, target.MaximumLength));
            },
        };
        string corpus = Corpus.FileOf(corpora, target.Name);
        using Timer watch = Watch(loop, target.Name, running);
        Finding? finding = loop.Run(Corpus.Read(corpus), () => loop.QuietTime >= QuietTime || clock.Elapsed >= time);
        TimeSpan processor = Process.GetCurrentProcess().TotalProcessorTime - before;
        int edges = map.Edges;
        string sum = string.Create(
            CultureInfo.InvariantCulture,
            $"{target.Name}: {loop.Executions} executions, {edges} edges, {loop.Corpus.Count} inputs, "
                + $"{processor.TotalSeconds:0} s of processor time in {clock.Elapsed.TotalMinutes:0.0} minutes, "
                + $"no new edge for {loop.QuietTime.TotalMinutes:0.0}");
        if (finding is null)
        {
            IReadOnlyList<byte[]> kept = loop.Minimise();
            Corpus.Write(corpus, kept);
            Console.WriteLine($"{sum}, {kept.Count} inputs kept");
            return true;
        }

        string found = Path.Combine(work, target.Name + ".found");
        File.WriteAllLines(found, [Convert.ToHexStringLower(finding.Input)]);
        Console.WriteLine(sum);
        Console.WriteLine($"FOUND after {finding.Executions} executions, by {Convert.ToHexStringLower(finding.Input)} ({found}):");
        Console.WriteLine(finding.Error);
        return false;
    }

    /// <summary>Ends the process when one execution does not end.</summary>
    private static Timer Watch(FuzzLoop loop, string target, string running)
    {
        long last = -1;
        return new Timer(
            _ =>
            {
                long executions = loop.Executions;
                if (executions == last)
                {
                    Console.WriteLine($"{target}: FOUND after {executions} executions, an input that does not end: {running}");
                    Environment.Exit(Failed);
                }

                last = executions;
            },
            null,
            HangTime,
            HangTime);
    }
}
