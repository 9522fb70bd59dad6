namespace Xenlet.Build;

/// <summary>Steps of a test run that run one after the other, in parallel with those of other lanes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Steps">The steps.</param>
internal sealed record TestLane(string Name, IReadOnlyList<TestStep> Steps);

/// <summary>A step of a test run.</summary>
/// <param name="Name">Its unique name.</param>
/// <param name="Command">The command and its arguments.</param>
/// <param name="Judge">Computes the outcome from the command's exit status.</param>
internal sealed record TestStep(string Name, IReadOnlyList<string> Command, Func<int, TestOutcome> Judge)
{
    /// <summary>Environment variables for the command.</summary>
    public Dictionary<string, string> Environment { get; init; } = [];

    /// <summary>
    /// The outcome of a step that counts as <paramref name="success"/> if it succeeds, and as a failure otherwise.
    /// </summary>
    public static Func<int, TestOutcome> MustSucceed(TestCount success, string problem) =>
        status => status == 0 ? new TestOutcome(success, null) : new TestOutcome(TestCount.OneFailed, problem);
}
