namespace Xenlet.Build.Tests;

public sealed class TestOutcomeTests
{
    [Theory]
    [InlineData(0, 5, 5, 5, 0, false, 5, 0, 0)]
    [InlineData(0, 5, 3, 3, 0, false, 3, 0, 2)]
    [InlineData(1, 5, 5, 3, 2, false, 3, 2, 0)]
    [InlineData(0, 0, 0, 0, 0, true, 0, 0, 0)]
    [InlineData(0, 2, 0, 0, 0, false, 0, 0, 2)]
    public void Results_are_taken_as_they_are(
        int exitStatus, int total, int executed, int passed, int failed, bool filtered, int expectedPassed, int expectedFailed,
        int expectedSkipped)
    {
        TestOutcome outcome = TestOutcome.Judge(exitStatus, Results(total, executed, passed, failed), filtered);

        Assert.Null(outcome.Problem);
        Assert.Equal(new TestCount(expectedPassed, expectedFailed, expectedSkipped), outcome.Count);
    }

    [Fact]
    public void A_test_host_that_crashed_after_tests_that_passed_is_a_failure()
    {
        TestOutcome outcome = TestOutcome.Judge(1, Results(3, 3, 3, 0), filtered: false);

        Assert.Equal(new TestCount(3, 1, 0), outcome.Count);
        Assert.Contains("crashed or hung", outcome.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void A_run_without_results_is_a_failure(int exitStatus, bool filtered)
    {
        TestOutcome outcome = TestOutcome.Judge(exitStatus, results: null, filtered);

        Assert.Equal(TestCount.OneFailed, outcome.Count);
        Assert.Contains($"status {exitStatus}", outcome.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_filter_may_leave_a_project_nothing_to_write() =>
        Assert.Equal(new TestOutcome(default, null), TestOutcome.Judge(0, results: null, filtered: true));

    [Fact]
    public void A_project_without_tests_is_a_failure_unless_the_user_chose()
    {
        TestOutcome outcome = TestOutcome.Judge(0, Results(0, 0, 0, 0), filtered: false);

        Assert.Equal(TestCount.OneFailed, outcome.Count);
        Assert.Equal("it has no tests", outcome.Problem);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not XML")]
    [InlineData("<TestRun/>")]
    [InlineData("<TestRun><Counters passed='1'/></TestRun>")]
    [InlineData("<TestRun><Counters total='1' executed='1' passed='x' failed='0' error='0' timeout='0' aborted='0'/></TestRun>")]
    public void Results_that_cannot_be_read_are_a_failure(string results)
    {
        TestOutcome outcome = TestOutcome.Judge(0, results, filtered: true);

        Assert.Equal(TestCount.OneFailed, outcome.Count);
        Assert.Contains("cannot be read", outcome.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Failed_tests_with_a_status_of_success_are_not_believed() =>
        Assert.Equal(new TestCount(1, 2, 0), TestOutcome.Judge(0, Results(2, 2, 1, 1), filtered: false).Count);

    [Theory]
    [InlineData(3, 0, 0, "3 passed, 0 failed", 0)]
    [InlineData(3, 1, 0, "3 passed, 1 failed", 1)]
    [InlineData(0, 0, 0, "0 passed, 0 failed", 1)]
    [InlineData(0, 0, 4, "0 passed, 0 failed", 1)]
    [InlineData(0, 2, 0, "0 passed, 2 failed", 1)]
    public void The_last_line_and_the_exit_status_agree(int passed, int failed, int skipped, string line, int exitStatus)
    {
        TestCount count = new(passed, failed, skipped);

        Assert.Equal(line, count.LastLine);
        Assert.Equal(exitStatus, count.ExitStatus);
    }

    [Fact]
    public void Counts_add_up() => Assert.Equal(new TestCount(11, 22, 33), new TestCount(1, 2, 3) + new TestCount(10, 20, 30));

    [Theory]
    [InlineData(null, false, "Category!=Soak")]
    [InlineData(null, true, "Category=Soak")]
    [InlineData("Name~A|Name~B", false, "(Name~A|Name~B)&(Category!=Soak)")]
    [InlineData("Ring", true, "(Ring)&(Category=Soak)")]
    [InlineData(null, null, "")]
    [InlineData("Ring", null, "Ring")]
    public void The_long_tests_are_run_by_soak_alone_unless_a_command_is_for_all_of_a_project(
        string? filter, bool? soak, string expected) =>
        Assert.Equal(expected, TestRunner.Filter(filter, soak));

    private static string Results(int total, int executed, int passed, int failed) => $"""
        <?xml version="1.0" encoding="utf-8"?>
        <TestRun id="1" name="a" xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010">
          <ResultSummary outcome="Completed">
            <Counters total="{total}" executed="{executed}" passed="{passed}" failed="{failed}" error="0" timeout="0" aborted="0"
              inconclusive="0" passedButRunAborted="0" notRunnable="0" notExecuted="0" disconnected="0" warning="0" completed="0"
              inProgress="0" pending="0" />
          </ResultSummary>
        </TestRun>
        """;
}
