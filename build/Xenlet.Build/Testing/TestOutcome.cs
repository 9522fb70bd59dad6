namespace Xenlet.Build;

/// <summary>The outcome of one test project's run.</summary>
/// <param name="Count">Its tests.</param>
/// <param name="Problem">Why the run itself counts as failed, or <see langword="null"/>.</param>
internal sealed record TestOutcome(TestCount Count, string? Problem)
{
    /// <summary>Its tests; none if there are no readable results.</summary>
    public IReadOnlyList<TestResult> Tests { get; private init; } = [];

    /// <summary>
    /// Judges a run of tests by its exit status and its results file (the TRX format of Visual Studio's test platform).
    /// </summary>
    /// <param name="exitStatus">Of <c>dotnet test</c>, or of the project as a program.</param>
    /// <param name="results">Text of the results file; <see langword="null"/> if none was written.</param>
    /// <param name="filtered">Whether the user asked for some tests only, so that a project may have no matching ones.</param>
    public static TestOutcome Judge(int exitStatus, string? results, bool filtered)
    {
        if (results is null)
        {
            return exitStatus == 0 && filtered
                ? new TestOutcome(default, null)
                : Broken(default, $"the tests ended with status {exitStatus} and wrote no results");
        }

        TestResults read;
        try
        {
            read = TestResults.Parse(results);
        }
        catch (InvalidDataException failure)
        {
            return Broken(default, $"its results cannot be read: {failure.Message}");
        }

        TestCount count = read.Count;
        TestOutcome outcome = count switch
        {
            { Failed: 0 } when exitStatus != 0 =>
                Broken(count, $"the tests ended with status {exitStatus} though no test failed: the test process crashed or hung"),
            { Failed: > 0 } when exitStatus == 0 => Broken(count, "the tests ended with status 0 though tests failed"),
            { Ran: 0, Skipped: 0 } when !filtered => Broken(count, "it has no tests"),
            _ => new TestOutcome(count, null),
        };
        return outcome with { Tests = read.Tests };
    }

    private static TestOutcome Broken(TestCount count, string problem) => new(count + TestCount.OneFailed, problem);
}
