using System.Diagnostics;
using System.Globalization;

namespace Xenlet.Build;

/// <summary>
/// Builds everything and runs all tests. Tests that boot guests mostly wait for them, so the others run in parallel: two lanes, each one
/// step after the other.
/// </summary>
/// <param name="repository">Holds the tests.</param>
/// <param name="processes">Runs <c>dotnet</c>.</param>
/// <param name="say">Receives progress messages, a line at a time.</param>
internal sealed class TestRunner(Repository repository, ProcessRunner processes, Action<string> say)
{
    /// <summary>
    /// The configuration in which everything is built and tested. Images are published in it too, so that nothing is compiled twice.
    /// </summary>
    public const string Configuration = "Release";

    /// <summary>Tests of which nothing is heard for so many minutes are ended, and those that were running are named.</summary>
    public const int HangMinutes = 20;

    /// <summary>
    /// Has .NET instrument methods before it compiles them again. Compilers and test hosts end before that pays: without it they use up to
    /// a tenth less processor time.
    /// </summary>
    private const string ProfileVariable = "DOTNET_TieredPGO";

    private const string Soak = "Soak";

    private readonly Lock _lock = new();
    private readonly List<StepCost> _costs = [];
    private readonly List<TestResult> _tests = [];
    private readonly List<string> _problems = [];
    private TestCount _sum;

    /// <summary>The expression for <c>dotnet test --filter</c>.</summary>
    /// <param name="filter">The user's expression, or <see langword="null"/>.</param>
    /// <param name="soak">
    /// Whether to run the long tests instead of all others; <see langword="null"/> for both, which may give an empty expression.
    /// </param>
    public static string Filter(string? filter, bool? soak)
    {
        if (soak is null)
        {
            return filter ?? "";
        }

        string category = $"Category{(soak.Value ? "=" : "!=")}{Soak}";
        return filter is null ? category : $"({filter})&({category})";
    }

    /// <summary>Builds the solution and runs all its tests, and checks its formatting unless only some tests were requested.</summary>
    /// <exception cref="BuildException">The budget file cannot be read.</exception>
    public TestCount Run(string? filter, bool soak)
    {
        Stopwatch started = Stopwatch.StartNew();
        Budgets budgets = Budgets.Parse(repository.Budgets, File.ReadLines(repository.Budgets));
        TimeSpan calibration = Calibration.Run();
        if (Directory.Exists(repository.TestResults))
        {
            Directory.Delete(repository.TestResults, recursive: true);
        }

        Directory.CreateDirectory(repository.TestResults);
        if (!Build())
        {
            return _sum;
        }

        bool whole = filter is null && !soak;
        Task.WaitAll([.. Lanes(Filter(filter, soak), whole, budgets).Select(lane => Task.Run(() => RunLane(lane)))]);
        foreach (string problem in _problems)
        {
            say($"FAILED: {problem}");
        }

        if (_sum.Skipped > 0)
        {
            say($"{_sum.Skipped} skipped");
        }

        if (_sum.Ran == 0)
        {
            say("FAILED: no test ran");
        }

        File.WriteAllLines(repository.TestNames, _tests.Select(test => test.Name).Order(StringComparer.Ordinal));
        if (whole)
        {
            foreach (string line in RunReport.Lines(_costs, _tests, budgets, calibration, started.Elapsed))
            {
                say(line);
            }
        }

        return _sum;
    }

    private bool Build()
    {
        using CompilerServer compiler = new();
        return RunStep(
            "build",
            new TestStep(
                "build",
                ["dotnet", "msbuild", repository.Solution, "-restore", $"-p:Configuration={Configuration}", .. compiler.Options,
                    "-nodeReuse:false", "-m", "-v:quiet", "-tl:off", "-nologo"],
                TestStep.MustSucceed(default, "the solution does not build")),
            compiler.End);
    }

    private IEnumerable<TestLane> Lanes(string filter, bool whole, Budgets budgets)
    {
        ILookup<bool, string> projects = repository.FindTestProjects().ToLookup(Repository.NeedsImages);
        TestStep format = new(
            "dotnet-format",
            // As a folder: to load the projects of the solution takes longer than to read the sources.
            ["dotnet", "format", "whitespace", repository.Root, "--folder", "--verify-no-changes"],
            TestStep.MustSucceed(
                TestCount.OnePassed, $"the sources are not formatted as .editorconfig says: run 'dotnet format "
                    + $"{Path.GetFileName(repository.Solution)}'"));
        yield return new TestLane(
            "host", [.. projects[false].Select(project => Test(project, filter, whole)), .. whole ? [format] : Array.Empty<TestStep>()]);
        TestStep images = new(
            "images",
            ["dotnet", "msbuild", repository.Images, "-t:Publish", $"-p:Configuration={Configuration}", "-nodeReuse:false", "-m:1",
                "-v:quiet", "-tl:off", "-nologo"],
            TestStep.MustSucceed(default, "the guest programs under test cannot be published"));

        // The dearest last: while the others run, the host lane has work for the other processor.
        IEnumerable<TestStep> tests = projects[true].Select(project => Test(project, filter, whole))
            .OrderBy(step => budgets.Shares.GetValueOrDefault(step.Name));
        yield return new TestLane("guests", [images, .. tests]);
    }

    private TestStep Test(string project, string filter, bool whole)
    {
        string name = Path.GetFileNameWithoutExtension(project);
        string results = Path.Combine(repository.TestResults, name + ".trx");
        string assembly = Path.Combine(Path.GetDirectoryName(project)!, "bin", Configuration, "net10.0", name + ".dll");

        // A whole project needs no more than its own program (tests/Shared/TestProgram), which costs seconds less than `dotnet test`.
        IReadOnlyList<string> command = whole
            ? ["dotnet", assembly, "run-tests", results, Soak, HangMinutes.ToString(CultureInfo.InvariantCulture)]

            // Given the assembly, `dotnet test` does not evaluate the project once more.
            : ["dotnet", "test", assembly, "--nologo", "--filter", filter, "--logger", $"trx;LogFileName={results}",
                "--results-directory", repository.TestResults];
        return new TestStep(
            name, command, status => TestOutcome.Judge(status, File.Exists(results) ? File.ReadAllText(results) : null, filtered: !whole))
        {
            Environment = Repository.NeedsImages(project) ? new Dictionary<string, string> { ["XENLET_IMAGES_ARE_PUBLISHED"] = "1" } : [],
        };
    }

    private void RunLane(TestLane lane)
    {
        foreach (TestStep step in lane.Steps)
        {
            RunStep(lane.Name, step);
        }
    }

    /// <summary>Runs a step, records its outcome and cost, and shows its output if it failed.</summary>
    /// <param name="lane">The lane's name.</param>
    /// <param name="step">The step.</param>
    /// <param name="remainder">Returns processor time that none of the step's processes accounts for.</param>
    /// <returns>Whether it succeeded.</returns>
    private bool RunStep(string lane, TestStep step, Func<TimeSpan>? remainder = null)
    {
        string output = Path.Combine(repository.TestResults, step.Name + ".log");
        string times = Path.Combine(repository.TestResults, step.Name + ".times");
        say($"{lane}: {step.Name}, output in {Path.GetRelativePath(repository.Root, output)}");
        (string command, IReadOnlyList<string> arguments) = ProcessorTime.Measured(times, output, step.Command);
        Stopwatch started = Stopwatch.StartNew();
        TestOutcome outcome = step.Judge(processes.Run(
            command, arguments, ProcessOutput.Inherited, new Dictionary<string, string>(step.Environment) { [ProfileVariable] = "0" }));
        TimeSpan processor = ProcessorTime.Read(File.Exists(times) ? File.ReadAllText(times) : null)
            + (remainder?.Invoke() ?? TimeSpan.Zero);
        lock (_lock)
        {
            _costs.Add(new StepCost(lane, step.Name, started.Elapsed, processor));
            _tests.AddRange(outcome.Tests);
            _sum += outcome.Count;
            if (outcome.Problem is { } problem)
            {
                _problems.Add($"{step.Name}: {problem}");
            }

            bool failed = outcome.Problem is not null || outcome.Count.Failed > 0;
            if (failed)
            {
                Console.Out.Write(File.Exists(output) ? File.ReadAllText(output) : "");
            }

            string result = outcome.Tests.Count > 0 ? outcome.Count.LastLine : failed ? "FAILED" : "done";
            say(string.Create(CultureInfo.InvariantCulture, $"{lane}: {step.Name}: {result} in {started.Elapsed.TotalSeconds:0} s"));
            return !failed;
        }
    }
}
