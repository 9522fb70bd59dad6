using System.Text.Json;

namespace Xenlet.Build;

/// <summary>The runs made on one commit, kept in a file with a line for each, so that a hunt can be interrupted and continued.</summary>
/// <param name="directory">Contains the files of all commits.</param>
/// <param name="commit">The commit's hash.</param>
internal sealed class FlakeLog(string directory, string commit)
{
    /// <summary>The file.</summary>
    public string Path { get; } = System.IO.Path.Combine(directory, commit + ".jsonl");

    /// <summary>The runs so far. Incomplete lines are skipped.</summary>
    public IReadOnlyList<FlakeRun> Read() => File.Exists(Path) ? [.. File.ReadLines(Path).Select(Parse).OfType<FlakeRun>()] : [];

    /// <summary>Adds a run.</summary>
    public void Add(FlakeRun run)
    {
        Directory.CreateDirectory(directory);

        // The line break first ends what an interrupted write left.
        File.AppendAllText(Path, "\n" + JsonSerializer.Serialize(run) + "\n");
    }

    private static FlakeRun? Parse(string line)
    {
        try
        {
            return line.Length > 0 ? JsonSerializer.Deserialize<FlakeRun>(line) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
