namespace Xenlet.Build;

/// <summary>Makes the NuGet packages.</summary>
/// <param name="repository">The packages go to its artifacts/packages.</param>
/// <param name="processes">Runs <c>dotnet</c> and <c>git</c>.</param>
/// <param name="say">Receives progress messages, a line at a time.</param>
internal sealed class PackageMaker(Repository repository, ProcessRunner processes, Action<string> say)
{
    /// <summary>Builds and packs everything. Previous contents of artifacts/packages are removed.</summary>
    /// <param name="version">The version; <see langword="null"/> for the repository's.</param>
    /// <returns>The packages' files.</returns>
    /// <exception cref="BuildException">Something does not build or cannot be packed; the messages are above.</exception>
    public IReadOnlyList<string> Make(string? version)
    {
        if (Directory.Exists(repository.Packages))
        {
            Directory.Delete(repository.Packages, recursive: true);
        }

        Build("-restore", "-t:Build");
        Build(["-t:Pack", .. version is null ? Array.Empty<string>() : [$"-p:PackageVersion={version}"], .. Origin()]);
        return [.. Directory.EnumerateFiles(repository.Packages, "*.nupkg").Order(StringComparer.Ordinal)];
    }

    /// <summary>The properties that record in the packages where their sources are.</summary>
    private IReadOnlyList<string> Origin()
    {
        string url;
        try
        {
            url = processes.Capture("git", "-C", repository.Root, "remote", "get-url", "origin").Trim();
        }
        catch (BuildException)
        {
            url = "";
        }

        if (!url.StartsWith("https://", StringComparison.Ordinal) || url.Contains('@', StringComparison.Ordinal))
        {
            say("this clone has no remote 'origin' with a public address (https): the packages name no repository");
            return [];
        }

        string commit = processes.Capture("git", "-C", repository.Root, "rev-parse", "HEAD").Trim();
        return ["-p:RepositoryType=git", $"-p:RepositoryUrl={url}", $"-p:RepositoryCommit={commit}", $"-p:PackageProjectUrl={url}"];
    }

    private void Build(params IReadOnlyList<string> options)
    {
        string[] command =
            ["msbuild", repository.PackagesProject, $"-p:Configuration={TestRunner.Configuration}", "-v:quiet", "-tl:off", "-nologo"];
        if (processes.Run("dotnet", [.. command, .. options], ProcessOutput.ToStandardError) != 0)
        {
            throw new BuildException("the packages cannot be made; what the compiler said is above.");
        }
    }
}
