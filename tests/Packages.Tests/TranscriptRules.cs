using System.Text.RegularExpressions;

namespace Xenlet.Packages.Tests;

/// <summary>What may differ between the transcript of a document and that of its commands. Everything else has to be equal.</summary>
/// <param name="home">The reader's home, which the document calls <c>~</c>.</param>
/// <param name="version">The version of the packages.</param>
/// <param name="documentVersion">What the document has in its place.</param>
internal sealed partial class TranscriptRules(string home, string version, string documentVersion)
{
    /// <summary>Gives the lines that are compared.</summary>
    public IReadOnlyList<string> Apply(IEnumerable<string> lines) =>
    [
        .. lines
            .Select(TrailingBlanks)
            .Select(Home)
            .Select(Version)
            .Where(line => !IsBlank(line) && !IsOfTheTerminal(line) && !IsRestore(line) && !IsPreparation(line)),
    ];

    /// <summary>The two outputs of a command reach a terminal in any order, but each in its own.</summary>
    public static bool IsMerge(IReadOnlyList<string> merged, IReadOnlyList<string> first, IReadOnlyList<string> second)
    {
        if (merged.Count != first.Count + second.Count)
        {
            return false;
        }

        bool[,] isPossible = new bool[first.Count + 1, second.Count + 1];
        for (int i = 0; i <= first.Count; i++)
        {
            for (int j = 0; j <= second.Count; j++)
            {
                isPossible[i, j] = (i == 0 && j == 0)
                    || (i > 0 && isPossible[i - 1, j] && merged[i + j - 1] == first[i - 1])
                    || (j > 0 && isPossible[i, j - 1] && merged[i + j - 1] == second[j - 1]);
            }
        }

        return isPossible[first.Count, second.Count];
    }

    // A table's last column is filled up, and a guest's console ends its lines with CR.
    private static string TrailingBlanks(string line) => line.TrimEnd();

    private string Home(string line) => line.Replace(home, "~", StringComparison.Ordinal);

    private string Version(string line) => line.Replace(version, documentVersion, StringComparison.Ordinal);

    private static bool IsBlank(string line) => line.Length == 0;

    // It is said where standard input is a terminal.
    private static bool IsOfTheTerminal(string line) => line.StartsWith("the terminal is the guest's console", StringComparison.Ordinal);

    // The first command that needs the package of an SDK tells how it is fetched, whatever its verbosity.
    private static bool IsRestore(string line) => Restore().IsMatch(line);

    // The first run makes dom0 and boots it, later ones restore its state.
    private static bool IsPreparation(string line) => Preparation().IsMatch(line);

    [GeneratedRegex("^(X\\.509 certificate chain validation |Restoring packages for |Installed Xenlet\\.Sdk )")]
    private static partial Regex Restore();

    [GeneratedRegex("^(booting Xen and dom0|restoring Xen and dom0 from their saved state)$")]
    private static partial Regex Preparation();
}
