using System.Text;
using Xenlet.QemuXen;

namespace Xenlet.Packages.Tests;

/// <summary>
/// A machine as its user has it who never saw Xenlet: a directory with blanks and umlauts in its path, an empty home and no package of
/// ours. Packages of others that this machine has need not be fetched again.
/// </summary>
internal sealed class Workplace : IDisposable
{
    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("xenlet päckages and blanks ").FullName;

    private Workplace(PackedFeed feed)
    {
        Feed = feed;
        Write("nuget.config", $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="packed" value="{feed.Path}" />
                <add key="nuget.org" value="https://api.nuget.org/v3/index.json" protocolVersion="3" />
              </packageSources>
              <fallbackPackageFolders>
                <clear />
                <add key="machine" value="{MachinePackages}" />
              </fallbackPackageFolders>
            </configuration>
            """);
        System.IO.Directory.CreateDirectory(PathOf("home"));
    }

    /// <summary>The packages.</summary>
    public PackedFeed Feed { get; }

    /// <summary>Variables for commands, over those of the tests.</summary>
    public Dictionary<string, string> Environment => new()
    {
        ["HOME"] = PathOf("home"),
        ["XDG_CACHE_HOME"] = PathOf("home/.cache"),
        ["DOTNET_CLI_HOME"] = PathOf("home"),
        ["NUGET_PACKAGES"] = PathOf("packages"),
        ["DOTNET_NOLOGO"] = "1",
        ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
        ["MSBUILDDISABLENODEREUSE"] = "1",
        ["UseSharedCompilation"] = "false",
    };

    private static string MachinePackages =>
        System.Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(System.Environment.GetFolderPath(System.Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    /// <summary>Makes one over the shared feed.</summary>
    public static async Task<Workplace> CreateAsync() => new(await PackedFeed.Shared);

    public void Dispose() => System.IO.Directory.Delete(_directory, recursive: true);

    /// <summary>The path of a file or directory here.</summary>
    public string PathOf(string path) => Path.Combine(_directory, path);

    /// <summary>Lets the home have the image of dom0 that the repository's tests share.</summary>
    public void ShareDom0()
    {
        string cache = PathOf("home/.cache/xenlet");
        System.IO.Directory.CreateDirectory(cache);
        System.IO.Directory.CreateSymbolicLink(Path.Combine(cache, "dom0"), Path.Combine(PackedFeed.RepositoryRoot, "artifacts", "dom0"));
    }

    /// <summary>Writes a file; VERSION in it becomes that of the packages.</summary>
    public string Write(string path, string text)
    {
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(PathOf(path))!);
        File.WriteAllText(PathOf(path), text.Replace("VERSION", Feed.Version, StringComparison.Ordinal));
        return PathOf(path);
    }

    /// <summary>Adds the one line to a project that somebody else has made.</summary>
    public void AddSdk(string project)
    {
        string text = File.ReadAllText(PathOf(project));
        int end = text.IndexOf('>', StringComparison.Ordinal) + 1;
        Write(project, $"{text[..end]}\n  <Sdk Name=\"Xenlet.Sdk\" Version=\"VERSION\" />{text[end..]}");
    }

    /// <summary>Runs dotnet.</summary>
    /// <param name="directory">Where, below the workplace.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables over <see cref="Environment"/>.</param>
    public Task<CommandResult> DotNetAsync(
        string directory, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        System.IO.Directory.CreateDirectory(PathOf(directory));
        Dictionary<string, string> all = Environment;
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            all[name] = value;
        }

        return Commands.RunAsync("dotnet", arguments, PathOf(directory), all);
    }

    /// <summary>Installs the templates.</summary>
    public async Task InstallTemplatesAsync() =>
        (await DotNetAsync("", ["new", "install", Feed.FileOf("Xenlet.Templates")])).AssertSucceeded();

    /// <summary>Publishes what must be publishable, without a warning of anybody.</summary>
    /// <param name="directory">The project's directory, or that of a file.</param>
    /// <param name="file">The file, or nothing for the project.</param>
    public async Task<PublishedGuest> PublishAsync(string directory, string file = "")
    {
        CommandResult result = await PublishAnyAsync(directory, file);
        result.AssertSucceeded();
        Assert.True(
            !result.Output.Contains("warning", StringComparison.OrdinalIgnoreCase),
            $"a publish ought to warn of nothing:\n{result.Output}");
        string publish = file.Length > 0
            ? Path.Combine(directory, "artifacts", Path.GetFileNameWithoutExtension(file))
            : Path.Combine(directory, "bin", "Release", "net10.0", "linux-x64", "publish");
        return new PublishedGuest(PathOf(publish), file.Length > 0 ? Path.GetFileNameWithoutExtension(file) : Path.GetFileName(directory));
    }

    /// <summary>Publishes what may be refused.</summary>
    public Task<CommandResult> PublishAnyAsync(
        string directory, string file = "", IReadOnlyDictionary<string, string>? environment = null, params string[] properties) =>
        DotNetAsync(
            directory,
            file.Length > 0
                ? ["publish", file, "-v", "quiet", .. properties]
                : ["publish", "-v", "quiet", "-nologo", "--tl:off", "-m:1", .. properties],
            environment);
}
