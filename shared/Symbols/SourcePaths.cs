namespace Xenlet.Symbols;

/// <summary>
/// Finds the sources behind mapped paths: a build that gives equal images in any directory (PathMap) writes <c>/_/</c> for the directory of
/// its project or repository.
/// </summary>
/// <param name="roots">Directories that <c>/_/</c> may stand for, the likeliest first.</param>
internal sealed class SourcePaths(IReadOnlyList<string> roots)
{
    private const string Mapped = "/_/";

    private readonly Dictionary<string, string> _known = [];

    /// <summary>Directories and all that are above them, in order, each once.</summary>
    public static IReadOnlyList<string> WithThoseAbove(params IEnumerable<string> directories) =>
        [.. directories.SelectMany(Ascend).Distinct(StringComparer.Ordinal)];

    /// <summary>The path of the file that is there; a mapped path of one that is in none of the directories stays as it is.</summary>
    public string Real(string path)
    {
        if (!path.StartsWith(Mapped, StringComparison.Ordinal))
        {
            return path;
        }

        if (!_known.TryGetValue(path, out string? real))
        {
            real = roots.Select(root => Path.Combine(root, path[Mapped.Length..])).FirstOrDefault(File.Exists) ?? path;
            _known.Add(path, real);
        }

        return real;
    }

    private static IEnumerable<string> Ascend(string directory)
    {
        for (DirectoryInfo? place = new(directory); place is not null; place = place.Parent)
        {
            yield return place.FullName;
        }
    }
}
