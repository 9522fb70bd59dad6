using Xenlet.QemuXen;

namespace Xenlet.Build;

/// <summary>Boots an image as <c>run</c> was asked to, and stays until the guest has ended.</summary>
/// <param name="repository">Holds the cache of the dom0 image.</param>
/// <param name="say">Receives each line about what is being done.</param>
internal sealed class GuestBooter(Repository repository, Action<string> say)
{
    /// <summary>What .NET programs end with on Linux when they crash: 128 plus SIGABRT.</summary>
    private const int CrashStatus = 128 + 6;

    /// <summary>Memory of dom0 in MiB.</summary>
    private const int Dom0Memory = 400;

    /// <summary>Memory in MiB that Xen keeps for itself and for each guest's page tables, generously.</summary>
    private const int XenMemory = 128;

    /// <summary>Least memory of the emulated machine in MiB.</summary>
    private const int LeastMachineMemory = 1024;

    /// <summary>Lines of the nucleus's log shown when a guest ends without a word.</summary>
    private const int LogLines = 20;

    /// <summary>Boots, shows the console on <paramref name="output"/>, and gives the exit status.</summary>
    /// <exception cref="QemuXenException">The emulated machine failed.</exception>
    public async Task<int> RunAsync(GuestImage image, RunCommand command, Stream output, CancellationToken cancellation)
    {
        GuestConfig config = Configure(image, command);
        if (command.WithoutXen)
        {
            await using IGuest guest = await StartWithoutXenAsync(config, cancellation);
            return await FollowAsync(guest, image, command, output, cancellation);
        }

        int guestMemory = config.MemoryMiB + (config.MemoryMiB / 16);
        await using XenMachine machine = await XenMachine.StartAsync(
            new XenMachineOptions
            {
                Dom0Directory = repository.Dom0Cache,
                Dom0MemoryMiB = Dom0Memory,
                MemoryMiB = Math.Max(LeastMachineMemory, Dom0Memory + XenMemory + guestMemory),
                Progress = new Reporter(say),
            },
            cancellation);
        await using XenGuest domain = await machine.CreateGuestAsync(config, cancellation);
        return await FollowAsync(domain, image, command, output, cancellation);
    }

    private static GuestConfig Configure(GuestImage image, RunCommand command)
    {
        GuestCommandLine given = GuestCommandLine.Parse(command.CommandLine);
        GuestCommandLine whole = new([.. given.Environment, .. command.Environment], [.. given.Arguments, .. command.Arguments]);
        GuestConfig config = new()
        {
            Name = image.Name,
            Kernel = image.Elf,
            MemoryMiB = command.Memory,
            VCpus = command.VirtualCpus,
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

    private async Task<int> FollowAsync(IGuest guest, GuestImage image, RunCommand command, Stream output, CancellationToken cancellation)
    {
        Lazy<ElfSymbolTable> symbols = new(() => ElfSymbolTable.Read(image.Symbols));
        BacktraceFilter console = new(output, address => symbols.Value.Find(address));
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (command.Interactive && !Console.IsInputRedirected)
        {
            say("the terminal is the guest's console now; Ctrl-] ends the guest");
        }

        using (RawTerminal? terminal = command.Interactive ? new RawTerminal() : null)
        {
            if (command.Interactive)
            {
                _ = Task.Run(() => PassInputAsync(guest, ended.Token), CancellationToken.None);
            }

            await foreach (ReadOnlyMemory<byte> piece in guest.Console.ReadAllAsync(cancellation))
            {
                console.Write(piece.Span);
            }
        }

        GuestEnd end = await guest.WaitForEndAsync(Timeout.InfiniteTimeSpan, cancellation);
        await ended.CancelAsync();
        return Judge(guest, end);
    }

    private async Task PassInputAsync(IGuest guest, CancellationToken cancellation)
    {
        try
        {
            using Stream input = Console.OpenStandardInput();
            if (await ConsoleInput.CopyAsync(input, guest, !Console.IsInputRedirected, cancellation))
            {
                await guest.DestroyAsync(cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            // The guest has ended: nobody wants the rest of the input.
        }
        catch (Exception failure) when (failure is IOException or QemuXenException)
        {
            say($"standard input no longer reaches the guest: {failure.Message}");
        }
    }

    private int Judge(IGuest guest, GuestEnd end)
    {
        if (end is { Reason: GuestEndReason.PowerOff, ExitStatus: { } status })
        {
            return status;
        }

        say(end.Reason switch
        {
            GuestEndReason.PowerOff => $"{guest.Name} powered off without saying an exit status",
            GuestEndReason.Crash => $"{guest.Name} crashed",
            GuestEndReason.Destroyed => $"{guest.Name} was ended from outside",
            _ => $"{guest.Name} ended: {end.Reason}",
        });
        if (guest.Console.Length == 0)
        {
            foreach (string line in guest.HypervisorLog.TakeLast(LogLines))
            {
                say($"its kernel's log: {line}");
            }
        }

        return end.Reason == GuestEndReason.Crash ? CrashStatus : BuildException.Failed;
    }

    private static Task<IGuest> StartWithoutXenAsync(GuestConfig config, CancellationToken cancellation) =>
        throw new BuildException("--no-xen is not there yet");

    private sealed class Reporter(Action<string> say) : IProgress<string>
    {
        public void Report(string value) => say(value);
    }
}
