using System.Globalization;

namespace Xenlet.Build;

/// <summary>Builds the targets of tests/Fuzz and fuzzes them.</summary>
/// <param name="repository">Contains them and their corpora.</param>
/// <param name="processes">Runs <c>dotnet</c>.</param>
/// <param name="say">Receives progress messages, a line at a time.</param>
internal sealed class FuzzRun(Repository repository, ProcessRunner processes, Action<string> say)
{
    /// <summary>Fuzzes.</summary>
    /// <returns>The exit status: 0 if nothing was found.</returns>
    /// <exception cref="BuildException">The targets do not build.</exception>
    public int Run(FuzzCommand command)
    {
        string project = Repository.FindProject(repository.FuzzProject);
        string name = Path.GetFileNameWithoutExtension(project);
        say($"building {name}");
        if (!new QuickBuild(repository, processes).Build(project))
        {
            throw new BuildException($"{project} does not build; what the compiler said is above.");
        }

        string assembly = Path.Combine(repository.FuzzProject, "bin", TestRunner.Configuration, "net10.0", name + ".dll");
        return processes.Run("dotnet", ["exec", assembly, .. Arguments(repository, command)], ProcessOutput.Inherited);
    }

    /// <summary>The program's arguments.</summary>
    public static IReadOnlyList<string> Arguments(Repository repository, FuzzCommand command) =>
    [
        "--corpora", Path.Combine(repository.FuzzProject, "Corpora"),
        "--work", repository.FuzzWork,
        .. command.Minutes is { } minutes ? ["--minutes", minutes.ToString(CultureInfo.InvariantCulture)] : Array.Empty<string>(),
        .. command.Targets,
    ];
}
