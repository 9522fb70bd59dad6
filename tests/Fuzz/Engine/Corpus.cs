namespace Xenlet.Fuzz;

/// <summary>Inputs of a target in a file of text: one a line, in hexadecimal. A line that begins with <c>#</c> is a comment.</summary>
internal static class Corpus
{
    /// <summary>The file of a target in a directory of corpora.</summary>
    public static string FileOf(string directory, string target) => Path.Combine(directory, target + ".txt");

    /// <summary>Reads a file; one that is not there holds nothing.</summary>
    public static IReadOnlyList<byte[]> Read(string file) =>
        File.Exists(file) ? [.. File.ReadLines(file).Where(line => !line.StartsWith('#')).Select(Convert.FromHexString)] : [];

    /// <summary>Writes a file, and keeps the comments and what they stand above at its beginning.</summary>
    public static void Write(string file, IEnumerable<byte[]> inputs)
    {
        string[] named = File.Exists(file) ? [.. Named(File.ReadAllLines(file))] : [];
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllLines(file, named.Concat(inputs.Select(Convert.ToHexStringLower).Order(StringComparer.Ordinal).Except(named)));
    }

    /// <summary>Comments, each with the input below it: what was found once must be replayed for ever.</summary>
    private static IEnumerable<string> Named(string[] lines) =>
        lines.Where((line, number) => line.StartsWith('#') || (number > 0 && lines[number - 1].StartsWith('#')));
}
