using System.Globalization;
using System.Text;
using System.Xml;

namespace Xenlet.Tests;

/// <summary>
/// Writes results in the TRX format of Visual Studio's test platform, as far as the build tool reads it (<c>TestResults</c>), with the
/// time of each test and what it wrote.
/// </summary>
internal static class ResultsFile
{
    private const string Namespace = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010";

    /// <summary>Writes a file.</summary>
    public static void Write(string path, IReadOnlyList<TestEnd> ends)
    {
        using XmlWriter writer = XmlWriter.Create(path, new XmlWriterSettings { Indent = true, Encoding = new UTF8Encoding(false) });
        writer.WriteStartElement("TestRun", Namespace);
        writer.WriteStartElement("Results", Namespace);
        foreach (TestEnd end in ends)
        {
            writer.WriteStartElement("UnitTestResult", Namespace);
            writer.WriteAttributeString("testName", Clean(end.Name));
            writer.WriteAttributeString("outcome", end.Outcome);
            writer.WriteAttributeString("startTime", end.Started.ToString("O", CultureInfo.InvariantCulture));
            writer.WriteAttributeString("duration", end.Duration.ToString("c", CultureInfo.InvariantCulture));
            writer.WriteStartElement("Output", Namespace);
            writer.WriteElementString("StdOut", Namespace, Clean(end.Output));
            if (end.Message is { } message)
            {
                writer.WriteStartElement("ErrorInfo", Namespace);
                writer.WriteElementString("Message", Namespace, Clean(message));
                writer.WriteEndElement();
            }

            writer.WriteEndElement();
            writer.WriteEndElement();
        }

        writer.WriteEndElement();
        writer.WriteStartElement("ResultSummary", Namespace);
        writer.WriteStartElement("Counters", Namespace);
        Count("total", ends.Count);
        Count("executed", ends.Count(end => end.Outcome != TestEnd.NotExecuted));
        Count("passed", ends.Count(end => end.Outcome == TestEnd.Passed));
        Count("failed", ends.Count(end => end.Outcome == TestEnd.Failed));
        Count("error", 0);
        Count("timeout", 0);
        Count("aborted", 0);
        writer.WriteEndElement();
        writer.WriteEndElement();
        writer.WriteEndElement();

        void Count(string name, int number) => writer.WriteAttributeString(name, number.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>
    /// A text whose characters XML can bear one by one: a test's console may have any. The rest is written as <c>dotnet test</c> does it.
    /// </summary>
    private static string Clean(string text)
    {
        StringBuilder clean = new(text.Length);
        foreach (char each in text)
        {
            _ = XmlConvert.IsXmlChar(each)
                ? clean.Append(each)
                : clean.Append(CultureInfo.InvariantCulture, $"\\u{(int)each:x4}");
        }

        return clean.ToString();
    }
}
