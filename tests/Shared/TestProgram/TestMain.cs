namespace Xenlet.Tests;

/// <summary>The start of a test project that has no other use as a program.</summary>
internal static class TestMain
{
    private static int Main(string[] arguments) => TestProgram.Run(arguments);
}
