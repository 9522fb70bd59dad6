using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Xenlet.Build;

/// <summary>What one test project's run comes to.</summary>
/// <param name="Count">Its tests.</param>
/// <param name="Problem">Why the run itself counts as failed, or <see langword="null"/>.</param>
internal sealed record TestOutcome(TestCount Count, string? Problem)
{
    /// <summary>Judges a run of <c>dotnet test</c> by its exit status and its results file (the TRX format of Visual Studio's test platform).</summary>
    /// <param name="exitStatus">Of <c>dotnet test</c>.</param>
    /// <param name="results">Text of the results file; <see langword="null"/> if none was written.</param>
    /// <param name="filtered">Whether the user asked for some tests only, so that a project may have none of them.</param>
    public static TestOutcome Judge(int exitStatus, string? results, bool filtered)
    {
        if (results is null)
        {
            return exitStatus == 0 && filtered
                ? new TestOutcome(default, null)
                : Broken(default, $"dotnet test ended with status {exitStatus} and wrote no results");
        }

        TestCount count;
        try
        {
            count = Read(results);
        }
        catch (Exception failure) when (failure is XmlException or FormatException or InvalidDataException)
        {
            return Broken(default, $"its results cannot be read: {failure.Message}");
        }

        return count switch
        {
            { Failed: 0 } when exitStatus != 0 =>
                Broken(count, $"dotnet test ended with status {exitStatus} though no test failed: the test process crashed or hung"),
            { Failed: > 0 } when exitStatus == 0 => Broken(count, "dotnet test ended with status 0 though tests failed"),
            { Ran: 0, Skipped: 0 } when !filtered => Broken(count, "it has no tests"),
            _ => new TestOutcome(count, null),
        };
    }

    private static TestOutcome Broken(TestCount count, string problem) => new(count + TestCount.OneFailed, problem);

    private static TestCount Read(string results)
    {
        XElement root = XDocument.Parse(results).Root!;
        XElement counters = root.Descendants(root.Name.Namespace + "Counters").FirstOrDefault()
            ?? throw new InvalidDataException("there is no element Counters");
        int Number(string name) => counters.Attribute(name) is { } attribute
            ? int.Parse(attribute.Value, NumberStyles.None, CultureInfo.InvariantCulture)
            : throw new InvalidDataException($"Counters has no attribute {name}");

        int passed = Number("passed");
        int failed = Number("failed") + Number("error") + Number("timeout") + Number("aborted");
        return new TestCount(passed, failed, Number("total") - Number("executed"));
    }
}
