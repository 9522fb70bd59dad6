using System.Collections.Concurrent;
using System.Globalization;
using Xenlet.QemuXen.Base;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen;

/// <summary>
/// Real Xen 4.17 with a Debian dom0 in an emulator. It needs no installation on this machine, no root, and no virtualisation. Disposing it
/// ends the emulator and all guests; if this process is killed, the kernel does that.
/// </summary>
public sealed class XenMachine : IAsyncDisposable
{
    /// <summary>The path of <see cref="SharedDirectory"/> in dom0.</summary>
    internal const string SharePath = "/host";

    /// <summary>Where dom0 keeps copies of images, in its own memory.</summary>
    private const string CopyPath = "/tmp/images";

    private const string SaveDirectory = "/tmp/save";

    private static readonly TimeSpan RestoreLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan SaveLimit = TimeSpan.FromMinutes(5);

    /// <summary>
    /// For a command, or a copy of a file as large as an image, that takes a second when nothing else keeps the host busy.
    /// </summary>
    private static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(5);

    private readonly XenMachineOptions _options;
    private readonly WorkDirectory _directory;
    private readonly ConcurrentBag<int> _freePorts = [.. Enumerable.Range(Emulator.FirstFreePort, Emulator.FreePorts)];
    private readonly Lock _shareLock = new();
    private readonly Emulator _emulator;
    private readonly ConcurrentDictionary<string, bool> _programs = [];
    private FileChanges? _consoleChanges;
    private AgentChannel? _agent;
    private Heartbeat? _heartbeat;
    private Task _serial = Task.CompletedTask;
    private int _lastFile;
    private int _lastDisk;
    private bool _isDisposed;

    private XenMachine(XenMachineOptions options, Dom0Image image)
    {
        _options = options;
        Image = image;
        Domains = new(() => _ = ListDomainsAsync());
        _directory = WorkDirectory.Create(options.WorkingDirectory);
        _emulator = options.Machine == EmulatedMachine.Intel
            ? new BochsEmulator(options, image, _directory.Path, SharedDirectory)
            : new QemuEmulator(options, image, _directory.Path, SharedDirectory);
    }

    /// <summary>The image the machine was booted from.</summary>
    public Dom0Image Image { get; }

    /// <summary>A directory of this machine that dom0 sees as /host, readable and writable.</summary>
    public string SharedDirectory => Path.Combine(_directory.Path, "share");

    /// <summary>The first serial port: Xen's log, dom0's kernel messages and the guests' port 0xE9.</summary>
    public TextLog Log { get; } = new();

    /// <summary>
    /// The path in dom0 of a file for a saved guest. It is in dom0's memory, which has room for a guest of some 64 MiB: remove it after
    /// use.
    /// </summary>
    /// <param name="name">The file's name.</param>
    public static string SavePath(string name) => $"{SaveDirectory}/{name}";

    /// <summary>Boots Xen and waits until dom0 serves commands.</summary>
    /// <exception cref="QemuXenException">Something is missing or did not start in time. The message shows the logs.</exception>
    public static async Task<XenMachine> StartAsync(XenMachineOptions options, CancellationToken cancellationToken = default)
    {
        Dom0Image image = await Dom0Image.PrepareAsync(options.Dom0Directory, options.Progress, cancellationToken);
        if (options.UseSavedState && await TryRestoreAsync(options, image, cancellationToken) is { } restored)
        {
            restored.BeginHeartbeat();
            return restored;
        }

        XenMachine machine = new(options, image);
        try
        {
            options.Progress?.Report("booting Xen and dom0");
            await machine.BootAsync(null, cancellationToken);
            if (options.UseSavedState && machine._emulator is ISavesState saving)
            {
                await machine.SaveAsync(saving, cancellationToken);
            }

            machine.BeginHeartbeat();
            return machine;
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a shell script in dom0 and returns its result.</summary>
    /// <param name="shellCommand">Text of the script.</param>
    /// <param name="limit">The time limit (5 minutes if null), before <see cref="XenMachineOptions.TimeScale"/>.</param>
    /// <param name="cancellationToken">Kills the command.</param>
    /// <exception cref="QemuXenException">The limit passed, or the emulator or dom0 has ended.</exception>
    public Task<CommandResult> RunInDom0Async(string shellCommand, TimeSpan? limit = null, CancellationToken cancellationToken = default) =>
        RunInDom0Async(shellCommand, lines: null, limit ?? CommandLimit, cancellationToken);

    /// <summary>Runs a shell script in dom0 and reports its output while it runs.</summary>
    /// <param name="shellCommand">Text of the script.</param>
    /// <param name="lines">Receives each line of its standard output.</param>
    /// <param name="limit">The time limit, before <see cref="XenMachineOptions.TimeScale"/>.</param>
    /// <param name="cancellationToken">Kills the command.</param>
    /// <exception cref="QemuXenException">The limit passed, or the emulator or dom0 has ended.</exception>
    public async Task<CommandResult> RunInDom0Async(
        string shellCommand, IProgress<string>? lines, TimeSpan limit, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        try
        {
            return await _agent!.RunAsync(shellCommand, Scale(limit), lines, cancellationToken);
        }
        catch (QemuXenException e)
        {
            throw new QemuXenException($"{e.Message}\n{Logs()}".TrimEnd(), e);
        }
    }

    /// <summary>Copies a file of this machine to the shared directory and returns its path in dom0.</summary>
    public string Share(string hostPath, string what = "The file")
    {
        FileInfo source = new(hostPath);
        if (!source.Exists)
        {
            throw new QemuXenException($"{what}: there is no file {source.FullName}.");
        }

        string name = string.Create(
            CultureInfo.InvariantCulture,
            $"{source.FullName.GetHashCode(StringComparison.Ordinal):x8}-{source.LastWriteTimeUtc.Ticks:x}"
                + $"-{source.Length:x}-{source.Name}");
        string target = Path.Combine(SharedDirectory, "images", name);
        lock (_shareLock)
        {
            if (!File.Exists(target))
            {
                // A copy, so that a build may replace the original while guests are still started from it.
                File.Copy(source.FullName, target);
            }
        }

        return InDom0(target);
    }

    /// <summary>Copies a program of this machine to dom0's memory, unless it is there, and returns its path in dom0.</summary>
    /// <remarks>Each start of a program in the shared directory reads it anew, page by page.</remarks>
    public async Task<string> CopyProgramAsync(string hostPath, CancellationToken cancellationToken = default)
    {
        (string path, string command) = CopyImage(hostPath, "The program");
        if (!_programs.ContainsKey(path))
        {
            (await RunInDom0Async(command, CommandLimit, cancellationToken)).ThrowIfFailed($"copying {hostPath} into dom0");
            _programs[path] = true;
        }

        return path;
    }

    /// <summary>
    /// Creates an empty disk in dom0's memory, which is allocated as the disk is written. It exists until the machine ends.
    /// </summary>
    /// <returns>Its path in dom0, for <see cref="GuestConfig.RawDisk"/>.</returns>
    public async Task<string> CreateDiskAsync(int sizeMiB, CancellationToken cancellationToken = default)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/tmp/disk{Interlocked.Increment(ref _lastDisk)}");
        CommandResult result = await RunInDom0Async(
            string.Create(CultureInfo.InvariantCulture, $"truncate -s {sizeMiB}M {path}"), cancellationToken: cancellationToken);
        result.ThrowIfFailed("making a disk");
        return path;
    }

    /// <summary>Creates a disk in dom0's memory with the contents of a file of this machine. It exists until the machine ends.</summary>
    /// <returns>As <see cref="CreateDiskAsync"/>.</returns>
    public async Task<string> CopyDiskAsync(string hostPath, CancellationToken cancellationToken = default)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/tmp/disk{Interlocked.Increment(ref _lastDisk)}");
        CommandResult result = await RunInDom0Async($"cp '{Share(hostPath, "The disk")}' {path}", CommandLimit, cancellationToken);
        result.ThrowIfFailed($"copying {hostPath} into dom0");
        return path;
    }

    /// <summary>Ends the emulator with everything in it and removes its working directory.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        await _emulator.DisposeAsync();
        if (_heartbeat is not null)
        {
            await _heartbeat.DisposeAsync();
        }

        if (_agent is not null)
        {
            await _agent.DisposeAsync();
        }

        await _serial;
        await Domains.AbandonAsync();
        _consoleChanges?.Dispose();
        _directory.Dispose();
    }

    /// <summary>The program that runs the machine.</summary>
    internal Emulator Emulator => _emulator;

    /// <summary>
    /// Changes of the files with what guests write to their consoles. None may be followed before the machine has started.
    /// </summary>
    internal FileChanges ConsoleChanges => _consoleChanges!;

    /// <summary>The machine's domains.</summary>
    internal DomainList Domains { get; }

    /// <summary>Applies the machine's factor to a limit.</summary>
    internal TimeSpan Scale(TimeSpan limit) => Limits.Scale(limit, _options.TimeScale * _emulator.Slowness);

    /// <summary>The last lines from Xen, dom0 and the emulator.</summary>
    internal string Logs() =>
        Limits.Extract("Xen's log", Log.Tail(15))
        + _emulator.Logs()
        + Limits.Extract("unexpected lines from dom0's agent", _agent?.Noise.Tail(8) ?? "");

    /// <summary>Writes a file for <c>xl create</c> and returns its path in dom0.</summary>
    internal async Task<string> ShareConfigAsync(string text, CancellationToken cancellationToken)
    {
        string file = Path.Combine(SharedDirectory, "config", $"{Interlocked.Increment(ref _lastFile)}.cfg");
        await File.WriteAllTextAsync(file, text, cancellationToken);
        return InDom0(file);
    }

    /// <summary>A file for dom0's memory, such as an image from which guests are started.</summary>
    /// <returns>Its path in dom0, and a command that copies it there unless it is there.</returns>
    /// <remarks>libxl maps an image, and a mapped file of the shared directory is read page by page.</remarks>
    internal (string Path, string Command) CopyImage(string hostPath, string what)
    {
        string shared = Share(hostPath, what);

        // The copy gets its name when it is complete: two guests may start at once.
        string copy = $"{CopyPath}/{Path.GetFileName(shared)}";
        string unfinished = string.Create(CultureInfo.InvariantCulture, $"{copy}.{Interlocked.Increment(ref _lastFile)}");
        return (copy, $"[ -e {copy} ] || {{ cp {shared} {unfinished} && mv {unfinished} {copy}; }}");
    }

    /// <summary>Runs a shell script in dom0 whose standard input is the stream. Disposing the stream ends its input.</summary>
    /// <param name="script">Text of the script, without single quotes. The stream is connected before the script reads.</param>
    /// <param name="cancellationToken">Ends the wait for the stream.</param>
    /// <exception cref="QemuXenException">All ports are in use.</exception>
    internal async Task<Stream> OpenInputAsync(string script, CancellationToken cancellationToken)
    {
        if (!_freePorts.TryTake(out int port))
        {
            throw new QemuXenException($"All {Emulator.FreePorts} ports of dom0 are taken; each guest that has console input takes one.");
        }

        string command = string.Create(CultureInfo.InvariantCulture, $"exec port {port} sh -c '{script}'");
        return await _emulator.OpenPortAsync(port, () => _ = Task.Run(RunAsync, CancellationToken.None), cancellationToken);

        async Task RunAsync()
        {
            try
            {
                await _agent!.RunAsync(command, Timeout.InfiniteTimeSpan, CancellationToken.None);
            }
            catch (Exception e) when (e is QemuXenException or ObjectDisposedException)
            {
                // The machine has ended, and with it the reader of the input.
            }

            _freePorts.Add(port);
        }
    }

    /// <summary>Connects to the second serial port, which is ttyS1 in dom0.</summary>
    internal Task<Stream> OpenSecondSerialPortAsync(CancellationToken cancellationToken) =>
        _emulator.OpenSecondSerialPortAsync(cancellationToken);

    /// <summary>The path in dom0 of a file in the shared directory.</summary>
    internal string InDom0(string path) => SharePath + "/" + Path.GetRelativePath(SharedDirectory, path);

    private async Task ListDomainsAsync()
    {
        try
        {
            await _agent!.ListAsync();
        }
        catch (QemuXenException)
        {
            // The machine has ended, which whoever follows a domain learns when the machine is disposed of.
        }
    }

    private void BeginHeartbeat()
    {
        if (_emulator.LosesInterrupts)
        {
            _heartbeat = new(_agent!);
        }
    }

    private static async Task<XenMachine?> TryRestoreAsync(XenMachineOptions options, Dom0Image image, CancellationToken cancellationToken)
    {
        XenMachine machine = new(options, image);
        try
        {
            if (machine._emulator is ISavesState saving && await saving.FindStateAsync(cancellationToken) is { Exists: true } state)
            {
                options.Progress?.Report("restoring Xen and dom0 from their saved state");
                try
                {
                    await machine.BootAsync(state, cancellationToken);
                    state.Touch();
                    return machine;
                }
                catch (QemuXenException e)
                {
                    options.Progress?.Report($"the saved state cannot be used: {e.Message.Split('\n')[0]}");
                    state.Delete();
                }
            }
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }

        await machine.DisposeAsync();
        return null;
    }

    /// <summary>Saves the machine for the next start. A failure to save it does not fail this start.</summary>
    private async Task SaveAsync(ISavesState saving, CancellationToken cancellationToken)
    {
        SavedState state = await saving.FindStateAsync(cancellationToken);
        TimeSpan limit = Scale(SaveLimit);
        await _agent!.UnmountAsync().WithinAsync(limit, "dom0 to give up the shared directory", Logs, cancellationToken);
        try
        {
            await saving.SaveAsync(state, limit, cancellationToken);
        }
        catch (QemuXenException e)
        {
            _options.Progress?.Report($"the machine's state was not saved: {e.Message}");
        }

        await saving.ContinueAsync(limit, cancellationToken);
        await _agent.MountAsync();
        await _emulator.UnlessEndedAsync(_agent.Ready, "dom0 was ready again", limit, Logs, cancellationToken);
    }

    private async Task BootAsync(SavedState? state, CancellationToken cancellationToken)
    {
        foreach (string name in new[] { "command", "config", "console", "domains", "images" })
        {
            Directory.CreateDirectory(Path.Combine(SharedDirectory, name));
        }

        _consoleChanges = new(Path.Combine(SharedDirectory, "console"));
        TimeSpan limit = Scale(state is null ? _options.StartLimit : RestoreLimit);
        await _emulator.StartAsync(state, limit, cancellationToken);
        _serial = Log.CopyFromAsync(_emulator.Serial);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<Stream> agent = _emulator.OpenAgentAsync(stop.Token);
        try
        {
            await _emulator.UnlessEndedAsync(agent, "let dom0 speak to the host", limit, Logs, cancellationToken);
        }
        finally
        {
            await stop.CancelAsync();
        }

        _agent = new AgentChannel(await agent, SharedDirectory, Domains);
        if (state is not null)
        {
            await ((ISavesState)_emulator).ContinueAsync(limit, cancellationToken);
            await _agent.MountAsync();
        }

        await _emulator.UnlessEndedAsync(_agent.Ready, "dom0 was ready", limit, Logs, cancellationToken);
    }
}
