using System.Globalization;
using System.Text.Json;

namespace Xenlet.Build;

/// <summary>A program's image as <c>build</c> leaves it.</summary>
/// <param name="Name">The program's name, which is its assembly's.</param>
/// <param name="Directory">The directory of its files.</param>
internal sealed record GuestImage(string Name, string Directory)
{
    /// <summary>The project's own options for <c>run</c> (XenletRunOptions).</summary>
    public string RunOptions { get; init; } = "";

    /// <summary>The memory in MiB that the project requests (XenletMemory).</summary>
    public int Memory { get; init; } = RunCommand.DefaultMemory;

    /// <summary>The image without symbols.</summary>
    public string Elf => Path.Combine(Directory, Name + ".elf");

    /// <summary>The image's symbols and debug information.</summary>
    public string Symbols => Path.Combine(Directory, Name + ".debug");

    /// <summary>The domain's configuration for xl.</summary>
    public string Configuration => Path.Combine(Directory, Name + ".cfg");

    /// <summary>Commands for gdb.</summary>
    public string GdbScript => Path.Combine(Directory, Name + ".gdb");

    /// <summary>Publishes a project and collects its image in artifacts/.</summary>
    /// <exception cref="BuildException">
    /// The project is not a guest program, or does not build, which the compiler has explained.
    /// </exception>
    /// <param name="repository">The image goes to its artifacts/.</param>
    /// <param name="project">The project file.</param>
    /// <param name="processes">Runs the build.</param>
    /// <param name="debug">Whether to make a Debug build, whose code follows the source.</param>
    /// <param name="quick">Whether somebody waits for it: see <see cref="QuickBuild"/>.</param>
    public static GuestImage Make(Repository repository, string project, ProcessRunner processes, bool debug = false, bool quick = false)
    {
        string configuration = debug ? "Debug" : "Release";
        using JsonDocument answer = JsonDocument.Parse(processes.Capture(
            "dotnet",
            "msbuild",
            project,
            $"-p:Configuration={configuration}",
            "-getProperty:AssemblyName",
            "-getProperty:PublishDir",
            "-getProperty:XenletMemory",
            "-getProperty:XenletRunOptions"));
        JsonElement properties = answer.RootElement.GetProperty("Properties");
        string Property(string name) => properties.GetProperty(name).GetString() ?? "";

        // Xenlet.Sdk gives every guest a memory size.
        if (Property("XenletMemory").Length == 0)
        {
            throw new BuildException(
                $"{project} is not a guest program: it has neither <Sdk Name=\"Xenlet.Sdk\" /> nor src/Sdk/Sdk/Sdk.props.");
        }

        bool built = quick
            ? new QuickBuild(repository, processes).Publish(project, configuration)
            : processes.Run(
                "dotnet",
                ["publish", project, "-c", configuration, "-v", "quiet", "--tl:off", "--nologo", "-clp:NoSummary"],
                ProcessOutput.ToStandardError) == 0;
        if (!built)
        {
            throw new BuildException($"{project} does not build; what the compiler said is above.");
        }

        string name = Property("AssemblyName");
        GuestImage published = new(name, Path.Combine(Path.GetDirectoryName(project)!, Property("PublishDir").Replace('\\', '/')));
        GuestImage image = new(name, Path.Combine(repository.Artifacts, debug ? name + "-debug" : name))
        {
            // The publish has rejected anything that is not a number.
            Memory = int.Parse(Property("XenletMemory"), CultureInfo.InvariantCulture),
            RunOptions = Property("XenletRunOptions"),
        };
        image.Collect(published);
        return image;
    }

    private void Collect(GuestImage published)
    {
        System.IO.Directory.CreateDirectory(Directory);
        foreach (string file in System.IO.Directory.EnumerateFiles(published.Directory, Name + ".*"))
        {
            File.Copy(file, Path.Combine(Directory, Path.GetFileName(file)), overwrite: true);
        }

        if (!File.Exists(Elf))
        {
            throw new BuildException($"publishing {Name} left no {published.Elf}.");
        }
    }
}
