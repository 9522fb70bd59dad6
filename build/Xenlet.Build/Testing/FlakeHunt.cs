namespace Xenlet.Build;

/// <summary>Runs test projects repeatedly while other work keeps the processors busy, and lists what failed.</summary>
/// <param name="repository">Holds the tests.</param>
/// <param name="processes">Runs <c>git</c> and <c>dotnet</c>.</param>
/// <param name="say">Receives progress messages, a line at a time.</param>
internal sealed class FlakeHunt(Repository repository, ProcessRunner processes, Action<string> say)
{
    /// <summary>Continues the hunt on the checked-out commit, until every project has been run as often as requested.</summary>
    /// <returns>The exit status: 0 if nothing has failed on this commit, including earlier parts of the hunt.</returns>
    /// <exception cref="BuildException">The sources differ from the commit, or do not build.</exception>
    /// <exception cref="OperationCanceledException">It was interrupted. The runs so far are kept.</exception>
    public int Run(FlakesCommand command)
    {
        WorkTree tree = new(repository, processes);
        string commit = tree.RequireCommit();
        IEnumerable<string> projects = command.Projects.Count > 0
            ? command.Projects.Select(repository.FindTestProject)
            : repository.FindTestProjects();
        IReadOnlyList<FlakeGoal> goals = FlakePlan.Goals(projects, command.Times);
        FlakeLog log = new(repository.Flakes, commit);
        QuickBuild build = new(repository, processes);
        foreach (FlakeGoal goal in goals.Where(goal => FlakePlan.Done(goal, command.Filter, log.Read()) < goal.Times))
        {
            say($"building {Repository.ShortName(goal.Project)}");
            if (!build.Build(goal.Project))
            {
                throw new BuildException($"{goal.Project} does not build; what the compiler said is above.");
            }
        }

        try
        {
            using BusyProcessors busy = new();
            while (FlakePlan.Next(goals, command.Filter, log.Read()) is { } goal)
            {
                int done = FlakePlan.Done(goal, command.Filter, log.Read());
                say($"{Repository.ShortName(goal.Project)}: run {done + 1} of {goal.Times} on {commit[..10]}");
                FlakeRun run = RunOnce(goal.Project, command.Filter);
                if (tree.RequireCommit() != commit)
                {
                    throw new BuildException($"another commit than {commit} is checked out: the last run is not counted.");
                }

                log.Add(run);
            }
        }
        finally
        {
            Report(goals, command.Filter, log);
        }

        return FlakeReport.Lines(log.Read()).Count == 0 ? 0 : BuildException.Failed;
    }

    private FlakeRun RunOnce(string project, string? filter)
    {
        TestOutcome outcome = new ProjectTest(repository, processes, say)
            .RunBuilt(project, TestRunner.Filter(filter, soak: false), mayBeEmpty: false);
        FailedTest[] failed = [.. outcome.Tests.Where(test => test.Failure is not null).Select(
            test => new FailedTest(test.Name, test.Failure!))];
        return new FlakeRun(Repository.ShortName(project), filter, failed, outcome.Problem);
    }

    private void Report(IReadOnlyList<FlakeGoal> goals, string? filter, FlakeLog log)
    {
        IReadOnlyList<FlakeRun> runs = log.Read();
        foreach (FlakeGoal goal in goals)
        {
            say($"{Repository.ShortName(goal.Project)}: {FlakePlan.Done(goal, filter, runs)} runs of {goal.Times}");
        }

        IReadOnlyList<string> lines = FlakeReport.Lines(runs);
        say($"{log.Path} has the count; {(lines.Count == 0 ? "nothing failed" : "what failed:")}");
        foreach (string line in lines)
        {
            Console.Out.WriteLine(line);
        }
    }
}
