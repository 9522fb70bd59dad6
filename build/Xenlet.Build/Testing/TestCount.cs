using System.Globalization;

namespace Xenlet.Build;

/// <summary>The number of tests by outcome.</summary>
/// <param name="Passed">Tests that passed.</param>
/// <param name="Failed">Tests that failed, and test runs that did not end properly.</param>
/// <param name="Skipped">Tests that say that they cannot run here.</param>
internal readonly record struct TestCount(int Passed, int Failed, int Skipped)
{
    /// <summary>One check that failed.</summary>
    public static readonly TestCount OneFailed = new(0, 1, 0);

    /// <summary>One check that passed.</summary>
    public static readonly TestCount OnePassed = new(1, 0, 0);

    /// <summary>Tests that passed or failed.</summary>
    public int Ran => Passed + Failed;

    /// <summary>The process's exit status. A run in which nothing was tested proves nothing.</summary>
    public int ExitStatus => Failed == 0 && Passed > 0 ? 0 : BuildException.Failed;

    /// <summary>The line that ends the output of a test run.</summary>
    public string LastLine => string.Create(CultureInfo.InvariantCulture, $"{Passed} passed, {Failed} failed");

    public static TestCount operator +(TestCount left, TestCount right) =>
        new(left.Passed + right.Passed, left.Failed + right.Failed, left.Skipped + right.Skipped);
}
