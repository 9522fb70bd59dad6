using System.Text.Json;
using Xenlet.QemuXen;

namespace Xenlet.Build;

/// <summary>A program made into an image, as <c>build</c> leaves it.</summary>
/// <param name="Name">The program's name, which is its assembly's.</param>
/// <param name="Directory">Holds the three files.</param>
internal sealed record GuestImage(string Name, string Directory)
{
    /// <summary>Options of <c>run</c> that the project names for itself (XenletRunOptions).</summary>
    public string RunOptions { get; init; } = "";

    /// <summary>The image, without symbols.</summary>
    public string Elf => Path.Combine(Directory, Name + ".elf");

    /// <summary>The image's symbols and debug information.</summary>
    public string Symbols => Path.Combine(Directory, Name + ".debug");

    /// <summary>The domain's configuration for xl.</summary>
    public string Configuration => Path.Combine(Directory, Name + ".cfg");

    /// <summary>What the image was made from, in CycloneDX's format.</summary>
    public string Parts => Path.Combine(Directory, Name + ".cdx.json");

    /// <summary>Commands for gdb.</summary>
    public string GdbScript => Path.Combine(Directory, Name + ".gdb");

    /// <summary>Publishes a project and collects its image below artifacts/.</summary>
    /// <exception cref="BuildException">The project is no guest program, or does not build; the compiler has said why.</exception>
    /// <param name="repository">Its artifacts/ receive the image.</param>
    /// <param name="project">The project file.</param>
    /// <param name="processes">Runs the build.</param>
    /// <param name="debug">Whether it is a Debug build, whose code is as the source says it.</param>
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
            "-getProperty:PublishAot",
            "-getProperty:StaticExecutable",
            "-getProperty:NativeBinaryExt",
            "-getProperty:XenletRunOptions"));
        JsonElement properties = answer.RootElement.GetProperty("Properties");
        string Property(string name) => properties.GetProperty(name).GetString() ?? "";

        if (!IsTrue(Property("PublishAot")) || !IsTrue(Property("StaticExecutable")))
        {
            throw new BuildException($"{project} is not a guest program: it does not import src/Sdk/Sdk/Sdk.props.");
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
        string published = Path.Combine(
            Path.GetDirectoryName(project)!, Property("PublishDir").Replace('\\', '/'), name + Property("NativeBinaryExt"));
        if (!File.Exists(published))
        {
            throw new BuildException($"'dotnet publish {project}' left no image at {published}.");
        }

        GuestImage image = new(name, Path.Combine(repository.Artifacts, debug ? name + "-debug" : name))
        {
            RunOptions = Property("XenletRunOptions"),
        };
        System.IO.Directory.CreateDirectory(image.Directory);
        image.Collect(published, processes);
        return image;
    }

    /// <summary>The guest's configuration with the image's place as an administrator's host has it: beside the configuration.</summary>
    private string DescribeDomain() =>
        $"# Copy this file and {Name}.elf to a Xen host, and there, in the same directory: xl create -c {Name}.cfg\n"
        + new GuestConfig { Name = Name, Kernel = Name + ".elf", MemoryMiB = RunCommand.DefaultMemory }.ToXlConfig()
        + """
        # A disk and a network interface, if the program has drivers for them:
        # disk = ["format=raw,vdev=xvda,access=rw,target=/path/of/a/file/or/block/device"]
        # vif = ["bridge=xenbr0"]

        """;

    private static bool IsTrue(string value) => value.Equals("true", StringComparison.OrdinalIgnoreCase);

    private void Collect(string published, ProcessRunner processes)
    {
        string separated = published + ".dbg";
        if (File.Exists(separated))
        {
            File.Copy(separated, Symbols, overwrite: true);
        }
        else
        {
            Objcopy(processes, "--only-keep-debug", published, Symbols);
        }

        // Debuggers find the symbols by this section, which names the file as it is called here.
        Objcopy(processes, "--strip-all", "--remove-section=.gnu_debuglink", published, Elf);
        Objcopy(processes, $"--add-gnu-debuglink={Symbols}", Elf);
        File.Copy(Path.Combine(Path.GetDirectoryName(published)!, Name + ".cdx.json"), Parts, overwrite: true);
        File.WriteAllText(Configuration, DescribeDomain());
    }

    private static void Objcopy(ProcessRunner processes, params IReadOnlyList<string> arguments)
    {
        if (processes.Run("objcopy", arguments, ProcessOutput.ToStandardError) != 0)
        {
            throw new BuildException($"'objcopy {string.Join(' ', arguments)}' failed.");
        }
    }
}
