namespace Xenlet.Build;

/// <summary>One run of a test project in the hunt for tests that fail by chance.</summary>
/// <param name="Project">The project's short name.</param>
/// <param name="Filter">The user's filter, or <see langword="null"/> if everything was run.</param>
/// <param name="Failed">The failed tests.</param>
/// <param name="Problem">Why the run itself counts as failed, or <see langword="null"/>.</param>
internal sealed record FlakeRun(string Project, string? Filter, IReadOnlyList<FailedTest> Failed, string? Problem);
