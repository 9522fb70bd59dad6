using System.Globalization;

namespace Xenlet.Build;

/// <summary>The last lines of a test run: where its time went.</summary>
internal static class RunReport
{
    private const int SlowestTests = 10;

    /// <summary>The lines.</summary>
    /// <param name="steps">The steps, in the order in which they ended.</param>
    /// <param name="tests">All tests.</param>
    /// <param name="budgets">The budgets of the steps.</param>
    /// <param name="calibration">The unit of the budgets.</param>
    /// <param name="wall">The wall time of the whole run.</param>
    public static IReadOnlyList<string> Lines(
        IReadOnlyList<StepCost> steps, IReadOnlyList<TestResult> tests, Budgets budgets, TimeSpan calibration, TimeSpan wall)
    {
        List<string> lines = [Row("lane", "step", "wall", "processor", "of its budget")];
        foreach (IGrouping<string, StepCost> lane in steps.GroupBy(step => step.Lane))
        {
            lines.AddRange(lane.Select(
                step => Row(lane.Key, step.Name, Minutes(step.Wall), Minutes(step.Processor), Percent(budgets.Used(step, calibration)))));
            if (lane.Count() > 1)
            {
                lines.Add(
                    Row(lane.Key, "(the lane)", Minutes(Sum(lane, step => step.Wall)), Minutes(Sum(lane, step => step.Processor)), ""));
            }
        }

        lines.Add(Row("", "the whole", Minutes(wall), Minutes(Sum(steps, step => step.Processor)), ""));
        lines.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"budgets are relative to a calibration of {calibration.TotalSeconds:0.00} s of processor time"));
        lines.Add("the slowest tests:");
        lines.AddRange(tests.OrderByDescending(test => test.Duration).Take(SlowestTests)
            .Select(test => string.Create(CultureInfo.InvariantCulture, $"  {test.Duration.TotalSeconds,6:0.0} s  {test.Name}")));
        lines.AddRange(steps.Where(step => budgets.Used(step, calibration) > 1)
            .Select(step => string.Create(
                CultureInfo.InvariantCulture,
                $"OVER ITS BUDGET: {step.Name} used {budgets.Used(step, calibration):0%} of its processor time")));
        return lines;
    }

    private static string Row(string lane, string step, string wall, string processor, string budget) =>
        $"{lane,-7}{step,-28}{wall,8}{processor,11}{budget,15}".TrimEnd();

    private static string Percent(double? used) => used is { } share ? share.ToString("0%", CultureInfo.InvariantCulture) : "none";

    private static TimeSpan Sum(IEnumerable<StepCost> steps, Func<StepCost, TimeSpan> time) => new(steps.Sum(step => time(step).Ticks));

    private static string Minutes(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes}:{time.Seconds:00}");
}
