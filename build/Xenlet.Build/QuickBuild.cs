namespace Xenlet.Build;

/// <summary>
/// Builds quickly for somebody who waits: packages are restored only if a project file has changed, and the analyzers are left to the full
/// build, which recompiles what was compiled without them (Directory.Build.targets).
/// </summary>
/// <param name="repository">Holds the projects.</param>
/// <param name="processes">Runs <c>dotnet</c>.</param>
internal sealed class QuickBuild(Repository repository, ProcessRunner processes)
{
    /// <summary>Builds a project and its references.</summary>
    /// <param name="project">Its file.</param>
    /// <returns>Whether it builds. If not, the compiler has explained why.</returns>
    public bool Build(string project) => Run(
        project, ["msbuild", project, $"-p:Configuration={TestRunner.Configuration}", "-v:quiet", "-tl:off", "-nologo"], "-restore", null);

    /// <summary>Publishes a guest program.</summary>
    /// <param name="project">Its file.</param>
    /// <param name="configuration">Release or Debug.</param>
    /// <returns>Whether it builds. If not, the compiler has explained why.</returns>
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
            // A removed package may be the cause; the next build checks for it.
            restored.Remove();
        }
        else if (!covered)
        {
            restored.Set(begin);
        }

        return built;
    }
}
