using System.Collections.Concurrent;
using System.Globalization;
using Xenlet.QemuXen.Base;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen;

/// <summary>
/// Real Xen 4.17 with a Debian dom0, running in an emulator: nothing is installed on this machine, no root and no
/// virtualisation are needed. Disposing it ends the emulator and all guests; the kernel does so if this process is killed.
/// </summary>
public sealed class XenMachine : IAsyncDisposable
{
    /// <summary>Where dom0 sees <see cref="SharedDirectory"/>.</summary>
    internal const string SharePath = "/host";

    /// <summary>Where dom0 keeps its own copies of images when reading the shared directory is slow.</summary>
    private const string CopyPath = "/tmp/images";

    private static readonly TimeSpan RestoreLimit = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan SaveLimit = TimeSpan.FromSeconds(60);

    /// <summary>About the longest that a task can be waited for (2^32 milliseconds).</summary>
    private static readonly TimeSpan LongestLimit = TimeSpan.FromDays(49);

    // A restore or a migration carries all of the guest's memory through dom0, and the host may be busy.
    private static readonly TimeSpan GuestStartLimit = TimeSpan.FromMinutes(5);

    private readonly XenMachineOptions _options;
    private readonly WorkDirectory _directory;
    private readonly ConcurrentDictionary<int, XenGuest> _guests = new();
    private readonly ConcurrentBag<int> _inputPorts = [.. Enumerable.Range(Emulator.FirstFreePort, Emulator.FreePorts)];
    private readonly Lock _gate = new();
    private readonly Emulator _emulator;
    private AgentChannel? _agent;
    private Heartbeat? _heartbeat;
    private Task _serial = Task.CompletedTask;
    private IReadOnlyList<DomainState> _domains = [];
    private int _lastFile;
    private int _lastDisk;
    private bool _disposed;

    private XenMachine(XenMachineOptions options, Dom0Image image)
    {
        _options = options;
        Image = image;
        _directory = WorkDirectory.Create(options.WorkingDirectory);
        _emulator = options.Machine == EmulatedMachine.Intel
            ? new BochsEmulator(options, image, _directory.Path, SharedDirectory)
            : new QemuEmulator(options, image, _directory.Path, SharedDirectory);
    }

    /// <summary>The image the machine was booted from.</summary>
    public Dom0Image Image { get; }

    /// <summary>Directory of this machine that dom0 sees as /host, for reading and writing.</summary>
    public string SharedDirectory => Path.Combine(_directory.Path, "share");

    /// <summary>The first serial port: Xen's log, dom0's kernel and the guests' port 0xE9 in one.</summary>
    public TextLog Log { get; } = new();

    /// <summary>Path in dom0 of a file for a saved guest, where there is room and writing is quick.</summary>
    /// <param name="name">The file's name.</param>
    public string SavePath(string name) => $"{_emulator.SaveDirectory}/{name}";

    /// <summary>Boots Xen and waits until dom0 serves commands.</summary>
    /// <exception cref="QemuXenException">Something is missing or did not come up in time; the message shows the logs.</exception>
    public static async Task<XenMachine> StartAsync(XenMachineOptions options, CancellationToken cancellation = default)
    {
        Dom0Image image = await Dom0Image.PrepareAsync(options.Dom0Directory, options.Progress, cancellation);
        if (options.UseSavedState && await TryRestoreAsync(options, image, cancellation) is { } restored)
        {
            restored.BeginHeartbeat();
            return restored;
        }

        var machine = new XenMachine(options, image);
        try
        {
            options.Progress?.Report("booting Xen and dom0");
            await machine.BootAsync(null, cancellation);
            if (options.UseSavedState && machine._emulator is ISavesState saving)
            {
                await machine.SaveAsync(saving, cancellation);
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

    /// <summary>Runs a shell script in dom0 and returns what it left behind.</summary>
    /// <param name="shellCommand">Text of the script.</param>
    /// <param name="limit">Longest time it may take (60 s if null), before <see cref="XenMachineOptions.TimeScale"/>.</param>
    /// <param name="cancellation">Kills the command.</param>
    /// <exception cref="QemuXenException">The limit passed, or the emulator or dom0 has ended.</exception>
    public Task<CommandResult> RunInDom0Async(string shellCommand, TimeSpan? limit = null, CancellationToken cancellation = default) =>
        RunInDom0Async(shellCommand, lines: null, limit ?? TimeSpan.FromSeconds(60), cancellation);

    /// <summary>Runs a shell script in dom0 whose output is wanted while it runs.</summary>
    /// <param name="shellCommand">Text of the script.</param>
    /// <param name="lines">Receives each line of its standard output.</param>
    /// <param name="limit">Longest time it may take, before <see cref="XenMachineOptions.TimeScale"/>.</param>
    /// <param name="cancellation">Kills the command.</param>
    /// <exception cref="QemuXenException">The limit passed, or the emulator or dom0 has ended.</exception>
    public async Task<CommandResult> RunInDom0Async(
        string shellCommand, IProgress<string>? lines, TimeSpan limit, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        try
        {
            return await _agent!.RunAsync(shellCommand, Scale(limit), lines, cancellation);
        }
        catch (QemuXenException e)
        {
            throw new QemuXenException($"{e.Message}\n{Logs()}".TrimEnd(), e);
        }
    }

    /// <summary>
    /// Creates a guest. Its console is recorded from the first byte on; it is kept after its end until its console is complete,
    /// whatever the configuration's on_* values say, and destroyed then.
    /// </summary>
    /// <exception cref="QemuXenException"><c>xl create</c> failed; the message holds its words.</exception>
    public async Task<XenGuest> CreateGuestAsync(GuestConfig config, CancellationToken cancellation = default)
    {
        config = config with
        {
            Kernel = await ShareImageAsync(config.Kernel, nameof(config.Kernel), cancellation),
            Ramdisk = config.Ramdisk is null ? null : await ShareImageAsync(config.Ramdisk, nameof(config.Ramdisk), cancellation),
        };
        string file = Path.Combine(SharedDirectory, "config", $"{Interlocked.Increment(ref _lastFile)}.cfg");
        await File.WriteAllTextAsync(file, config.ToXlConfig(), cancellation);

        // -e: no xl process stays behind to act on the guest's end, so its domain remains until this machine has seen it all.
        string unpause = config.Paused ? "" : $" && xl unpause {config.Name}";
        return await StartGuestAsync(config.Name, $"xl create -p -e -q {InDom0(file)}{unpause}", $"xl create {config.Name}", cancellation);
    }

    /// <summary>Brings a saved guest back; <paramref name="savedPath"/> is a path in dom0, as <see cref="XenGuest.SaveAsync"/> took it.</summary>
    public Task<XenGuest> RestoreGuestAsync(string name, string savedPath, CancellationToken cancellation = default) =>
        StartGuestAsync(name, $"xl restore -e '{savedPath}'", $"xl restore {name}", cancellation);

    /// <summary>Follows a domain that a command in dom0 made, such as the target of a migration.</summary>
    public Task<XenGuest> FollowGuestAsync(string name, CancellationToken cancellation = default) =>
        StartGuestAsync(name, "true", $"following {name}", cancellation);

    /// <summary>Copies a file of this machine to where dom0 sees it and returns its path there.</summary>
    public string Share(string hostPath, string what = "The file")
    {
        var source = new FileInfo(hostPath);
        if (!source.Exists)
        {
            throw new QemuXenException($"{what}: there is no file {source.FullName}.");
        }

        string name = string.Create(
            CultureInfo.InvariantCulture, $"{source.FullName.GetHashCode(StringComparison.Ordinal):x8}-{source.LastWriteTimeUtc.Ticks:x}-{source.Length:x}-{source.Name}");
        string target = Path.Combine(SharedDirectory, "images", name);
        lock (_gate)
        {
            if (!File.Exists(target))
            {
                // A copy, so that a build may replace the original while guests still start from it.
                File.Copy(source.FullName, target);
            }
        }

        return InDom0(target);
    }

    /// <summary>Makes an empty disk in dom0's memory, which it takes as it is written; it is there until the machine ends.</summary>
    /// <returns>Its path in dom0, for <see cref="GuestConfig.RawDisk"/>.</returns>
    public async Task<string> CreateDiskAsync(int sizeMiB, CancellationToken cancellation = default)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/tmp/disk{Interlocked.Increment(ref _lastDisk)}");
        CommandResult result = await RunInDom0Async(string.Create(CultureInfo.InvariantCulture, $"truncate -s {sizeMiB}M {path}"), cancellation: cancellation);
        result.ThrowIfFailed("making a disk");
        return path;
    }

    /// <summary>Ends the emulator with everything in it and removes its working directory.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
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
        foreach (XenGuest guest in _guests.Values)
        {
            await guest.AbandonAsync();
        }

        _directory.Dispose();
    }

    /// <summary>A limit with the machine's factor.</summary>
    internal TimeSpan Scale(TimeSpan limit)
    {
        double factor = _options.TimeScale * _emulator.Slowness;
        return limit == Timeout.InfiniteTimeSpan ? limit : limit >= LongestLimit / factor ? LongestLimit : limit * factor;
    }

    /// <summary>The last lines of what Xen, dom0 and the emulator said.</summary>
    internal string Logs() =>
        Limits.Extract("Xen's log", Log.Tail(15))
        + _emulator.Logs()
        + Limits.Extract("unexpected lines from dom0's agent", _agent?.Noise.Tail(8) ?? "");

    /// <summary>Moves a guest into a new domain of this machine.</summary>
    internal Task<XenGuest> MigrateGuestAsync(XenGuest guest, CancellationToken cancellation) => StartGuestAsync(
        guest.Name,
        $"xl migrate -e -s lssh {guest.DomainId} localhost",
        $"xl migrate {guest.Name}",
        cancellation,
        // The name that xl gives the new domain until the old one is gone; the console daemon stays with it.
        $"{guest.Name}--incoming");

    /// <summary>Connects raw input to a guest's console; disposing the stream disconnects it.</summary>
    internal async Task<Stream> OpenConsoleInputAsync(XenGuest guest, CancellationToken cancellation)
    {
        if (!_inputPorts.TryTake(out int port))
        {
            throw new QemuXenException($"More than {Emulator.FreePorts} guests have console input at the same time.");
        }

        // The console's terminal is looked for once the host is connected: then the port opens at once, however long the console takes.
        string copy = string.Create(CultureInfo.InvariantCulture, $"""
            exec port {port} sh -c '
            until tty=$(xenstore-read /local/domain/{guest.DomainId}/console/tty) && [ -n "$tty" ]; do usleep 20000; done 2>/dev/null
            exec cat >"$tty"'
            """);
        return await _emulator.OpenPortAsync(port, () => _ = Task.Run(CopyAsync, CancellationToken.None), cancellation);

        async Task CopyAsync()
        {
            try
            {
                await _agent!.RunAsync(copy, Timeout.InfiniteTimeSpan, CancellationToken.None);
            }
            catch (Exception e) when (e is QemuXenException or ObjectDisposedException)
            {
                // The machine has ended, and with it the guest.
            }

            _inputPorts.Add(port);
        }
    }

    /// <summary>The domains as dom0 listed them last, one line each.</summary>
    internal string DomainsText => string.Join('\n', _domains);

    /// <summary>Connects to the second serial port, which dom0 knows as ttyS1.</summary>
    internal Task<Stream> OpenSecondSerialPortAsync(CancellationToken cancellation) => _emulator.OpenSecondSerialPortAsync(cancellation);

    /// <summary>Shows every guest the newest list of domains again.</summary>
    internal void Refresh()
    {
        lock (_gate)
        {
            OnDomainsListed(_domains);
        }
    }

    internal void Forget(XenGuest guest) => _guests.TryRemove(guest.DomainId, out _);

    private string InDom0(string path) => SharePath + "/" + Path.GetRelativePath(SharedDirectory, path);

    private async Task<XenGuest> StartGuestAsync(string name, string start, string what, CancellationToken cancellation, string? consoleName = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        string consoleLog = Path.Combine(SharedDirectory, "console", $"guest-{consoleName ?? name}.log");
        long consoleStart = File.Exists(consoleLog) ? new FileInfo(consoleLog).Length : 0;
        string script = $"{start} || exit\nfor d in $(xenstore-list /local/domain); do [ \"$(xenstore-read /local/domain/$d/name)\" = {name} ] && echo \"domid $d\"; done\ntrue";
        CommandResult result;
        try
        {
            result = await RunInDom0Async(script, GuestStartLimit, cancellation);
        }
        catch
        {
            await RemoveHalfMadeAsync(name);
            throw;
        }

        result.ThrowIfFailed(what);
        string line = result.Output.Split('\n').LastOrDefault(l => l.StartsWith("domid ", StringComparison.Ordinal))
            ?? throw new QemuXenException($"{what}: no domain of that name exists afterwards.\n{Logs()}");
        int id = int.Parse(line["domid ".Length..], CultureInfo.InvariantCulture);
        var guest = new XenGuest(this, name, id, consoleLog, consoleStart);
        lock (_gate)
        {
            _guests[id] = guest;
            guest.Update(_domains);
        }

        return guest;
    }

    private async Task RemoveHalfMadeAsync(string name)
    {
        try
        {
            await RunInDom0Async($"xl destroy {name}", TimeSpan.FromSeconds(20));
        }
        catch (Exception e) when (e is QemuXenException or ObjectDisposedException)
        {
            // The first failure is the one to report.
        }
    }

    private void OnDomainsListed(IReadOnlyList<DomainState> domains)
    {
        lock (_gate)
        {
            _domains = domains;
            foreach (XenGuest guest in _guests.Values)
            {
                guest.Update(domains);
            }
        }
    }

    /// <summary>Gives the path in dom0 of an image that guests start from.</summary>
    private async Task<string> ShareImageAsync(string hostPath, string what, CancellationToken cancellation)
    {
        string shared = Share(hostPath, what);
        if (!_emulator.IsShareSlow)
        {
            return shared;
        }

        // libxl maps the file, and what is mapped is read page by page. The copy gets its name when it is whole: two guests may start
        // at once.
        string copy = $"{CopyPath}/{Path.GetFileName(shared)}";
        string script = $"[ -e {copy} ] || {{ cp {shared} {copy}.$$ && mv {copy}.$$ {copy}; }}";
        (await RunInDom0Async(script, GuestStartLimit, cancellation)).ThrowIfFailed($"copying {hostPath} into dom0");
        return copy;
    }

    private void BeginHeartbeat()
    {
        if (_emulator.LosesInterrupts)
        {
            _heartbeat = new(_agent!);
        }
    }

    private static async Task<XenMachine?> TryRestoreAsync(XenMachineOptions options, Dom0Image image, CancellationToken cancellation)
    {
        var machine = new XenMachine(options, image);
        try
        {
            if (machine._emulator is ISavesState saving && await saving.FindStateAsync(cancellation) is { Exists: true } state)
            {
                options.Progress?.Report("restoring Xen and dom0 from their saved state");
                try
                {
                    await machine.BootAsync(state, cancellation);
                    state.Touch();
                    return machine;
                }
                catch (QemuXenException e)
                {
                    options.Progress?.Report($"the saved state is of no use: {e.Message.Split('\n')[0]}");
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

    /// <summary>Saves the machine for the next start. That it cannot be saved is no failure of this start.</summary>
    private async Task SaveAsync(ISavesState saving, CancellationToken cancellation)
    {
        SavedState state = await saving.FindStateAsync(cancellation);
        TimeSpan limit = Scale(SaveLimit);
        await _agent!.UnmountAsync().WithinAsync(limit, "dom0 to give up the shared directory", Logs, cancellation);
        try
        {
            await saving.SaveAsync(state, limit, cancellation);
        }
        catch (QemuXenException e)
        {
            _options.Progress?.Report($"the machine's state was not saved: {e.Message}");
        }

        await saving.ContinueAsync(limit, cancellation);
        await _agent.MountAsync();
        await _emulator.UnlessEndedAsync(_agent.Ready, "dom0 was ready again", limit, Logs, cancellation);
    }

    private async Task BootAsync(SavedState? state, CancellationToken cancellation)
    {
        foreach (string name in new[] { "command", "config", "console", "domains", "images", "save" })
        {
            Directory.CreateDirectory(Path.Combine(SharedDirectory, name));
        }

        TimeSpan limit = Scale(state is null ? _options.StartLimit : RestoreLimit);
        await _emulator.StartAsync(state, limit, cancellation);
        _serial = Log.CopyFromAsync(_emulator.Serial);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<Stream> agent = _emulator.OpenAgentAsync(stop.Token);
        try
        {
            await _emulator.UnlessEndedAsync(agent, "let dom0 speak to the host", limit, Logs, cancellation);
        }
        finally
        {
            await stop.CancelAsync();
        }

        _agent = new AgentChannel(await agent, SharedDirectory, OnDomainsListed);
        if (state is not null)
        {
            await ((ISavesState)_emulator).ContinueAsync(limit, cancellation);
            await _agent.MountAsync();
        }

        await _emulator.UnlessEndedAsync(_agent.Ready, "dom0 was ready", limit, Logs, cancellation);
    }
}
