using System.Globalization;

namespace Xenlet.Build;

/// <summary>What failed, and how often.</summary>
internal static class FlakeReport
{
    private const int LongestMessage = 300;

    /// <summary>One line for each test that failed in some run, the most frequent first.</summary>
    /// <param name="runs">The runs. Those with a filter are counted apart from those without.</param>
    public static IReadOnlyList<string> Lines(IReadOnlyList<FlakeRun> runs)
    {
        Dictionary<(string Project, string? Filter), int> times = runs.CountBy(run => (run.Project, run.Filter)).ToDictionary();
        return
        [
            .. runs.SelectMany(run => Failures(run).Select(failed => (Runs: (run.Project, run.Filter), failed.Name, failed.Message)))
                .GroupBy(failed => (failed.Runs, failed.Name))
                .OrderByDescending(group => group.Count())
                .ThenBy(group => group.Key.Name, StringComparer.Ordinal)
                .Select(group => string.Create(
                    CultureInfo.InvariantCulture,
                    $"{group.Key.Runs.Project}: {group.Key.Name} failed {group.Count()} times of {times[group.Key.Runs]}: ")
                    + Shorten(group.First().Message)),
        ];
    }

    /// <summary>What failed in a run, each test once: two tests with the same name are not distinguished.</summary>
    private static IEnumerable<FailedTest> Failures(FlakeRun run)
    {
        IEnumerable<FailedTest> failed = run.Failed.DistinctBy(test => test.Name);
        return run.Problem is { } problem ? failed.Append(new FailedTest("(the run itself)", problem)) : failed;
    }

    private static string Shorten(string message)
    {
        string line = message.ReplaceLineEndings(" | ");
        return line.Length <= LongestMessage ? line : line[..LongestMessage] + "...";
    }
}
