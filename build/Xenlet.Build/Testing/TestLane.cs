namespace Xenlet.Build;

/// <summary>Steps of a test run that are done one after the other, beside those of other lanes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Steps">The steps.</param>
internal sealed record TestLane(string Name, IReadOnlyList<TestStep> Steps);

/// <summary>A step of a test run.</summary>
/// <param name="Name">Its name, which no other step has.</param>
/// <param name="Command">The command and its arguments.</param>
/// <param name="Judge">What it comes to, from the command's exit status.</param>
internal sealed record TestStep(string Name, IReadOnlyList<string> Command, Func<int, TestOutcome> Judge)
{
    /// <summary>Variables for the command.</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    /// <summary>What it comes to when it counts as nothing if it goes well, and as a failure if it does not.</summary>
    public static Func<int, TestOutcome> MustSucceed(TestCount success, string problem) =>
        status => status == 0 ? new TestOutcome(success, null) : new TestOutcome(TestCount.OneFailed, problem);
}
