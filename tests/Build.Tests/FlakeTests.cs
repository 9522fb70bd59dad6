namespace Xenlet.Build.Tests;

/// <summary>The logic of <c>soak flakes</c>.</summary>
public sealed class FlakeTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_count_is_kept_for_each_commit()
    {
        FlakeRun run = new("Kernel.Tests", null, [new FailedTest("A.B(x: \"ä\n\")", "it was\n\"this\"")], "crashed");
        new FlakeLog(_directory.Path, "aaaa").Add(Passed("XenBus.Tests"));
        new FlakeLog(_directory.Path, "aaaa").Add(run);

        IReadOnlyList<FlakeRun> read = new FlakeLog(_directory.Path, "aaaa").Read();

        Assert.Equal(["XenBus.Tests", "Kernel.Tests"], read.Select(one => one.Project));
        Assert.Equal(run.Failed, read[1].Failed);
        Assert.Equal("crashed", read[1].Problem);
        Assert.Empty(new FlakeLog(_directory.Path, "bbbb").Read());
    }

    [Fact]
    public void A_line_that_an_interruption_cut_off_is_no_run_and_spoils_no_later_one()
    {
        FlakeLog log = new(_directory.Path, "aaaa");
        log.Add(Passed("One.Tests"));
        File.AppendAllText(log.Path, """{"Project":"Two.Te""");
        log.Add(Passed("Three.Tests"));

        Assert.Equal(["One.Tests", "Three.Tests"], log.Read().Select(run => run.Project));
    }

    [Fact]
    public void Projects_are_run_50_times_and_those_of_guests_10_times_unless_the_user_says_otherwise()
    {
        string[] projects = ["/tests/Kernel.Tests/Xenlet.Kernel.Tests.csproj", "/tests/Guest.Tests/Xenlet.Guest.Tests.csproj"];

        Assert.Equal([50, 10], FlakePlan.Goals(projects, times: null).Select(goal => goal.Times));
        Assert.Equal([3, 3], FlakePlan.Goals(projects, times: 3).Select(goal => goal.Times));
    }

    [Fact]
    public void Runs_are_spread_over_the_projects_until_all_goals_are_reached()
    {
        FlakeGoal[] goals = [new("/tests/A.Tests/A.Tests.csproj", 4), new("/tests/B.Tests/B.Tests.csproj", 2)];
        List<FlakeRun> runs = [];
        while (FlakePlan.Next(goals, filter: null, runs) is { } goal)
        {
            runs.Add(Passed(Repository.ShortName(goal.Project)));
        }

        Assert.Equal("A.Tests B.Tests A.Tests A.Tests B.Tests A.Tests", string.Join(' ', runs.Select(run => run.Project)));
    }

    [Fact]
    public void What_earlier_parts_ran_is_not_run_again_but_a_filter_has_a_count_of_its_own()
    {
        FlakeGoal[] goals = [new("/tests/A.Tests/A.Tests.csproj", 1)];
        FlakeRun[] runs = [Passed("A.Tests")];

        Assert.Null(FlakePlan.Next(goals, filter: null, runs));
        Assert.Same(goals[0], FlakePlan.Next(goals, filter: "Futex", runs));
    }

    [Fact]
    public void The_list_says_what_failed_how_often_of_how_many_runs_and_first_how()
    {
        FlakeRun[] runs =
        [
            Passed("A.Tests"),
            new("A.Tests", null, [new FailedTest("T.Rare", "first\nwords"), new FailedTest("T.Often", "x")], null),
            new("A.Tests", null, [new FailedTest("T.Often", "y")], null),
            new("A.Tests", "T", [new FailedTest("T.Often", "z")], null),
            new("B.Tests", null, [], "the test process crashed"),
        ];

        Assert.Equal(
            [
                "A.Tests: T.Often failed 2 times of 3: x",
                "B.Tests: (the run itself) failed 1 times of 1: the test process crashed",
                "A.Tests: T.Often failed 1 times of 1: z",
                "A.Tests: T.Rare failed 1 times of 3: first | words",
            ],
            FlakeReport.Lines(runs));
        Assert.Empty(FlakeReport.Lines([Passed("A.Tests")]));
    }

    [Fact]
    public void The_processors_are_busy_until_it_is_disposed_of()
    {
        BusyProcessors busy = new();
        Assert.True(busy.IsBusy);

        busy.Dispose();

        Assert.False(busy.IsBusy);
    }

    [Fact]
    public async Task What_differs_from_a_commit_has_no_count()
    {
        string file = _directory.Write("Xenlet.slnx", "");
        string[] commit = ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "m"];
        foreach (string[] command in (string[][])[["init", "-q"], ["add", "."], commit])
        {
            Assert.Equal(0, (await CommandResult.RunAsync("git", ["-C", _directory.Path, .. command])).ExitStatus);
        }

        WorkTree tree = new(new Repository(_directory.Path), new ProcessRunner(CancellationToken.None));
        Assert.Matches("^[0-9a-f]{40}$", tree.RequireCommit());

        File.WriteAllText(file, "changed");
        BuildException failure = Assert.Throws<BuildException>(tree.RequireCommit);

        Assert.Contains("Xenlet.slnx", failure.Message, StringComparison.Ordinal);
    }

    private static FlakeRun Passed(string project) => new(project, null, [], null);
}
