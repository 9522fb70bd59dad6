using System.Globalization;
using System.Text.RegularExpressions;

namespace Xenlet.Build;

/// <summary>
/// Lets a shell measure a command: .NET reports neither what an ended process used nor what its children used, which is most of a test run.
/// Processes that outlive the command are not counted.
/// </summary>
internal static partial class ProcessorTime
{
    // `times` (POSIX, section 2.14) writes the shell's own user and system time, and in the second line those of the children that it
    // waited for.
    private const string Script = """times=$1; output=$2; shift 2; "$@" >"$output" 2>&1; status=$?; times >"$times"; exit $status""";

    /// <summary>
    /// A command that runs <paramref name="command"/>, returns its exit status, and writes its times to a file.
    /// </summary>
    /// <param name="times">The file of the times, for <see cref="Read"/>.</param>
    /// <param name="output">The file for the command's output.</param>
    /// <param name="command">The command and its arguments.</param>
    public static (string Command, IReadOnlyList<string> Arguments) Measured(string times, string output, IEnumerable<string> command) =>
        ("sh", ["-c", Script, "sh", times, output, .. command]);

    /// <summary>Parses the output of a shell's <c>times</c>.</summary>
    /// <returns>User and system time of the command and its descendants; zero if it was ended before its times were written.</returns>
    public static TimeSpan Read(string? times) =>
        times?.TrimEnd().Split('\n') is [_, string children]
            ? TimeSpan.FromSeconds(Times().Matches(children).Sum(time => (60 * Number(time, 1)) + Number(time, 2)))
            : TimeSpan.Zero;

    private static double Number(Match match, int group) => double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(\d+)m([\d.]+)s")]
    private static partial Regex Times();
}
