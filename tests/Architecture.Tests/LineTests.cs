namespace Xenlet.Architecture.Tests;

/// <summary>The rule of .editorconfig that no compiler checks: <c>max_line_length</c>.</summary>
public sealed class LineTests
{
    private const int Most = 140;

    private static readonly string[] Rooms = ["bench", "build", "linker", "qemu-xen", "samples", "src", "tests"];

    [Fact]
    public void No_line_of_the_sources_is_longer_than_editorconfig_says()
    {
        Assert.Contains(
            $"max_line_length = {Most}",
            File.ReadAllText(Path.Combine(SourceUsings.Repository(), ".editorconfig")),
            StringComparison.Ordinal);

        Assert.Empty(Rooms.SelectMany(room => Files(room, "*.cs")).SelectMany(LongLines));
    }

    [Fact]
    public void No_line_of_the_pages_is_longer_but_in_tables_and_transcripts() =>
        Assert.Empty(Files("docs", "*.md").Concat(Directory.EnumerateFiles(SourceUsings.Repository(), "*.md")).SelectMany(LongLines));

    private static IEnumerable<string> Files(string room, string pattern) => Directory
        .EnumerateFiles(Path.Combine(SourceUsings.Repository(), room), pattern, SearchOption.AllDirectories)
        .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"));

    /// <summary>Raw strings and code blocks may have longer lines, since they quote other texts.</summary>
    private static IEnumerable<string> LongLines(string file)
    {
        bool isPage = Path.GetExtension(file) == ".md";
        bool isVerbatim = false;
        int number = 0;
        foreach (string line in File.ReadLines(file))
        {
            number++;
            string trimmed = line.TrimStart();
            if (isPage ? trimmed.StartsWith("```", StringComparison.Ordinal) : line.Split("\"\"\"").Length % 2 == 0)
            {
                isVerbatim = !isVerbatim;
            }
            else if (line.Length > Most && !isVerbatim && !(isPage && trimmed.StartsWith('|')))
            {
                yield return $"{Path.GetRelativePath(SourceUsings.Repository(), file)}:{number} has {line.Length} columns";
            }
        }
    }
}
