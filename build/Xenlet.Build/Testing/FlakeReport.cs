using System.Globalization;

namespace Xenlet.Build;

/// <summary>What failed, and how often.</summary>
internal static class FlakeReport
{
    private const int LongestMessage = 300;

    /// <summary>One line for each test that failed in some run, the most frequent first.</summary>
    /// <param name="runs">The runs; those with a filter are counted apart from those without.</param>
    public static IReadOnlyList<string> Lines(IReadOnlyList<FlakeRun> runs) =>
    [
        .. runs.SelectMany(run => Failures(run).DistinctBy(failed => failed.Name).Select(failed => (run.Project, run.Filter, failed.Name, failed.Message)))
            .GroupBy(failed => (failed.Project, failed.Filter, failed.Name))
            .OrderByDescending(group => group.Count())
            .ThenBy(group => group.Key.Name, StringComparer.Ordinal)
            .Select(group => string.Create(
                CultureInfo.InvariantCulture,
                $"{group.Key.Project}: {group.Key.Name} failed {group.Count()} times of {runs.Count(run => (run.Project, run.Filter) == (group.Key.Project, group.Key.Filter))}: {Shorten(group.First().Message)}")),
    ];

    private static IEnumerable<FailedTest> Failures(FlakeRun run) => run.Problem is null ? run.Failed : run.Failed.Append(new FailedTest("(the run itself)", run.Problem));

    private static string Shorten(string message)
    {
        string line = message.ReplaceLineEndings(" | ");
        return line.Length <= LongestMessage ? line : line[..LongestMessage] + "...";
    }
}
