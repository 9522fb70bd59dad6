using System.Globalization;

namespace Xenlet.Packages.Tests;

/// <summary>Somebody who follows a tutorial to the letter, in a home in which the repository was cloned and packed.</summary>
internal sealed class TutorialReader
{
    // The errors go to a file, since the two outputs are compared apart; a `cd` is one for all commands that follow.
    private const string Shell = """eval "$1" 2>"$2" </dev/null; status=$?; pwd >"$3"; exit $status""";
    private const string DocumentVersion = "0.1.0";
    private const string LastLine = "xenlet: exit ";

    private readonly Workplace _workplace;
    private readonly Dictionary<string, string> _environment;
    private readonly TranscriptRules _rules;
    private string _directory;

    public TutorialReader(Workplace workplace)
    {
        _workplace = workplace;
        _directory = workplace.PathOf("home");
        _rules = new(_directory, workplace.Feed.Version, DocumentVersion);
        _environment = new(workplace.Environment) { ["XDG_CACHE_HOME"] = "" };
        Link("home/xenlet/artifacts/packages", workplace.Feed.Path);
        Link("home/.cache/xenlet/dom0", Path.Combine(PackedFeed.RepositoryRoot, "artifacts", "dom0"));

        // The document itself says where the packages are.
        string config = workplace.PathOf("nuget.config");
        string[] lines = File.ReadAllLines(config);
        workplace.Write(
            "home/.nuget/NuGet/NuGet.Config",
            string.Join('\n', lines.Where(line => !line.Contains("\"packed\"", StringComparison.Ordinal))));
        File.Delete(config);
    }

    /// <summary>Does what a step says, and fails the test where something else comes of it.</summary>
    public async Task DoAsync(TutorialStep step)
    {
        switch (step)
        {
            case TutorialStep.File file:
                await File.WriteAllTextAsync(Path.Combine(_directory, file.Name), OfThisFeed(file.Text));
                break;
            case TutorialStep.Command command:
                await RunAsync(command);
                break;
        }
    }

    private async Task RunAsync(TutorialStep.Command command)
    {
        string errors = _workplace.PathOf("errors");
        string directory = _workplace.PathOf("directory");
        CommandResult result = await Commands.RunAsync(
            "sh", ["-c", Shell, "tutorial", OfThisFeed(command.Text), errors, directory], _directory, _environment);
        _directory = (await File.ReadAllTextAsync(directory)).TrimEnd('\n');

        IReadOnlyList<string> expected = _rules.Apply(command.Output);
        IReadOnlyList<string> output = _rules.Apply(result.Output.Split('\n'));
        IReadOnlyList<string> errorOutput = _rules.Apply(await File.ReadAllLinesAsync(errors));
        int status = command.Output is [.., { } last] && last.StartsWith(LastLine, StringComparison.Ordinal)
            ? int.Parse(last.AsSpan(LastLine.Length), CultureInfo.InvariantCulture)
            : 0;
        Assert.True(
            result.Status == status && TranscriptRules.IsMerge(expected, output, errorOutput),
            $"""
            line {command.Line}: '{command.Text}' ought to end with {status} and to write
            {string.Join('\n', expected)}
            It ended with {result.Status} and wrote
            {string.Join('\n', output)}
            and as errors
            {string.Join('\n', errorOutput)}
            """);
    }

    private string OfThisFeed(string text) => text.Replace(DocumentVersion, _workplace.Feed.Version, StringComparison.Ordinal);

    private void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_workplace.PathOf(path))!);
        Directory.CreateSymbolicLink(_workplace.PathOf(path), target);
    }
}
