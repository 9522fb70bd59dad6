namespace Xenlet.Build.Tests;

public sealed class RunReportTests
{
    private static readonly TimeSpan Calibration = TimeSpan.FromSeconds(0.5);

    private static readonly StepCost[] Steps =
    [
        new("build", "build", TimeSpan.FromSeconds(80), TimeSpan.FromSeconds(140)),
        new("host", "A.Tests", TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(30)),
        new("guests", "B.Tests", TimeSpan.FromSeconds(600), TimeSpan.FromSeconds(500)),
        new("host", "C.Tests", TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(4)),
    ];

    [Fact]
    public void The_last_lines_say_the_time_by_step_and_lane_and_what_is_over_its_budget()
    {
        TestResult[] tests = [.. Enumerable.Range(1, 12).Select(i => new TestResult($"T{i}", TimeSpan.FromSeconds(i), null))];
        Budgets budgets = Budgets.Parse("budgets.txt", ["A.Tests 50", "B.Tests 2000"]);

        Assert.Equal(
            [
                "lane   step                            wall  processor  of its budget",
                "build  build                           1:20       2:20           none",
                "host   A.Tests                         0:20       0:30           120%",
                "host   C.Tests                         0:05       0:04           none",
                "host   (the lane)                      0:25       0:34",
                "guests B.Tests                        10:00       8:20            50%",
                "       the whole                      11:40      11:14",
                "budgets are relative to a calibration of 0.50 s of processor time",
                "the slowest tests:",
                .. Enumerable.Range(3, 10).Reverse().Select(i => $"  {i,4}.0 s  T{i}"),
                "OVER ITS BUDGET: A.Tests used 120% of its processor time",
            ],
            RunReport.Lines(Steps, tests, budgets, Calibration, TimeSpan.FromSeconds(700)));
    }

    [Theory]
    [InlineData("A", "budgets.txt, line 2: 'A' is not a name and a number above zero.")]
    [InlineData("A x", "budgets.txt, line 2: 'A x' is not a name and a number above zero.")]
    [InlineData("A 1 2", "budgets.txt, line 2: 'A 1 2' is not a name and a number above zero.")]
    [InlineData("A 0", "budgets.txt, line 2: 'A 0' is not a name and a number above zero.")]
    [InlineData("B 7 # once more", "budgets.txt, line 2: B has a budget already.")]
    public void A_line_of_the_budgets_that_makes_no_sense_is_named(string line, string expected) =>
        Assert.Equal(expected, Assert.Throws<BuildException>(() => Budgets.Parse("budgets.txt", ["B 1.5 # comment", line])).Message);

    [Fact]
    public void The_budgets_of_the_repository_can_be_read()
    {
        string path = new Repository(Places.RepositoryRoot).Budgets;

        Assert.NotEmpty(Budgets.Parse(path, File.ReadLines(path)).Shares);
    }

    [Fact]
    public void A_calibration_takes_processor_time() => Assert.True(Xenlet.Build.Calibration.Run() > TimeSpan.Zero);
}
