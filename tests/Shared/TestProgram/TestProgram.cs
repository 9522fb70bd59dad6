using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Xenlet.Tests;

/// <summary>
/// Runs the tests of its own assembly: <c>dotnet X.Tests.dll run-tests RESULTS EXCLUDED-CATEGORY MINUTES</c>. <c>dotnet test</c> starts
/// three processes for a project, and each test is a message between them, which costs three seconds of processor time.
/// </summary>
internal static class TestProgram
{
    /// <summary>The first argument.</summary>
    public const string Argument = "run-tests";

    private const int Failed = 1;
    private const int Misused = 2;

    /// <summary>Runs the program.</summary>
    /// <param name="arguments">
    /// <see cref="Argument"/>, the file for the results (TRX), the category of the tests that are left out, and how many minutes may pass
    /// without an event before the run ends and names the tests that hang.
    /// </param>
    /// <returns>The exit status: 0 if no test failed.</returns>
    public static int Run(string[] arguments)
    {
        if (arguments is not [Argument, string results, string category, string limit] || !int.TryParse(limit, out int minutes))
        {
            Console.Error.WriteLine("These are tests: dotnet test runs them.");
            return Misused;
        }

        // As in dotnet test. What runs after the tests, such as a thread that one of them left, does not hold up the end.
        string file = Path.GetFullPath(results);
        Environment.CurrentDirectory = AppContext.BaseDirectory;
        Environment.Exit(RunTests(file, category, TimeSpan.FromMinutes(minutes)) ? 0 : Failed);
        return Failed;
    }

    private static bool RunTests(string results, string category, TimeSpan limit)
    {
        Assembly assembly = typeof(TestProgram).Assembly;
        RunOptions options = RunOptions.Read(Path.Combine(AppContext.BaseDirectory, "xunit.runner.json"));
        using TestEvents events = new(limit);
        using XunitTestFramework framework = new(events);
        using ITestFrameworkDiscoverer discoverer = framework.GetDiscoverer(Reflector.Wrap(assembly));
        discoverer.Find(includeSourceInformation: false, events, options);
        IEnumerable<ITestCase> cases = events.WaitForCases().Where(test => !IsIn(test, category));
        using ITestFrameworkExecutor executor = framework.GetExecutor(assembly.GetName());
        executor.RunTests(cases, events, options);
        events.WaitForEnd();
        ResultsFile.Write(results, events.Ends);
        Console.WriteLine($"{events.Ends.Count} tests");
        return events.Ends.All(end => end.Outcome != TestEnd.Failed);
    }

    private static bool IsIn(ITestCase test, string category) =>
        test.Traits.TryGetValue("Category", out List<string>? categories) && categories.Contains(category);
}
