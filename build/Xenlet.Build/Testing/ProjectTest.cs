namespace Xenlet.Build;

/// <summary>Builds one test project with only what it needs, and runs its tests.</summary>
/// <param name="repository">Holds the tests.</param>
/// <param name="processes">Runs <c>dotnet</c>.</param>
/// <param name="say">Receives progress messages, a line at a time.</param>
internal sealed class ProjectTest(Repository repository, ProcessRunner processes, Action<string> say)
{
    /// <summary>Runs <paramref name="project"/>.</summary>
    /// <param name="project">Its file.</param>
    /// <param name="filter">The user's expression for <c>dotnet test --filter</c>, or <see langword="null"/>.</param>
    /// <param name="soak">As in <see cref="TestRunner.Filter"/>.</param>
    public TestCount Run(string project, string? filter, bool? soak = false)
    {
        string name = Repository.ShortName(project);
        say($"building {name}");
        if (!new QuickBuild(repository, processes).Build(project))
        {
            say($"FAILED: {name} does not build; what the compiler said is above");
            return TestCount.OneFailed;
        }

        TestOutcome outcome = RunBuilt(project, TestRunner.Filter(filter, soak), filter is not null);
        if (outcome.Problem is { } problem)
        {
            say($"FAILED: {name}: {problem}");
        }

        if (outcome.Count is { Ran: 0 })
        {
            say($"FAILED: no test of {name} ran");
        }

        return outcome.Count;
    }

    /// <summary>Runs a project that is built.</summary>
    /// <param name="project">Its file.</param>
    /// <param name="filter">The whole expression for <c>dotnet test --filter</c>; empty for all tests.</param>
    /// <param name="mayBeEmpty">Whether it is acceptable that no test matches.</param>
    /// <returns>The outcome.</returns>
    public TestOutcome RunBuilt(string project, string filter, bool mayBeEmpty)
    {
        string name = Path.GetFileNameWithoutExtension(project);
        string assembly = Path.Combine(Path.GetDirectoryName(project)!, "bin", TestRunner.Configuration, "net10.0", name + ".dll");
        string file = Path.Combine(repository.TestResults, name + ".trx");
        Directory.CreateDirectory(repository.TestResults);
        File.Delete(file);

        // Given the assembly, `dotnet test` does not evaluate the project once more.
        int status = processes.Run(
            "dotnet",
            [
                "test", assembly, "--nologo",
                .. filter.Length > 0 ? ["--filter", filter] : Array.Empty<string>(),
                "--logger", $"trx;LogFileName={file}",
                "--results-directory", repository.TestResults,
                "--blame-hang", "--blame-hang-timeout", $"{TestRunner.HangMinutes}m", "--blame-hang-dump-type", "none",
            ],
            ProcessOutput.Inherited);
        return TestOutcome.Judge(status, File.Exists(file) ? File.ReadAllText(file) : null, mayBeEmpty);
    }
}
