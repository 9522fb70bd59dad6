using System.Xml;
using System.Xml.Linq;

namespace Xenlet.Build;

/// <summary>A test that failed in one run.</summary>
/// <param name="Name">Its full name, with the values of a theory.</param>
/// <param name="Message">What the assertion said.</param>
internal sealed record FailedTest(string Name, string Message)
{
    /// <summary>The tests that failed according to a results file (TRX).</summary>
    /// <param name="results">Its text; <see langword="null"/> if none was written.</param>
    public static IReadOnlyList<FailedTest> Read(string? results)
    {
        if (results is null)
        {
            return [];
        }

        XElement root;
        try
        {
            root = XDocument.Parse(results).Root!;
        }
        catch (XmlException)
        {
            // TestOutcome says so.
            return [];
        }

        XNamespace space = root.Name.Namespace;
        return
        [
            .. root.Descendants(space + "UnitTestResult")
                .Where(result => result.Attribute("outcome")?.Value is "Failed" or "Error" or "Timeout" or "Aborted")
                .Select(result => new FailedTest(
                    result.Attribute("testName")?.Value ?? "(no name)",
                    result.Descendants(space + "Message").FirstOrDefault()?.Value.Trim() ?? "(no message)")),
        ];
    }
}
