using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Xenlet.Build;

/// <summary>A test that was run.</summary>
/// <param name="Name">Its full name, with the arguments of its theory row.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Failure">The failure's message; <see langword="null"/> if it did not fail.</param>
internal sealed record TestResult(string Name, TimeSpan Duration, string? Failure);

/// <summary>A results file in the TRX format of Visual Studio's test platform.</summary>
/// <param name="Count">The totals in the file.</param>
/// <param name="Tests">Each test.</param>
internal sealed record TestResults(TestCount Count, IReadOnlyList<TestResult> Tests)
{
    /// <summary>Reads the text of a results file.</summary>
    /// <exception cref="InvalidDataException">It is not such a file.</exception>
    public static TestResults Parse(string text)
    {
        try
        {
            XElement root = XDocument.Parse(text).Root!;
            return new TestResults(ReadCount(root), [.. root.Descendants(root.Name.Namespace + "UnitTestResult").Select(ReadTest)]);
        }
        catch (Exception failure) when (failure is XmlException or FormatException)
        {
            throw new InvalidDataException(failure.Message, failure);
        }
    }

    private static TestCount ReadCount(XElement root)
    {
        XElement counters = root.Descendants(root.Name.Namespace + "Counters").FirstOrDefault()
            ?? throw new InvalidDataException("there is no element Counters");
        int Number(string name) => int.Parse(Required(counters, name), NumberStyles.None, CultureInfo.InvariantCulture);

        int passed = Number("passed");
        int failed = Number("failed") + Number("error") + Number("timeout") + Number("aborted");
        return new TestCount(passed, failed, Number("total") - Number("executed"));
    }

    private static TestResult ReadTest(XElement test)
    {
        // A test that was not run has no duration.
        TimeSpan duration = test.Attribute("duration") is { } took
            ? TimeSpan.Parse(took.Value, CultureInfo.InvariantCulture)
            : TimeSpan.Zero;
        string? failure = Required(test, "outcome") is "Failed" or "Error" or "Timeout" or "Aborted"
            ? test.Descendants(test.Name.Namespace + "Message").FirstOrDefault()?.Value ?? "it gave no message"
            : null;
        return new TestResult(Required(test, "testName"), duration, failure);
    }

    private static string Required(XElement element, string name) =>
        element.Attribute(name)?.Value ?? throw new InvalidDataException($"{element.Name.LocalName} has no attribute {name}");
}
