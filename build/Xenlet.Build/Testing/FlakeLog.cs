using System.Text.Json;

namespace Xenlet.Build;

/// <summary>
/// The runs that were made on one commit, kept in a file of one line each, so that a hunt can be interrupted and gone on with.
/// </summary>
/// <param name="directory">Holds the files of all commits.</param>
/// <param name="commit">The commit's hash.</param>
internal sealed class FlakeLog(string directory, string commit)
{
    /// <summary>The file.</summary>
    public string Path { get; } = System.IO.Path.Combine(directory, commit + ".jsonl");

    /// <summary>The runs so far. A line that was not written to its end is left out.</summary>
    public IReadOnlyList<FlakeRun> Read() => File.Exists(Path) ? [.. File.ReadLines(Path).Select(Parse).OfType<FlakeRun>()] : [];

    /// <summary>Adds a run.</summary>
    public void Add(FlakeRun run)
    {
        Directory.CreateDirectory(directory);

        // A line break first ends what an interrupted write left.
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
