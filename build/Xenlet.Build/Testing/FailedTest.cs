namespace Xenlet.Build;

/// <summary>A test that failed in one run.</summary>
/// <param name="Name">Its full name, with the values of a theory.</param>
/// <param name="Message">The assertion's message.</param>
internal sealed record FailedTest(string Name, string Message);
