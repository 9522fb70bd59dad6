using Xenlet.GuestImage;

namespace Xenlet.Build;

/// <summary>What <c>test case</c> must boot.</summary>
/// <param name="Arguments">The arguments of the guest test image.</param>
/// <param name="Names">The cases.</param>
/// <param name="Alone">Whether it is a single case that needs a boot of its own, whose exit status is its verdict.</param>
internal sealed record CaseSelection(IReadOnlyList<string> Arguments, IReadOnlyList<string> Names, bool Alone)
{
    /// <summary>The maximum number of names that an error suggests.</summary>
    private const int Suggestions = 5;

    /// <summary>Parses the words of the command line.</summary>
    /// <param name="words">Names of cases, or one case that runs alone and its arguments.</param>
    /// <param name="table">All cases.</param>
    /// <exception cref="BuildException">A word is not the name of a case, or the case cannot be run this way.</exception>
    public static CaseSelection Read(IReadOnlyList<string> words, IReadOnlyList<CaseEntry> table)
    {
        if (table.FirstOrDefault(entry => entry.Name == words[0]) is { Kind: CaseKind.Alone, Name: { } alone })
        {
            return new CaseSelection(words, [alone], Alone: true);
        }

        foreach (string word in words)
        {
            switch (table.FirstOrDefault(entry => entry.Name == word))
            {
                case { Name: null }:
                    throw Refused($"there is no case '{word}'{Suggest(word, table)}");
                case { Kind: CaseKind.Alone }:
                    throw Refused($"the case '{word}' needs a boot of its own: name it alone, with its arguments");
                case { Kind: CaseKind.Ending }:
                    throw Refused(
                        $"the case '{word}' ends the guest, and a test on the host says how it should:"
                        + " './build.sh test Guest.Tests EndingTests'."
                        + $" './build.sh run {Path.Join("tests", "GuestImage")} --no-xen -- {word}' shows it");
            }
        }

        return new CaseSelection(words, words, Alone: false);
    }

    /// <summary>Judges a boot by its output.</summary>
    /// <param name="status">The exit status of the run.</param>
    /// <param name="console">What the guest wrote.</param>
    public TestCount Judge(int status, string console)
    {
        if (Alone)
        {
            return status == 0 ? TestCount.OnePassed : TestCount.OneFailed;
        }

        // A case that reported nothing has failed.
        string[] lines = console.Split('\n', StringSplitOptions.TrimEntries);
        int passed = Names.Distinct().Count(name => lines.Contains($"case {name}: ok"));
        return new TestCount(passed, Names.Distinct().Count() - passed, 0);
    }

    private static string Suggest(string word, IReadOnlyList<CaseEntry> table)
    {
        string[] close =
        [
            .. table.Select(entry => (entry.Name, Distance: Distance(word, entry.Name)))
                .Where(entry => entry.Distance <= Math.Max(2, word.Length / 3))
                .OrderBy(entry => entry.Distance)
                .ThenBy(entry => entry.Name, StringComparer.Ordinal)
                .Select(entry => entry.Name)
                .Take(Suggestions),
        ];
        return close.Length > 0
            ? $"; close to it: {string.Join(", ", close)}"
            : $"; the subjects are {string.Join(", ", table.Select(entry => entry.Subject).Distinct())},"
                + " and tests/GuestImage/CaseTable.cs lists the cases";
    }

    private static int Distance(string word, string name) =>
        name.Contains(word, StringComparison.OrdinalIgnoreCase) ? 0 : EditDistance.Between(word, name);

    private static BuildException Refused(string why) => new(why + ".", BuildException.Usage);
}
