namespace Xenlet.Drivers;

/// <summary>Has something to say in the report of <c>xl sysrq</c>: a driver its requests in flight, a program its queues.</summary>
public interface IReportSource
{
    /// <summary>The section's heading.</summary>
    string ReportName { get; }

    /// <summary>
    /// Writes the section, one fact a line. It may be called at any time, also when the object is stuck: it must not wait for locks that
    /// are held for long.
    /// </summary>
    void WriteReport(TextWriter writer);
}
