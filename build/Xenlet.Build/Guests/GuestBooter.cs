using Xenlet.QemuXen;

namespace Xenlet.Build;

/// <summary>Boots an image as <c>run</c> was asked to, and stays until the guest has ended.</summary>
/// <param name="repository">Holds the cache of the dom0 image.</param>
/// <param name="say">Receives each line about what is being done.</param>
internal sealed class GuestBooter(Repository repository, Action<string> say)
{
    /// <summary>Lines of the nucleus's log shown when a guest could not end as a program does.</summary>
    private const int LogLines = 20;

    /// <summary>Boots, shows the console with its backtraces named on <paramref name="output"/>, and gives the exit status.</summary>
    /// <exception cref="BuildException">The guest cannot be told what it was to be told.</exception>
    /// <param name="image">What to boot.</param>
    /// <param name="command">How.</param>
    /// <param name="input">The console's input, when it is interactive.</param>
    /// <param name="output">Receives the console.</param>
    /// <param name="cancellationToken">Ends the guest.</param>
    /// <param name="limit">Longest time the guest may take; none if null.</param>
    public async Task<int> RunAsync(
        GuestImage image, RunCommand command, Stream input, Stream output, CancellationToken cancellationToken, TimeSpan? limit = null)
    {
        Lazy<ElfSymbolTable> symbols = new(() => ElfSymbolTable.Read(image.Symbols));
        await using BacktraceStream console = new(output, address => symbols.Value.Find(address));
        List<string> log = [];
        GuestRunnerOptions options = new()
        {
            Guest = Configure(image, command),
            Dom0Directory = repository.Dom0Cache,
            Machine = command.Machine ?? EmulatedMachine.Amd,
            NoXen = command.WithoutXen,
            GdbPort = command.GdbPort,
            Limit = limit,
            DiskSizes = command.Disks,
            Network = command.Network,
            HotPlug = command.HotPlug,
            Dom0Command = ReadScript(command.Dom0Command),
            Interactive = command.Interactive,
            Progress = new Reporter(say),
            HypervisorLog = log.Add,
        };
        if (command.Interactive && !Console.IsInputRedirected)
        {
            say("the terminal is the guest's console; Ctrl-] ends the guest");
        }

        if (command.GdbPort is { } port)
        {
            await File.WriteAllTextAsync(image.GdbScript, GdbScript.Text(port), cancellationToken);
            say($"the guest waits for gdb until it says 'continue'. In another terminal:\n  gdb -x {image.GdbScript} {image.Elf}");
        }

        int status = await GuestRunner.RunAsync(options, input, console, Console.Error, cancellationToken);
        if (status is GuestRunner.Crashed or GuestRunner.NoStatus)
        {
            await using Stream error = Console.OpenStandardError();
            await using BacktraceStream named = new(error, address => symbols.Value.Find(address));
            await using StreamWriter writer = new(named) { NewLine = "\n" };
            foreach (string line in log.TakeLast(LogLines))
            {
                await writer.WriteLineAsync(line);
            }
        }

        return status;
    }

    /// <summary>What the domain is to be.</summary>
    public static GuestConfig Configure(GuestImage image, RunCommand command)
    {
        GuestCommandLine given = GuestCommandLine.Parse(command.CommandLine);
        GuestCommandLine whole = new([.. given.Environment, .. command.Environment], [.. given.Arguments, .. command.Arguments ?? []]);
        GuestConfig config = new()
        {
            Name = image.Name,
            Kernel = image.Elf,
            MemoryMiB = command.Memory ?? image.Memory,
            VCpus = command.VirtualCpus ?? RunCommand.DefaultVirtualCpus,
            CommandLine = whole.Format(),
        };
        try
        {
            _ = config.ToXlConfig();
        }
        catch (ArgumentException failure)
        {
            throw new BuildException(failure.Message, BuildException.Usage);
        }

        return config;
    }

    /// <summary>The text of a command for dom0, which may be in a file.</summary>
    /// <exception cref="BuildException">The file cannot be read.</exception>
    public static string? ReadScript(string? command)
    {
        if (command?.StartsWith('@') != true)
        {
            return command;
        }

        try
        {
            return File.ReadAllText(command[1..]);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new BuildException($"the command for dom0 cannot be read: {failure.Message}", BuildException.Usage);
        }
    }

    private sealed class Reporter(Action<string> say) : IProgress<string>
    {
        public void Report(string value) => say(value);
    }
}
