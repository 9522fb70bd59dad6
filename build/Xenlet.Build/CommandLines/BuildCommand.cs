using Xenlet.QemuXen;

namespace Xenlet.Build;

/// <summary>A command that the user gave to the build tool.</summary>
internal abstract record BuildCommand;

/// <summary><c>help</c>, or an empty command line.</summary>
internal sealed record HelpCommand : BuildCommand;

/// <summary><c>build</c>: builds a program's image.</summary>
/// <param name="Project">Path of a project file or its directory, as given; <see langword="null"/> for the default guest.</param>
internal sealed record ImageCommand(string? Project) : BuildCommand;

/// <summary><c>run</c>: builds a program's image and boots it.</summary>
/// <param name="Project">As in <see cref="ImageCommand"/>.</param>
internal sealed record RunCommand(string? Project) : BuildCommand
{
    /// <summary>The default memory in MiB.</summary>
    public const int DefaultMemory = 16;

    /// <summary>The default port for gdb, which gdb's documentation and QEMU's <c>-s</c> use.</summary>
    public const int DefaultGdbPort = 1234;

    /// <summary>The default number of processors.</summary>
    public const int DefaultVirtualCpus = 1;

    /// <summary>The domain's memory in MiB, if given.</summary>
    public int? Memory { get; init; }

    /// <summary>The domain's number of virtual processors, if given.</summary>
    public int? VirtualCpus { get; init; }

    /// <summary>The path of a tar archive that is the guest's ramdisk, if given.</summary>
    public string? Ramdisk { get; init; }

    /// <summary>
    /// The guest's command line in its own syntax, before <see cref="Environment"/> and <see cref="Arguments"/> are added.
    /// </summary>
    public string CommandLine { get; init; } = "";

    /// <summary>Environment variables in the order given.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>The arguments of Main, unchanged, if given; may be empty.</summary>
    public IReadOnlyList<string>? Arguments { get; init; }

    /// <summary>Whether the terminal becomes the guest's console.</summary>
    public bool Interactive { get; init; }

    /// <summary>The machine on which Xen is booted, if given.</summary>
    public EmulatedMachine? Machine { get; init; }

    /// <summary>Whether QEMU boots the image directly, without Xen.</summary>
    public bool WithoutXen { get; init; }

    /// <summary>
    /// The port of this machine on which the guest waits for gdb, or <see langword="null"/>. With a port, the guest is a Debug build.
    /// </summary>
    public int? GdbPort { get; init; }

    /// <summary>The sizes in MiB of empty disks, xvda first.</summary>
    public IReadOnlyList<int> Disks { get; init; } = [];

    /// <summary>Whether the domain gets a network interface.</summary>
    public bool Network { get; init; }

    /// <summary>Whether another disk is plugged and unplugged while the program runs. The guest is then shut down.</summary>
    public bool HotPlug { get; init; }

    /// <summary>
    /// A shell command that dom0 runs while the guest runs, or <c>@</c> and the path of a file that contains it. The guest is then shut
    /// down.
    /// </summary>
    public string? Dom0Command { get; init; }

    /// <summary>
    /// Shell commands of a Linux guest that <see cref="Dom0Command"/> may create, or <c>@</c> and the path of a file that contains them.
    /// </summary>
    public string? LinuxCommands { get; init; }

    /// <summary>Programs of this machine that <see cref="Dom0Command"/> finds in dom0, such as curl.</summary>
    public IReadOnlyList<string> Dom0Programs { get; init; } = [];

    /// <summary>Whether the command specifies devices or what to do with them, which needs Xen.</summary>
    public bool TellsDevices => Disks.Count > 0 || Network || HotPlug || Dom0Command is not null || Dom0Programs.Count > 0
        || LinuxCommands is not null;

    /// <summary>
    /// This command, completed from <paramref name="declared"/>, the project's own options, where it specifies nothing. Devices and what is
    /// done with them are taken together: a command with devices of its own gets only those. An interactive user ends the program himself.
    /// </summary>
    public RunCommand Over(RunCommand declared)
    {
        RunCommand devices = TellsDevices || WithoutXen ? this
            : Interactive ? declared with { HotPlug = false, Dom0Command = null, LinuxCommands = null, Dom0Programs = [] }
            : declared;
        return this with
        {
            Memory = Memory ?? declared.Memory,
            VirtualCpus = VirtualCpus ?? declared.VirtualCpus,
            Ramdisk = Ramdisk ?? declared.Ramdisk,
            CommandLine = CommandLine.Length > 0 ? CommandLine : declared.CommandLine,
            Environment = [.. declared.Environment, .. Environment],
            Arguments = Arguments ?? declared.Arguments,
            Disks = devices.Disks,
            Network = devices.Network,
            HotPlug = devices.HotPlug,
            Dom0Command = devices.Dom0Command,
            LinuxCommands = devices.LinuxCommands,
            Dom0Programs = devices.Dom0Programs,
        };
    }
}

/// <summary><c>pack</c>: makes the NuGet packages.</summary>
/// <param name="Version">Their version; <see langword="null"/> for the repository's.</param>
internal sealed record PackCommand(string? Version) : BuildCommand;

/// <summary><c>test</c>: runs the tests that prove the product.</summary>
/// <param name="Filter">A filter expression of <c>dotnet test</c>, or <see langword="null"/> for all tests.</param>
internal sealed record TestCommand(string? Filter) : BuildCommand;

/// <summary><c>test PROJECT</c>: builds and runs one test project.</summary>
/// <param name="Project">Its name, directory or file, as given.</param>
/// <param name="Filter">As in <see cref="TestCommand"/>.</param>
internal sealed record TestProjectCommand(string Project, string? Filter) : BuildCommand;

/// <summary><c>test packages</c>: builds guests from the packages in every supported way, as users do.</summary>
/// <param name="Filter">As in <see cref="TestCommand"/>.</param>
internal sealed record TestPackagesCommand(string? Filter) : BuildCommand;

/// <summary><c>test case</c>: boots the guest test image with some of its cases.</summary>
/// <param name="Words">Names of cases, or one case that needs a boot of its own and its arguments.</param>
/// <param name="UnderXen">Whether to boot it under Xen.</param>
internal sealed record TestCaseCommand(IReadOnlyList<string> Words, bool UnderXen) : BuildCommand;

/// <summary><c>soak</c>: runs the long tests.</summary>
/// <param name="Filter">As in <see cref="TestCommand"/>.</param>
internal sealed record SoakCommand(string? Filter) : BuildCommand;

/// <summary><c>soak flakes</c>: runs test projects repeatedly beside other load, and lists which tests failed and how often.</summary>
internal sealed record FlakesCommand : BuildCommand
{
    /// <summary>Names of the test projects as given; none means all.</summary>
    public IReadOnlyList<string> Projects { get; init; } = [];

    /// <summary>How often each project must have been run on this commit; <see langword="null"/> for the default of its kind.</summary>
    public int? Times { get; init; }

    /// <summary>As in <see cref="TestCommand"/>.</summary>
    public string? Filter { get; init; }
}

/// <summary><c>soak fuzz</c>: fuzzes the code that reads other domains' bytes, and the system calls.</summary>
/// <param name="Targets">Names of targets as given; none means all.</param>
/// <param name="Minutes">The maximum number of minutes per target; <see langword="null"/> to run until nothing new is found.</param>
internal sealed record FuzzCommand(IReadOnlyList<string> Targets, int? Minutes) : BuildCommand;

/// <summary><c>bench</c>: measures and prints a table.</summary>
/// <param name="Arguments">Passed on to the benchmark program.</param>
internal sealed record BenchCommand(IReadOnlyList<string> Arguments) : BuildCommand;

/// <summary><c>clean</c>: removes all build output.</summary>
internal sealed record CleanCommand : BuildCommand;
