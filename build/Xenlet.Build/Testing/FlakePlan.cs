namespace Xenlet.Build;

/// <summary>How often a test project must have been run.</summary>
/// <param name="Project">Its file.</param>
/// <param name="Times">The number of runs.</param>
internal sealed record FlakeGoal(string Project, int Times);

/// <summary>
/// What remains to be done of a hunt, in an order that leaves all projects about equally tested wherever it is interrupted.
/// </summary>
internal static class FlakePlan
{
    /// <summary>The number of runs of a project whose tests run on the host.</summary>
    public const int HostTimes = 50;

    /// <summary>The number of runs of the tests that boot guests, which take minutes.</summary>
    public const int GuestTimes = 10;

    private const string GuestProject = "Guest.Tests";

    /// <summary>The number of runs of each project.</summary>
    /// <param name="projects">Their files.</param>
    /// <param name="times">The number that the user asked for, or <see langword="null"/>.</param>
    public static IReadOnlyList<FlakeGoal> Goals(IEnumerable<string> projects, int? times) =>
        [.. projects.Select(project => new FlakeGoal(project, times ?? UsualTimes(project)))];

    /// <summary>
    /// The number of <paramref name="runs"/> that count for <paramref name="goal"/>: those with the same filter.
    /// </summary>
    public static int Done(FlakeGoal goal, string? filter, IEnumerable<FlakeRun> runs) =>
        runs.Count(run => run.Project == Repository.ShortName(goal.Project) && run.Filter == filter);

    /// <summary>The goal to run next, or <see langword="null"/> if all are reached.</summary>
    public static FlakeGoal? Next(IReadOnlyList<FlakeGoal> goals, string? filter, IReadOnlyList<FlakeRun> runs) =>
        goals.Where(goal => Done(goal, filter, runs) < goal.Times).MinBy(goal => (double)Done(goal, filter, runs) / goal.Times);

    private static int UsualTimes(string project) => Repository.ShortName(project) == GuestProject ? GuestTimes : HostTimes;
}
