namespace Xenlet.Drivers;

/// <summary>Writes a section of the report of <c>xl sysrq</c>: a driver lists its requests in flight, a program its queues.</summary>
public interface IReportSource
{
    /// <summary>The section's heading.</summary>
    string ReportName { get; }

    /// <summary>
    /// The letter of <c>xl sysrq</c> that asks for this section alone, such as <c>n</c> for the network's. <c>r</c>, the default, asks for
    /// all sections of this kind.
    /// </summary>
    char ReportLetter => 'r';

    /// <summary>
    /// Writes the section, one fact a line. It may be called at any time, even when the object hangs: it must not wait for locks that may
    /// be held for long.
    /// </summary>
    void WriteReport(TextWriter writer);
}
