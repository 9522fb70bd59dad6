using System.Xml.Linq;

namespace Xenlet.Build.Tests;

/// <summary>build.sh, in a directory of its own with stand-ins for the programs it looks for.</summary>
public sealed class BuildScriptTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public BuildScriptTests()
    {
        _directory.WriteExecutable("build.sh", File.ReadAllText(Path.Combine(Places.RepositoryRoot, "build.sh")));
        foreach (string name in (string[])["dirname", "find", "touch", "cat"])
        {
            _directory.WriteExecutable($"path/{name}", $"#!/bin/sh\nexec /usr/bin/{name} \"$@\"\n");
        }

        _directory.Write("Directory.Build.props", "");
        _directory.Write("Directory.Packages.props", "");
        _directory.Write("build/PowerShellHost/Program.cs", "");
    }

    private string HostSource => Path.Combine(_directory.Path, "build/PowerShellHost/Program.cs");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task An_installed_pwsh_comes_first()
    {
        AddDotnet();
        _directory.WriteExecutable("path/pwsh", "#!/bin/sh\nfor word; do echo \"[$word]\"; done\nexit 6\n");

        CommandResult result = await RunAsync("run", "a b", "");

        Assert.Equal(6, result.ExitStatus);
        Assert.Equal($"[-NoLogo]\n[-NoProfile]\n[-File]\n[{_directory.Path}/build.ps1]\n[run]\n[a b]\n[]\n", result.Output);
    }

    [Fact]
    public async Task Without_pwsh_the_host_is_built_once_and_again_when_its_source_changes()
    {
        AddDotnet();

        CommandResult first = await RunAsync("help me");
        CommandResult second = await RunAsync("help me");
        File.SetLastWriteTimeUtc(HostSource, DateTime.UtcNow.AddSeconds(5));
        CommandResult third = await RunAsync("help me");

        Assert.Equal(
            [true, false, true], new[] { first, second, third }.Select(result => result.Error.Contains("BUILT", StringComparison.Ordinal)));
        string ran =
            $"[exec]\n[{_directory.Path}/build/PowerShellHost/bin/Release/net10.0/PowerShellHost.dll]\n"
            + $"[{_directory.Path}/build.ps1]\n[help me]\n";
        Assert.All([first, second, third], result => Assert.Equal((4, ran), (result.ExitStatus, result.Output)));
    }

    [Fact]
    public async Task A_host_that_does_not_build_ends_it()
    {
        AddDotnet(buildStatus: 1);

        CommandResult result = await RunAsync("help");

        Assert.Equal(1, result.ExitStatus);
        Assert.Equal("", result.Output);
    }

    [Fact]
    public async Task A_missing_SDK_is_named_with_the_way_to_get_it()
    {
        CommandResult result = await RunAsync("help");

        Assert.Equal(1, result.ExitStatus);
        Assert.Contains(".NET 10 SDK is missing", result.Error, StringComparison.Ordinal);
        Assert.Contains("dotnet-sdk-10.0", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_SDK_too_old_is_named_with_the_way_to_get_it()
    {
        AddDotnet(versionStatus: 1);

        CommandResult result = await RunAsync("help");

        Assert.Equal(1, result.ExitStatus);
        Assert.Contains("dotnet-sdk-10.0", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(3, 3)]
    public async Task The_tool_gets_the_arguments_as_they_were_once_it_is_built(int buildStatus, int expected)
    {
        AddDotnet(buildStatus: buildStatus);
        string script = AddScript();
        string[] arguments = ["run", "a b", "-x:y", "--opt=true", "-File", "*", "~", "", "q\"q", "it's", "--", "$HOME"];

        CommandResult result = await RunScriptAsync(script, arguments);

        Assert.Equal(expected, result.ExitStatus);
        string[] command = ["exec", $"{_directory.Path}/build/Xenlet.Build/bin/Release/net10.0/Xenlet.Build.dll", .. arguments];
        Assert.Equal(
            "BUILT\n" + (buildStatus == 0 ? string.Concat(command.Select(word => $"[{word}]\n")) : ""), result.Output + result.Error);
    }

    [Fact]
    public async Task The_tool_is_built_again_only_when_one_of_its_sources_changes()
    {
        AddDotnet();
        string script = AddScript();
        string[] sources = [.. ToolSources().Select(source => _directory.Write(source, ""))];
        foreach (string source in sources)
        {
            File.SetLastWriteTimeUtc(source, DateTime.UtcNow.AddHours(-1));
        }

        // What is not there when a build begins changes the time of its directory once.
        _ = await RunScriptAsync(script);
        _ = await RunScriptAsync(script);
        Assert.DoesNotContain("BUILT", (await RunScriptAsync(script)).Output, StringComparison.Ordinal);

        // One process for all: PowerShell's start is most of what a run takes.
        _directory.Write("sources.txt", string.Join('\n', sources));
        string output = (await RunScriptAsync(_directory.Write("each.ps1", """
            foreach ($source in [IO.File]::ReadAllLines("$PSScriptRoot/sources.txt")) {
                "=== $source"
                [IO.File]::SetLastWriteTimeUtc($source, [DateTime]::UtcNow.AddMinutes(1))
                & "$PSScriptRoot/build.ps1"
                [IO.File]::SetLastWriteTimeUtc($source, [DateTime]::UtcNow.AddHours(-1))
            }
            "=== nothing"
            & "$PSScriptRoot/build.ps1"
            """))).Output;

        string[] runs = output.Split("=== ", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(sources.Length + 1, runs.Length);
        foreach ((string source, string run) in sources.Zip(runs))
        {
            Assert.StartsWith($"{source}\n", run, StringComparison.Ordinal);
            Assert.True(run.Contains("BUILT", StringComparison.Ordinal), $"{source} changed, and the tool was not built");
        }

        Assert.DoesNotContain("BUILT", runs[^1], StringComparison.Ordinal);
    }

    /// <summary>A file for each input of the tool's project from other directories.</summary>
    private static IEnumerable<string> ToolSources()
    {
        string directory = Path.Combine(Places.RepositoryRoot, "build/Xenlet.Build");
        XDocument project = XDocument.Load(Path.Combine(directory, "Xenlet.Build.csproj"));
        return project.Descendants().Where(element => element.Name.LocalName is "Compile" or "ProjectReference")
            .Select(element => Path.GetFullPath(element.Attribute("Include")!.Value, directory))
            .Select(path => Path.GetRelativePath(Places.RepositoryRoot, path))
            .Concat(["build/Xenlet.Build/Program.cs", "Directory.Build.props", "Directory.Build.targets"])
            .Concat(["Directory.Packages.props", "global.json"]);
    }

    private static string LocateDotnet() =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(directory => Path.Combine(directory, "dotnet")).First(File.Exists);

    /// <summary>Each branch stands for a use of dotnet: the version, building the host, running it.</summary>
    private void AddDotnet(int versionStatus = 0, int buildStatus = 0) => _directory.WriteExecutable("path/dotnet", $$"""
        #!/bin/sh
        case $1 in
            --version) exit {{versionStatus}} ;;
            msbuild)
                echo BUILT
                /usr/bin/mkdir -p "${2%/*}/bin/Release/net10.0" "${2%/*}/obj"
                /usr/bin/touch "${2%/*}/bin/Release/net10.0/PowerShellHost.dll"
                exit {{buildStatus}} ;;
            exec) for word; do echo "[$word]"; done; exit 4 ;;
        esac
        """);

    private string AddScript()
    {
        _directory.Write("build/Xenlet.Build/Xenlet.Build.csproj", "");
        return _directory.Write("build.ps1", File.ReadAllText(Path.Combine(Places.RepositoryRoot, "build.ps1")));
    }

    private Task<CommandResult> RunScriptAsync(string script, params string[] arguments) => CommandResult.RunAsync(
        LocateDotnet(),
        ["exec", Places.PowerShellHost, script, .. arguments],
        environment: new Dictionary<string, string?> { ["PATH"] = Path.Combine(_directory.Path, "path") });

    private Task<CommandResult> RunAsync(params string[] arguments) => CommandResult.RunAsync(
        "/bin/sh",
        [Path.Combine(_directory.Path, "build.sh"), .. arguments],
        environment: new Dictionary<string, string?> { ["PATH"] = Path.Combine(_directory.Path, "path") });
}
