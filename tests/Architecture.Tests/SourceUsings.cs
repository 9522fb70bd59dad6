using System.Text.RegularExpressions;

namespace Xenlet.Architecture.Tests;

/// <summary>The using directives of a room's sources.</summary>
internal static partial class SourceUsings
{
    /// <summary>Each using of a higher floor's namespace, in words.</summary>
    public static IEnumerable<string> ArrowsUp(Room room)
    {
        string directory = Path.Combine(Repository(), room.Directory);
        foreach (string file in Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories))
        {
            string folder = Path.GetDirectoryName(Path.GetRelativePath(directory, file))!;
            foreach (string used in Using().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value).Where(
                used => used.StartsWith(room.Namespace + ".", StringComparison.Ordinal)))
            {
                int floor = room.FloorOf(used[(room.Namespace.Length + 1)..].Replace('.', '/'));
                if (floor > room.FloorOf(folder))
                {
                    yield return $"{room.Directory}/{Path.GetRelativePath(directory, file)} uses {used}: {folder} is below "
                        + $"{room.Floors[floor]}";
                }
            }
        }
    }

    /// <summary>The repository's root, above this test's own directory.</summary>
    public static string Repository()
    {
        string? directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Xenlet.slnx")))
        {
            directory = Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException(
                $"no Xenlet.slnx is above {AppContext.BaseDirectory}");
        }

        return directory;
    }

    /// <summary>Of an alias or a static using too.</summary>
    [GeneratedRegex(@"^using (?:static )?(?:\w+ = )?([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Using();
}
