namespace Xenlet.Build;

/// <summary>Runs the test projects one after the other and sums up what came out.</summary>
/// <param name="repository">Holds the tests.</param>
/// <param name="processes">Runs <c>dotnet</c>.</param>
/// <param name="say">Receives each line about what is being done.</param>
internal sealed class TestRunner(Repository repository, ProcessRunner processes, Action<string> say)
{
    private const string SoakCategory = "Category=Soak";

    /// <summary>A test host that has reported nothing for this long is ended, and the test it was at is named.</summary>
    private const string HangTimeout = "20m";

    /// <summary>The expression for <c>dotnet test --filter</c>.</summary>
    /// <param name="filter">The user's expression, or <see langword="null"/>.</param>
    /// <param name="soak">Whether the long tests are wanted, rather than all others.</param>
    public static string Filter(string? filter, bool soak)
    {
        string category = soak ? SoakCategory : SoakCategory.Replace("=", "!=", StringComparison.Ordinal);
        return filter is null ? category : $"({filter})&({category})";
    }

    /// <summary>Builds the solution and runs every test in it, and the check of its formatting unless only some tests were asked for.</summary>
    public TestCount Run(string? filter, bool soak)
    {
        say("building everything");
        if (processes.Run("dotnet", ["msbuild", repository.Solution, "-restore", "-v:quiet", "-tl:off", "-nologo"], ProcessOutput.Inherited) != 0)
        {
            say("FAILED: the solution does not build; what the compiler said is above");
            return TestCount.OneFailed;
        }

        if (Directory.Exists(repository.TestResults))
        {
            Directory.Delete(repository.TestResults, recursive: true);
        }

        TestCount sum = default;
        List<string> problems = [];
        IReadOnlyList<string> projects = repository.FindTestProjects();
        for (int index = 0; index < projects.Count; index++)
        {
            string name = Path.GetFileNameWithoutExtension(projects[index]);
            say($"[{index + 1}/{projects.Count}] {name}");
            TestOutcome outcome = RunProject(projects[index], name, filter, soak);
            sum += outcome.Count;
            if (outcome.Problem is { } problem)
            {
                problems.Add($"{name}: {problem}");
                say($"FAILED: {problems[^1]}");
            }
        }

        if (filter is null && !soak)
        {
            say("dotnet format");
            bool formatted = processes.Run("dotnet", ["format", repository.Solution, "--verify-no-changes", "--no-restore"], ProcessOutput.Inherited) == 0;
            sum += formatted ? TestCount.OnePassed : TestCount.OneFailed;
            if (!formatted)
            {
                problems.Add($"the sources are not formatted as .editorconfig says: run 'dotnet format {Path.GetFileName(repository.Solution)}'");
            }
        }

        foreach (string problem in problems)
        {
            say($"FAILED: {problem}");
        }

        if (sum.Skipped > 0)
        {
            say($"{sum.Skipped} skipped");
        }

        if (sum.Ran == 0)
        {
            say("FAILED: no test ran");
        }

        return sum;
    }

    private TestOutcome RunProject(string project, string name, string? filter, bool soak)
    {
        string results = Path.Combine(repository.TestResults, name + ".trx");
        List<string> arguments =
        [
            "test", project, "--no-build", "--nologo",
            "--filter", Filter(filter, soak),
            "--logger", $"trx;LogFileName={results}",
            "--results-directory", repository.TestResults,
        ];
        if (!soak)
        {
            arguments.AddRange(["--blame-hang", "--blame-hang-timeout", HangTimeout, "--blame-hang-dump-type", "none"]);
        }

        int status = processes.Run("dotnet", arguments, ProcessOutput.Inherited);
        return TestOutcome.Judge(status, File.Exists(results) ? File.ReadAllText(results) : null, filtered: filter is not null || soak);
    }
}
