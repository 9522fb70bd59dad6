using System.Globalization;
using Xenlet.QemuXen.Base;
using Xenlet.QemuXen.Commands;

namespace Xenlet.QemuXen;

/// <summary>Options of <see cref="GuestRunner"/>.</summary>
public sealed record GuestRunnerOptions
{
    /// <summary>The guest. Its console, end and exit status are those of the run.</summary>
    public required GuestConfig Guest { get; init; }

    /// <summary>Cache directory of <see cref="Dom0Image"/>.</summary>
    public string Dom0Directory { get; init; } = Dom0Image.DefaultDirectory;

    /// <summary>Disks that the guest gets in addition to those of its configuration. Under Xen only.</summary>
    public IReadOnlyList<GuestDisk> Disks { get; init; } = [];

    /// <summary>Whether the guest gets a network interface on dom0's bridge. Under Xen only.</summary>
    public bool Network { get; init; }

    /// <summary>Ports of the guest that this machine reaches. Under Xen in QEMU only.</summary>
    public IReadOnlyList<ForwardedPort> Forwards { get; init; } = [];

    /// <summary>Receives the ports of this machine for <see cref="Forwards"/>, before the guest starts.</summary>
    public Action<IReadOnlyList<PortForward>>? Forwarded { get; init; }

    /// <summary>The network behind <see cref="Forwards"/>.</summary>
    public ForwardedNetwork ForwardedNetwork { get; init; } = ForwardedNetwork.Default;

    /// <summary>Whether another disk is plugged and unplugged while the guest runs, which is then shut down. Under Xen only.</summary>
    public bool HotPlug { get; init; }

    /// <summary>How long the guest may take to end when it is then shut down.</summary>
    public TimeSpan ShutdownLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A shell command that dom0 runs while the guest runs. The guest is shut down when the command has ended. Its output goes to
    /// <see cref="Progress"/>, and its variable GUEST is the domain id. Under Xen only.
    /// </summary>
    public string? Dom0Command { get; init; }

    /// <summary>
    /// Shell commands of a Linux guest that <see cref="Dom0Command"/> may create: its variable LINUX is the path of a configuration for
    /// <c>xl create</c>, without devices, and LINUX_CONSOLE that of what the guest writes. Its name is "linux". Under Xen only.
    /// </summary>
    public string? LinuxCommands { get; init; }

    /// <summary>Programs of this machine that <see cref="Dom0Command"/> finds in dom0. Under Xen only.</summary>
    public IReadOnlyList<string> Dom0Programs { get; init; } = [];

    /// <summary>The machine on which Xen is booted.</summary>
    public EmulatedMachine Machine { get; init; }

    /// <summary>Whether to boot in QEMU without Xen.</summary>
    public bool NoXen { get; init; }

    /// <summary>As <see cref="DirectBootOptions.GdbPort"/>. Without Xen only.</summary>
    public int? GdbPort { get; init; }

    /// <summary>Whether the terminal is the guest's console until the guest ends or Ctrl-] is pressed.</summary>
    public bool Interactive { get; init; }

    /// <summary>The time limit for the guest; null for none.</summary>
    public TimeSpan? Limit { get; init; }

    /// <summary>Factor applied to every other limit, for slow machines.</summary>
    public double TimeScale { get; init; } = 1;

    /// <summary>Receives one line for each step that takes time.</summary>
    public IProgress<string>? Progress { get; init; }

    /// <summary>Receives the guest's lines from port 0xE9. They are not shown if null.</summary>
    public Action<string>? HypervisorLog { get; init; }
}

/// <summary>Boots one guest, shows its console while it runs, and returns its exit status: the command <c>run</c>.</summary>
public static class GuestRunner
{
    /// <summary>The guest's limit passed (the same status as timeout(1)).</summary>
    public const int TimedOut = 124;

    /// <summary>The guest could not be started: something is missing, or Xen or its tools failed.</summary>
    public const int CouldNotStart = 125;

    /// <summary>
    /// The guest ended well, but a disk could not be plugged or unplugged, the command in dom0 failed, or the guest had to be destroyed
    /// afterwards.
    /// </summary>
    public const int ShowFailed = 123;

    /// <summary>The guest powered off without the line that reports a status.</summary>
    public const int NoStatus = 126;

    /// <summary>The guest crashed, rebooted or was ended by its watchdog (the status with which a shell reports SIGABRT).</summary>
    public const int Crashed = 134;

    /// <summary>The guest was destroyed from outside, or the user left its console with Ctrl-].</summary>
    public const int Destroyed = 137;

    private const byte EscapeKey = 0x1D;

    /// <summary>Memory that the emulated machine needs in addition to the guest's: Xen, dom0 and the overhead of a domain.</summary>
    private const int MachineOverheadMiB = 640;

    /// <summary>The memory of machines is rounded up to steps, so that few sizes occur and their saved states can be reused.</summary>
    private const int MachineStepMiB = 1024;

    /// <summary>Runs the guest to its end and returns the exit status of the run.</summary>
    /// <param name="options">What to run.</param>
    /// <param name="input">The source of console input, if interactive.</param>
    /// <param name="output">Receives the guest's console.</param>
    /// <param name="error">Receives a line if the run fails.</param>
    /// <param name="cancellationToken">Ends the guest and the emulated machine.</param>
    public static async Task<int> RunAsync(
        GuestRunnerOptions options, Stream input, Stream output, TextWriter error, CancellationToken cancellationToken = default)
    {
        XenMachine? machine = null;
        try
        {
            IGuest guest;
            string linux = "";
            if (options.NoXen)
            {
                guest = await DirectBoot.StartAsync(DirectOptions(options), cancellationToken);
            }
            else
            {
                machine = await XenMachine.StartAsync(MachineOptions(options), cancellationToken);
                linux = options.LinuxCommands is { } commands ? await ShareLinuxAsync(machine, commands, cancellationToken) : "";
                guest = await CreateAsync(machine, options, cancellationToken);
            }

            await using (guest)
            {
                using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                Task<string?> show = (options.HotPlug || options.Dom0Command is not null) && guest is XenGuest xenGuest
                    ? GuestShow.RunAsync(
                        machine!,
                        xenGuest,
                        options.HotPlug ? NextDisk(options) : null,
                        options.Dom0Command is { } command ? linux + command : null,
                        options.ShutdownLimit,
                        options.Progress,
                        ended.Token)
                    : Task.FromResult<string?>(null);
                int status = await FollowAsync(guest, options, input, output, error, cancellationToken);
                await ended.CancelAsync();
                if (await show is { } problem)
                {
                    await error.WriteLineAsync(problem);
                    status = status == 0 ? ShowFailed : status;
                }

                if (options.HypervisorLog is { } log)
                {
                    guest.HypervisorLog.ToList().ForEach(log);
                }

                return status;
            }
        }
        catch (Exception e) when (e is QemuXenException or ArgumentException)
        {
            await error.WriteLineAsync(e.Message);
            return CouldNotStart;
        }
        finally
        {
            if (machine is not null)
            {
                await machine.DisposeAsync();
            }
        }
    }

    /// <summary>The exit status of a run whose guest ended this way.</summary>
    internal static int StatusOf(GuestEnd end) => end switch
    {
        { Reason: GuestEndReason.PowerOff, ExitStatus: { } status } => status,
        { Reason: GuestEndReason.PowerOff } => NoStatus,
        { Reason: GuestEndReason.Destroyed or GuestEndReason.Suspend } => Destroyed,
        _ => Crashed,
    };

    private static DirectBootOptions DirectOptions(GuestRunnerOptions options) => new()
    {
        Kernel = options.Guest.Kernel,
        Name = options.Guest.Name,
        Ramdisk = options.Guest.Ramdisk,
        CommandLine = options.Guest.CommandLine,
        MemoryMiB = options.Guest.MemoryMiB,
        VCpus = options.Guest.VCpus,
        GdbPort = options.GdbPort,
        TimeScale = options.TimeScale,
    };

    private static XenMachineOptions MachineOptions(GuestRunnerOptions options) => new()
    {
        Dom0Directory = options.Dom0Directory,
        Machine = options.Machine,
        InRealTime = options.Interactive,
        MemoryMiB = (MachineOverheadMiB + (options.Guest.MaxMemoryMiB ?? options.Guest.MemoryMiB)
            + (options.LinuxCommands is null ? 0 : LinuxGuest.MemoryMiB) + MachineStepMiB - 1) / MachineStepMiB * MachineStepMiB,
        TimeScale = options.TimeScale,
        Progress = options.Progress,
    };

    private static async Task<IGuest> CreateAsync(XenMachine machine, GuestRunnerOptions options, CancellationToken cancellationToken)
    {
        List<string> disks = [.. options.Guest.Disks];
        foreach (GuestDisk disk in options.Disks)
        {
            string path = disk.File is null
                ? await machine.CreateDiskAsync(disk.SizeMiB, cancellationToken)
                : await machine.CopyDiskAsync(disk.File, cancellationToken);
            disks.Add(GuestConfig.RawDisk(path, disk.Device));
        }

        foreach (string program in options.Dom0Programs)
        {
            options.Progress?.Report($"dom0 gets {program}");
            await machine.InstallProgramAsync(program, cancellationToken);
        }

        if (options.Forwards.Count > 0)
        {
            IReadOnlyList<PortForward> ports = await machine.ForwardAsync(options.ForwardedNetwork, options.Forwards, cancellationToken);
            options.Forwarded?.Invoke(ports);
            foreach (PortForward port in ports)
            {
                string addresses = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port.HostPort} leads to port {port.GuestPort}");
                options.Progress?.Report($"{addresses} of {options.Guest.Name}");
            }
        }

        string devices = string.Concat(options.Disks.Select(disk => $", disk {disk.Device}"))
            + (options.Network ? ", a network interface" : "");
        options.Progress?.Report($"xl create {options.Guest.Name}{devices}");
        return await machine.CreateGuestAsync(
            options.Guest with
            {
                Paused = false,
                Disks = disks,
                Vifs = options.Network ? [.. options.Guest.Vifs, ""] : options.Guest.Vifs,
            }, cancellationToken);
    }

    /// <summary>Gives dom0 a Linux guest to create.</summary>
    /// <returns>Commands that set the variables which name it.</returns>
    private static async Task<string> ShareLinuxAsync(XenMachine machine, string commands, CancellationToken cancellationToken)
    {
        const string Name = "linux";
        DirectoryInfo directory = Directory.CreateTempSubdirectory("xenlet-linux-");
        try
        {
            GuestConfig config = LinuxGuest.Create(machine.Image, Name, directory.FullName, commands, ["xen-netfront", "xen-blkfront"]);
            string path = await machine.ShareGuestAsync(config, cancellationToken);
            return $"export LINUX={path} LINUX_CONSOLE={machine.ConsolePath(Name)}\n";
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static string NextDisk(GuestRunnerOptions options) => GuestDisk.Name(options.Guest.Disks.Count + options.Disks.Count);

    private static async Task<int> FollowAsync(
        IGuest guest, GuestRunnerOptions options, Stream input, Stream output, TextWriter error, CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using TerminalRawMode? raw = options.Interactive ? TerminalRawMode.Enter() : null;
        Task showing = ShowAsync(guest, output, stop.Token);
        Task<bool> typing = options.Interactive ? TypeAsync(guest, input, stop.Token) : new TaskCompletionSource<bool>().Task;
        Task<GuestEnd> ending = guest.WaitForEndAsync(TimeSpan.FromDays(10), cancellationToken);
        Task limit = options.Limit is { } time ? Task.Delay(time, stop.Token) : new TaskCompletionSource().Task;

        Task first = await Task.WhenAny(ending, typing, limit);
        if (first == typing && !await typing)
        {
            // Input has ended; the guest may continue without it.
            first = await Task.WhenAny(ending, limit);
        }

        if (first == limit)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await error.WriteLineAsync($"{guest.Name} did not end within {options.Limit!.Value.TotalSeconds:0.#} s.");
            await guest.DestroyAsync(CancellationToken.None);
            await showing;
            return TimedOut;
        }

        if (first == typing)
        {
            await guest.DestroyAsync(CancellationToken.None);
            await showing;
            return Destroyed;
        }

        GuestEnd end = await ending;
        await showing;
        await stop.CancelAsync();
        if (end.Reason != GuestEndReason.PowerOff || end.ExitStatus is null)
        {
            string status = end.ExitStatus is null ? "without an exit status" : $"with exit status {end.ExitStatus}";
            await error.WriteLineAsync($"{guest.Name} ended: {end.Reason}, {status}.");
        }

        return StatusOf(end);
    }

    private static async Task ShowAsync(IGuest guest, Stream output, CancellationToken cancellationToken)
    {
        await foreach (ReadOnlyMemory<byte> piece in guest.Console.ReadAllAsync(cancellationToken))
        {
            await output.WriteAsync(piece, CancellationToken.None);
            await output.FlushAsync(CancellationToken.None);
        }
    }

    /// <summary>Forwards input. Returns true if the user pressed the escape key, false if the input ended.</summary>
    private static async Task<bool> TypeAsync(IGuest guest, Stream input, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[1024];
        while (true)
        {
            // A read from a terminal cannot be cancelled; the process ends without it.
            int count = await Task.Run(() => input.Read(buffer), cancellationToken).WaitAsync(cancellationToken);
            if (count == 0)
            {
                return false;
            }

            int escape = buffer.AsSpan(0, count).IndexOf(EscapeKey);
            await guest.WriteConsoleAsync(buffer.AsMemory(0, escape < 0 ? count : escape), cancellationToken);
            if (escape >= 0)
            {
                return true;
            }
        }
    }
}
