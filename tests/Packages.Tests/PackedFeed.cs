using System.Globalization;
using System.Reflection;

namespace Xenlet.Packages.Tests;

/// <summary>
/// What the repository packs, in a directory that serves as a feed. Each pack has a version that no other ever had: NuGet takes a package
/// whose version it knows from its cache, whatever the feed has by then.
/// </summary>
internal sealed class PackedFeed
{
    private static readonly Lazy<Task<PackedFeed>> LazyOnly = new(PackAsync);
    private static int s_packs;

    private PackedFeed(string directory, string version)
    {
        Path = directory;
        Version = version;
    }

    /// <summary>The top directory of the sources.</summary>
    public static string RepositoryRoot { get; } = typeof(PackedFeed).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>The feed that tests share.</summary>
    public static Task<PackedFeed> Shared => LazyOnly.Value;

    /// <summary>The directory.</summary>
    public string Path { get; }

    /// <summary>The version of the packages that were packed last.</summary>
    public string Version { get; private set; }

    /// <summary>The file of a package.</summary>
    public string FileOf(string package) => System.IO.Path.Combine(Path, $"{package}.{Version}.nupkg");

    /// <summary>Packs everything once more into the feed, with the next version.</summary>
    public async Task PackNextAsync() => Version = await PackAsync(Path);

    /// <summary>Packs what is built, with a new version, into a directory.</summary>
    public static async Task<string> PackAsync(string directory)
    {
        string version = string.Create(
            CultureInfo.InvariantCulture,
            $"0.0.0-test.{DateTime.UtcNow.Ticks}.{Environment.ProcessId}.{Interlocked.Increment(ref s_packs)}");
        string project = System.IO.Path.Combine(RepositoryRoot, "src", "Packages.proj");
        CommandResult result = await Commands.RunAsync(
            "dotnet",
            ["msbuild", project, "-p:Configuration=Release", $"-p:PackageVersion={version}", $"-p:PackageOutputPath={directory}/",
                "-v:quiet", "-nologo", "-tl:off", "-m:1", "-nodeReuse:false"],
            RepositoryRoot);
        result.AssertSucceeded();
        return version;
    }

    private static async Task<PackedFeed> PackAsync()
    {
        string directory = Directory.CreateTempSubdirectory("xenlet-feed-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(directory, recursive: true);
        return new PackedFeed(directory, await PackAsync(directory));
    }
}
