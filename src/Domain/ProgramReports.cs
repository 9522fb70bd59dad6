using Xenlet.Drivers;

namespace Xenlet.Domain;

/// <summary>
/// Sections of reports that last as long as the program: whoever controls the domain has them, the services that the image starts and
/// those that the program starts.
/// </summary>
internal static class ProgramReports
{
    private static volatile IReportSource[] s_sources = [];

    /// <summary>The sections.</summary>
    public static IReadOnlyList<IReportSource> Sources => s_sources;

    /// <summary>Adds a section. Called before anybody controls the domain.</summary>
    /// <param name="source">The section.</param>
    public static void Add(IReportSource source) => s_sources = [.. s_sources, source];
}
