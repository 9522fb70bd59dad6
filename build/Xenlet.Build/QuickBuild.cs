namespace Xenlet.Build;

/// <summary>
/// Builds for somebody who waits: packages are looked at only when a project file changed, and the analyzers are left to the whole
/// build, which compiles anew what was compiled without them (Directory.Build.targets).
/// </summary>
/// <param name="repository">Holds the projects.</param>
/// <param name="processes">Runs <c>dotnet</c>.</param>
internal sealed class QuickBuild(Repository repository, ProcessRunner processes)
{
    /// <summary>Builds a project and what it refers to.</summary>
    /// <param name="project">Its file.</param>
    /// <returns>Whether it builds; the compiler has said why not.</returns>
    public bool Build(string project) => Run(
        project, ["msbuild", project, $"-p:Configuration={TestRunner.Configuration}", "-v:quiet", "-tl:off", "-nologo"], "-restore", null);

    /// <summary>Publishes a guest program.</summary>
    /// <param name="project">Its file.</param>
    /// <param name="configuration">Release or Debug.</param>
    /// <returns>Whether it builds; the compiler has said why not.</returns>
    public bool Publish(string project, string configuration) =>
        Run(
            project,
            ["publish", project, "-c", configuration, "-v", "quiet", "--tl:off", "--nologo", "-clp:NoSummary", "-m:1"],
            null,
            "--no-restore");

    private bool Run(string project, IEnumerable<string> command, string? restoring, string? otherwise)
    {
        SourceStamp restored = new(Path.Combine(Path.GetDirectoryName(project)!, "obj", "restored"));
        DateTime begin = DateTime.UtcNow;
        bool covered = restored.Covers(repository.FindProjectFiles());
        string[] options = (covered ? otherwise : restoring) is { } option ? ["-p:RunAnalyzers=false", option] : ["-p:RunAnalyzers=false"];
        bool built = processes.Run("dotnet", [.. command, .. options], ProcessOutput.ToStandardError) == 0;
        if (!built)
        {
            // It may be for want of a package that was removed: the next one looks.
            restored.Remove();
        }
        else if (!covered)
        {
            restored.Set(begin);
        }

        return built;
    }
}
