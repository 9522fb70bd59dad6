using Xenlet.Guests;
using Xenlet.QemuXen;

namespace Xenlet.Build;

/// <summary>Boots an image as <c>run</c> specifies, and waits until the guest has ended.</summary>
/// <param name="repository">Holds the cache of the dom0 image.</param>
/// <param name="say">Receives progress messages, a line at a time.</param>
internal sealed class GuestBooter(Repository repository, Action<string> say)
{
    /// <summary>
    /// Boots the image, shows the console on <paramref name="output"/> with function names in its backtraces, and returns the exit status.
    /// </summary>
    /// <exception cref="BuildException">The guest's command line or configuration cannot be expressed.</exception>
    /// <param name="image">The image to boot.</param>
    /// <param name="command">How to boot it.</param>
    /// <param name="input">The console's input, if it is interactive.</param>
    /// <param name="output">Receives the console.</param>
    /// <param name="cancellationToken">Ends the guest.</param>
    /// <param name="limit">The time limit for the guest; null for none.</param>
    public async Task<int> RunAsync(
        GuestImage image, RunCommand command, Stream input, Stream output, CancellationToken cancellationToken, TimeSpan? limit = null)
    {
        GuestRunnerOptions options = new()
        {
            Guest = Configure(image, command),
            Dom0Directory = repository.Dom0Cache,
            Machine = command.Machine ?? EmulatedMachine.Amd,
            NoXen = command.WithoutXen,
            GdbPort = command.GdbPort,
            Limit = limit,
            Disks = [.. command.Disks.Select((size, index) => new GuestDisk(GuestDisk.Name(index), size, File: null))],
            Network = command.Network,
            HotPlug = command.HotPlug,
            Dom0Command = ReadScript(command.Dom0Command),
            LinuxCommands = ReadScript(command.LinuxCommands),
            Dom0Programs = command.Dom0Programs,
            Interactive = command.Interactive,
            Progress = new Reporter(say),
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

        return await NamedGuestRun.RunAsync(options, image.Symbols, input, output, cancellationToken);
    }

    /// <summary>The domain's configuration.</summary>
    public static GuestConfig Configure(GuestImage image, RunCommand command)
    {
        try
        {
            GuestCommandLine given = GuestCommandLine.Parse(command.CommandLine);
            GuestCommandLine whole = new([.. given.Environment, .. command.Environment], [.. given.Arguments, .. command.Arguments ?? []]);
            GuestConfig config = new()
            {
                Name = image.Name,
                Kernel = image.Elf,
                Ramdisk = command.Ramdisk,
                MemoryMiB = command.Memory ?? image.Memory,
                VCpus = command.VirtualCpus ?? RunCommand.DefaultVirtualCpus,
                CommandLine = whole.Format(),
            };
            _ = config.ToXlConfig();
            return config;
        }
        catch (ArgumentException failure)
        {
            throw new BuildException(failure.Message, BuildException.Usage);
        }
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
