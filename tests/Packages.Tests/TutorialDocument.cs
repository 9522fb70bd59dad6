using System.Text.RegularExpressions;

namespace Xenlet.Packages.Tests;

/// <summary>
/// Reads a tutorial. A fenced block <c>console</c> has commands behind <c>$ </c> and what each writes; any other block is a file, whose
/// name ends the paragraph before it: <c>`NAME`:</c>.
/// </summary>
internal static partial class TutorialDocument
{
    private const string Fence = "```";
    private const string Prompt = "$ ";

    /// <summary>Gives the steps in their order, and fails the test for a block that is neither commands nor a file.</summary>
    public static IReadOnlyList<TutorialStep> Read(string text)
    {
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        List<TutorialStep> steps = [];
        string before = "";
        for (int i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith(Fence, StringComparison.Ordinal))
            {
                before = lines[i].Length > 0 ? lines[i] : before;
                continue;
            }

            int end = Array.IndexOf(lines, Fence, i + 1);
            Assert.True(end > 0, $"line {i + 1}: the block has no end");
            if (lines[i] == Fence + "console")
            {
                steps.AddRange(ReadCommands(lines, i + 1, end));
            }
            else
            {
                Match name = FileName().Match(before);
                Assert.True(name.Success, $"line {i + 1}: a file's name, as in `NAME`:, ought to end the paragraph before its block");
                steps.Add(new TutorialStep.File(i + 1, name.Groups[1].Value, string.Join('\n', lines[(i + 1)..end]) + "\n"));
            }

            i = end;
        }

        return steps;
    }

    private static IEnumerable<TutorialStep> ReadCommands(string[] lines, int first, int end)
    {
        Assert.True(
            lines[first].StartsWith(Prompt, StringComparison.Ordinal),
            $"line {first + 1}: a console ought to begin with '{Prompt}COMMAND'");
        for (int i = first; i < end;)
        {
            int next = i + 1;
            while (next < end && !lines[next].StartsWith(Prompt, StringComparison.Ordinal))
            {
                next++;
            }

            yield return new TutorialStep.Command(i + 1, lines[i][Prompt.Length..], lines[(i + 1)..next]);
            i = next;
        }
    }

    [GeneratedRegex("`([^`]+)`:$")]
    private static partial Regex FileName();
}
