using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.Guests;
using Xenlet.QemuXen;

namespace Xenlet.Build;

/// <summary>Parses the build tool's command line.</summary>
internal static partial class CommandLineReader
{
    /// <summary>The maximum memory of a domain in MiB that is sensible here: 16 TiB.</summary>
    private const int MaximumMemory = 16 * 1024 * 1024;

    /// <summary>The maximum number of virtual processors of an x86 HVM domain (HVM_MAX_VCPUS in Xen's public headers).</summary>
    private const int MaximumVirtualCpus = 128;

    /// <summary>The maximum size of a disk in MiB: 1 TiB. A disk takes as much of dom0's memory as is written to it.</summary>
    private const int MaximumDisk = 1024 * 1024;

    private const int MaximumPort = ushort.MaxValue;

    /// <summary>Disks are named xvda to xvdz, and the last is for the plugged one.</summary>
    private const int MaximumDisks = 25;

    /// <summary>
    /// Parses <paramref name="arguments"/>.
    /// </summary>
    /// <exception cref="BuildException">Something was not understood. The message names it.</exception>
    public static BuildCommand Read(IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0)
        {
            return new HelpCommand();
        }

        Cursor cursor = new(arguments);
        string command = cursor.Next();
        return command switch
        {
            "help" or "--help" or "-h" => new HelpCommand(),
            _ when arguments.TakeWhile(argument => argument != "--").Skip(1).Any(argument => argument is "--help" or "-h") =>
                new HelpCommand(),
            "build" => new ImageCommand(ReadOnlyOperand(command, cursor, "project")),
            "pack" => ReadPack(cursor),
            "run" => ReadRun(cursor, Environment.CurrentDirectory),
            "test" => ReadTest(cursor),
            "soak" => ReadSoak(cursor),
            "bench" => new BenchCommand(cursor.Rest()),
            "clean" => ReadClean(cursor),
            _ => throw Misunderstood($"unknown command '{command}'"),
        };
    }

    /// <summary>Parses a project's own run options (the property XenletRunOptions): options of <c>run</c>, separated by spaces.</summary>
    /// <param name="options">The options.</param>
    /// <param name="project">The project file. Paths are relative to its directory.</param>
    /// <exception cref="BuildException">Something was not understood. The message names it.</exception>
    public static RunCommand ReadDeclared(string options, string project)
    {
        try
        {
            Cursor cursor = new(options.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            RunCommand declared = ReadRun(cursor, Path.GetDirectoryName(project)!);
            return declared is { Project: null, WithoutXen: false, Interactive: false, GdbPort: null, Machine: null }
                ? declared
                : throw Misunderstood("run: a project, '--interactive', '--machine' and '--no-xen' are for the user to name");
        }
        catch (BuildException failure)
        {
            throw new BuildException($"{project}: XenletRunOptions: {failure.Message}", failure.ExitStatus);
        }
    }

    private static PackCommand ReadPack(Cursor cursor)
    {
        string? version = null;
        while (!cursor.AtEnd)
        {
            string argument = cursor.Next();
            (string option, string? value) = Split(argument);
            version = option == "--version" ? Value(option, value, cursor) : throw Misunderstood($"pack: unexpected '{argument}'");
        }

        return version is null || PackageVersion().IsMatch(version)
            ? new PackCommand(version)
            : throw Misunderstood($"pack: '{version}' is no version such as 1.2.3 or 1.2.3-test.4");
    }

    [GeneratedRegex(@"^\d+\.\d+\.\d+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$")]
    private static partial Regex PackageVersion();

    private static CleanCommand ReadClean(Cursor cursor)
    {
        ReadOnlyOperand("clean", cursor, operand: null);
        return new CleanCommand();
    }

    private static string? ReadOnlyOperand(string command, Cursor cursor, string? operand)
    {
        string? found = null;
        while (!cursor.AtEnd)
        {
            string argument = cursor.Next();
            if (argument.StartsWith('-'))
            {
                throw Misunderstood($"{command}: unknown option '{argument}'");
            }

            if (operand is null || found is not null)
            {
                throw Misunderstood($"{command}: unexpected '{argument}'" + (operand is null ? "" : $" after the {operand} '{found}'"));
            }

            found = argument;
        }

        return found;
    }

    private static RunCommand ReadRun(Cursor cursor, string directory)
    {
        RunCommand command = new(Project: null);
        List<KeyValuePair<string, string>> environment = [];
        while (!cursor.AtEnd)
        {
            string argument = cursor.Next();
            if (argument == "--")
            {
                command = command with { Arguments = cursor.Rest() };
                continue;
            }

            if (!argument.StartsWith('-'))
            {
                command = command.Project is null
                    ? command with { Project = argument }
                    : throw Misunderstood(
                        $"run: unexpected '{argument}' after the project '{command.Project}' (arguments for the program follow '--')");
                continue;
            }

            (string option, string? value) = Split(argument);
            command = option switch
            {
                "--memory" => command with { Memory = ReadNumber(option, Value(option, value, cursor), MaximumMemory, "MiB") },
                "--vcpus" =>
                    command with { VirtualCpus = ReadNumber(option, Value(option, value, cursor), MaximumVirtualCpus, "processors") },
                "--ramdisk" => command with { Ramdisk = Path.GetFullPath(Value(option, value, cursor), directory) },
                "--cmdline" => command with { CommandLine = Value(option, value, cursor) },
                "--interactive" => command with { Interactive = Flag(option, value) },
                "--machine" => command with { Machine = ReadMachine(Value(option, value, cursor)) },
                "--no-xen" => command with { WithoutXen = Flag(option, value) },
                "--gdb" when value is null => command with { GdbPort = RunCommand.DefaultGdbPort },
                "--gdb" => command with { GdbPort = ReadNumber(option, value, MaximumPort, "port") },
                "--disk" =>
                    command with { Disks = [.. command.Disks, ReadNumber(option, Value(option, value, cursor), MaximumDisk, "MiB")] },
                "--network" => command with { Network = Flag(option, value) },
                "--plug" => command with { HotPlug = Flag(option, value) },
                "--dom0" => command with { Dom0Command = ReadScript(Value(option, value, cursor), directory) },
                "--linux" => command with { LinuxCommands = ReadScript(Value(option, value, cursor), directory) },
                "--dom0-program" => command with { Dom0Programs = [.. command.Dom0Programs, Value(option, value, cursor)] },
                "--env" => AddVariable(command, environment, Value(option, value, cursor)),
                _ => throw Misunderstood($"run: unknown option '{argument}'"),
            };
        }

        if (command is { GdbPort: not null, WithoutXen: false })
        {
            throw Misunderstood("run: '--gdb' needs '--no-xen': QEMU's gdb stub sees the machine, and under Xen that is Xen and dom0");
        }

        if (command.Disks.Count > MaximumDisks)
        {
            throw Misunderstood($"run: {command.Disks.Count} disks, and {MaximumDisks} are possible");
        }

        if (command is { WithoutXen: true, Machine: not null })
        {
            throw Misunderstood("run: '--machine' is what Xen runs on, and '--no-xen' was given");
        }

        return command.WithoutXen && command.TellsDevices
            ? throw Misunderstood("run: '--disk', '--network', '--plug' and '--dom0' need Xen, and '--no-xen' was given")
            : command with { Environment = environment };
    }

    private static EmulatedMachine ReadMachine(string text) => text switch
    {
        "amd" => EmulatedMachine.Amd,
        "intel" => EmulatedMachine.Intel,
        _ => throw Misunderstood($"run: option '--machine' is amd or intel, but got '{text}'"),
    };

    private static string ReadScript(string text, string directory) =>
        text.StartsWith('@') ? "@" + Path.GetFullPath(text[1..], directory) : text;

    private static RunCommand AddVariable(RunCommand command, List<KeyValuePair<string, string>> environment, string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? text : text[..equals];
        if (equals < 0 || !GuestCommandLine.IsVariableName(name))
        {
            throw Misunderstood(
                $"run: '--env {text}' is not of the form NAME=VALUE, where NAME is letters, digits and '_' and begins with no digit");
        }

        environment.Add(new KeyValuePair<string, string>(name, text[(equals + 1)..]));
        return command;
    }

    private static (string Option, string? Value) Split(string argument)
    {
        int equals = argument.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? (argument, null) : (argument[..equals], argument[(equals + 1)..]);
    }

    private static string Value(string option, string? value, Cursor cursor) =>
        value ?? (cursor.AtEnd ? throw Misunderstood($"option '{option}' needs a value") : cursor.Next());

    private static bool Flag(string option, string? value) =>
        value is null ? true : throw Misunderstood($"option '{option}' takes no value, but got '{value}'");

    private static int ReadNumber(string option, string text, int maximum, string unit) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= maximum
            ? number
            : throw Misunderstood(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"option '{option}' needs a whole number ({unit}) from 1 to {maximum}, but got '{text}'"));

    private static BuildException Misunderstood(string what) =>
        new($"{what}; './build.sh help' lists what there is.", BuildException.Usage);

    private sealed class Cursor(IReadOnlyList<string> arguments)
    {
        private int _next;

        public bool AtEnd => _next == arguments.Count;

        public string Next() => arguments[_next++];

        public bool Take(string word)
        {
            bool taken = !AtEnd && arguments[_next] == word;
            _next += taken ? 1 : 0;
            return taken;
        }

        public string[] Rest()
        {
            string[] rest = [.. arguments.Skip(_next)];
            _next = arguments.Count;
            return rest;
        }
    }
}
