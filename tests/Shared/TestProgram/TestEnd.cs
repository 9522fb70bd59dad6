namespace Xenlet.Tests;

/// <summary>How a test ended.</summary>
/// <param name="Name">The test, with the arguments of its theory's row.</param>
/// <param name="Outcome">One of the constants.</param>
/// <param name="Started">When it started.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Message">Why it failed or was not run; <see langword="null"/> if it passed.</param>
/// <param name="Output">What it wrote.</param>
internal sealed record TestEnd(string Name, string Outcome, DateTime Started, TimeSpan Duration, string? Message, string Output)
{
    /// <summary>It passed.</summary>
    public const string Passed = "Passed";

    /// <summary>It failed.</summary>
    public const string Failed = "Failed";

    /// <summary>It was skipped.</summary>
    public const string NotExecuted = "NotExecuted";
}
