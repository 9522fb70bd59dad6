using System.Globalization;
using System.Text.RegularExpressions;

namespace Xenlet.Build;

/// <summary>
/// Has a shell measure a command: .NET does not tell what a process that has ended used, nor what its children used, and most of a test run
/// is theirs. What a process leaves running when it ends is not in the count.
/// </summary>
internal static partial class ProcessorTime
{
    // `times` (POSIX, section 2.14) writes the shell's own user and system time, and in the second line those of its children that were
    // waited for.
    private const string Script = """times=$1; output=$2; shift 2; "$@" >"$output" 2>&1; status=$?; times >"$times"; exit $status""";

    /// <summary>The command that runs <paramref name="command"/>, has its exit status, and leaves its times in a file.</summary>
    /// <param name="times">That file, for <see cref="Read"/>.</param>
    /// <param name="output">The file for what the command writes.</param>
    /// <param name="command">The command and its arguments.</param>
    public static (string Command, IReadOnlyList<string> Arguments) Measured(string times, string output, IEnumerable<string> command) =>
        ("sh", ["-c", Script, "sh", times, output, .. command]);

    /// <summary>Reads what a shell's <c>times</c> has written.</summary>
    /// <returns>User and system time of the command and of its descendants; zero when it was ended before its times were written.</returns>
    public static TimeSpan Read(string? times) =>
        times?.TrimEnd().Split('\n') is [_, string children]
            ? TimeSpan.FromSeconds(Times().Matches(children).Sum(time => (60 * Number(time, 1)) + Number(time, 2)))
            : TimeSpan.Zero;

    private static double Number(Match match, int group) => double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(\d+)m([\d.]+)s")]
    private static partial Regex Times();
}
