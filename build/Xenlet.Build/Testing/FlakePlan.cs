namespace Xenlet.Build;

/// <summary>How often a test project is to have been run.</summary>
/// <param name="Project">Its file.</param>
/// <param name="Times">The number of runs.</param>
internal sealed record FlakeGoal(string Project, int Times);

/// <summary>What is left to do of a hunt, in an order that leaves every project about equally tested wherever it is interrupted.</summary>
internal static class FlakePlan
{
    /// <summary>Runs of a project whose tests run on the host.</summary>
    public const int HostTimes = 50;

    /// <summary>Runs of the tests that boot guests, which take minutes.</summary>
    public const int GuestTimes = 10;

    private const string GuestProject = "Guest.Tests";

    /// <summary>What each project is to be run.</summary>
    /// <param name="projects">Their files.</param>
    /// <param name="times">What the user asked for, or <see langword="null"/>.</param>
    public static IReadOnlyList<FlakeGoal> Goals(IEnumerable<string> projects, int? times) =>
        [.. projects.Select(project => new FlakeGoal(project, times ?? UsualTimes(project)))];

    /// <summary>Runs of <paramref name="goal"/> among <paramref name="runs"/>, those with another filter not counted.</summary>
    public static int Done(FlakeGoal goal, string? filter, IEnumerable<FlakeRun> runs) =>
        runs.Count(run => run.Project == Repository.ShortName(goal.Project) && run.Filter == filter);

    /// <summary>The goal to run next, or <see langword="null"/> when all are reached.</summary>
    public static FlakeGoal? Next(IReadOnlyList<FlakeGoal> goals, string? filter, IReadOnlyList<FlakeRun> runs) =>
        goals.Where(goal => Done(goal, filter, runs) < goal.Times).MinBy(goal => (double)Done(goal, filter, runs) / goal.Times);

    private static int UsualTimes(string project) => Repository.ShortName(project) == GuestProject ? GuestTimes : HostTimes;
}
