using System.Diagnostics;
using Xenlet.Tool.Base;

namespace Xenlet.Tool.Runs;

/// <summary>Publishes a project when its image is older than one of its sources.</summary>
/// <param name="project">The project file, or the file of a program without one.</param>
/// <param name="configuration">Release, Debug, or one of the project's own.</param>
/// <param name="image">The image, or the configuration beside it, that a publish writes.</param>
/// <param name="sources">
/// The file that the last publish has left, with the path of a source in each line; the image is taken for old where there is none.
/// </param>
internal sealed class Publisher(string project, string configuration, string image, string? sources)
{
    /// <summary>Publishes, if need be. What the build says goes to standard error.</summary>
    /// <exception cref="ToolException">It does not build; the compiler has said why.</exception>
    public void PublishIfOld()
    {
        if (!IsOld())
        {
            return;
        }

        DateTime begin = DateTime.UtcNow;
        Console.Error.WriteLine($"publishing {Path.GetFileName(project)}");
        ProcessStartInfo start = new(
            Dotnet(), ["publish", project, "-c", configuration, "-v", "quiet", "--nologo", "--tl:off", "-clp:NoSummary"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = Path.GetDirectoryName(Path.GetFullPath(project)),
        };

        // 'dotnet run' leaves variables of its own build, which are not this one's.
        foreach (string variable in start.Environment.Keys
            .Where(key => key.TrimStart('_').StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
            .ToList())
        {
            start.Environment.Remove(variable);
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        using Stream error = Console.OpenStandardError();
        process.StandardOutput.BaseStream.CopyTo(error);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new ToolException($"run: {project} does not build; what the compiler said is above");
        }

        if (!File.Exists(image))
        {
            throw new ToolException($"run: 'dotnet publish {project}' has left no {image}");
        }

        // A source that was changed meanwhile may have been read before.
        if (File.Exists(sources))
        {
            File.SetLastWriteTimeUtc(sources, begin);
        }
    }

    /// <summary>Whether the image is missing, or older than a source.</summary>
    public bool IsOld()
    {
        if (!File.Exists(image) || sources is null || !File.Exists(sources))
        {
            return true;
        }

        DateTime made = File.GetLastWriteTimeUtc(sources);
        string[] files = [.. File.ReadLines(sources).Where(line => line.Length > 0).Append(project)];
        return files.Any(file => !File.Exists(file) || File.GetLastWriteTimeUtc(file) > made)
            || Directories(files).Any(directory => Directory.GetLastWriteTimeUtc(directory) > made);
    }

    /// <summary>
    /// Directories that a project takes all sources of, whose time changes when there is a new one. A program of one file takes none by
    /// itself.
    /// </summary>
    private IEnumerable<string> Directories(string[] files) => Path.GetExtension(project) == ".cs"
        ? []
        : files.Where(file => Path.GetExtension(file) is ".cs" or ".resx" or ".cshtml" or ".razor")
            .Select(file => Path.GetDirectoryName(file)!)
            .Distinct()
            .Where(Directory.Exists);

    /// <summary>The dotnet that runs this tool, if one does.</summary>
    private static string Dotnet() =>
        Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet";
}
