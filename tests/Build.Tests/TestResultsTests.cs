using Xenlet.Tests;

namespace Xenlet.Build.Tests;

public sealed class TestResultsTests
{
    private const string Results = """
        <?xml version="1.0" encoding="utf-8"?>
        <TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">
          <Results>
            <UnitTestResult testName="N.T.Passes" outcome="Passed" duration="00:01:02.5000000" />
            <UnitTestResult testName="N.T.Fails(x: 1)" outcome="Failed" duration="00:00:00.0010000">
              <Output><StdOut>noise</StdOut><ErrorInfo><Message>Assert.True() Failure
        Expected: True</Message><StackTrace>at N</StackTrace></ErrorInfo></Output>
            </UnitTestResult>
            <UnitTestResult testName="N.T.Hangs" outcome="Timeout" duration="00:20:00" />
            <UnitTestResult testName="N.T.Skipped" outcome="NotExecuted" />
          </Results>
          <ResultSummary><Counters total="4" executed="3" passed="1" failed="1" error="0" timeout="1" aborted="0" /></ResultSummary>
        </TestRun>
        """;

    [Fact]
    public void Each_test_has_its_name_its_duration_and_what_it_failed_with() => Assert.Equal(
        [
            new TestResult("N.T.Passes", TimeSpan.FromSeconds(62.5), null),
            new TestResult("N.T.Fails(x: 1)", TimeSpan.FromMilliseconds(1), "Assert.True() Failure\nExpected: True"),
            new TestResult("N.T.Hangs", TimeSpan.FromMinutes(20), "it gave no message"),
            new TestResult("N.T.Skipped", TimeSpan.Zero, null),
        ],
        TestResults.Parse(Results).Tests);

    /// <summary>tests/Shared/TestProgram writes them, in a whole run.</summary>
    [Fact]
    public void What_a_test_project_writes_by_itself_is_read_with_any_character()
    {
        using TemporaryDirectory directory = new();
        string file = Path.Combine(directory.Path, "own.trx");
        TimeSpan time = TimeSpan.FromMilliseconds(1500);
        ResultsFile.Write(
            file,
            [
                new TestEnd("N.T.Passes(text: \"\e<\ud83d\ude00\")", TestEnd.Passed, DateTime.UtcNow, time, null, "\0"),
                new TestEnd("N.T.Fails", TestEnd.Failed, DateTime.UtcNow, time, "\u00fc and half of a pair: \ud83d", ""),
                new TestEnd("N.T.Skipped", TestEnd.NotExecuted, DateTime.UtcNow, TimeSpan.Zero, "not here", ""),
            ]);

        TestResults read = TestResults.Parse(File.ReadAllText(file));

        Assert.Equal(new TestCount(1, 1, 1), read.Count);
        Assert.Equal(
            [
                new TestResult("N.T.Passes(text: \"\\u001b<\\ud83d\\ude00\")", time, null),
                new TestResult("N.T.Fails", time, "\u00fc and half of a pair: \\ud83d"),
                new TestResult("N.T.Skipped", TimeSpan.Zero, null),
            ],
            read.Tests);
    }

    [Fact]
    public void The_sums_are_the_files() => Assert.Equal(new TestCount(1, 2, 1), TestResults.Parse(Results).Count);

    [Theory]
    [InlineData("testName=\"N.T.Passes\"", "UnitTestResult has no attribute testName")]
    [InlineData("total=\"4\"", "Counters has no attribute total")]
    public void What_lacks_something_is_no_results_file(string without, string expected)
    {
        InvalidDataException failure = Assert.Throws<InvalidDataException>(
            () => TestResults.Parse(Results.Replace(without, "", StringComparison.Ordinal)));

        Assert.Equal(expected, failure.Message);
    }

    [Fact]
    public void A_file_that_was_cut_off_is_no_results_file() =>
        Assert.Throws<InvalidDataException>(() => TestResults.Parse(Results[..200]));
}
