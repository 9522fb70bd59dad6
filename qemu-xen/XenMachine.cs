using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Xenlet.QemuXen;

/// <summary>
/// Real Xen 4.17 with a Debian dom0, running in QEMU's software emulation: nothing is installed on this machine, no root and no
/// virtualisation are needed. Disposing it ends QEMU and all guests; the kernel does so if this process is killed.
/// </summary>
public sealed class XenMachine : IAsyncDisposable
{
    /// <summary>Where dom0 sees <see cref="SharedDirectory"/>.</summary>
    internal const string SharePath = "/host";

    private const string ShellSocket = "shell";
    private const int FirstInputPort = 2;
    private const int InputPorts = 24;

    /// <summary>
    /// x86-64-v2 with AMD's virtualisation: the leanest model on which Xen runs PVH guests. SMAP would kill a PV dom0, RDTSCP and
    /// XSAVE upset Linux guests, because the emulator reports no instruction lengths to Xen.
    /// </summary>
    private const string CpuModel = "qemu64,+svm,+npt,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand";

    private static readonly TimeSpan RestoreLimit = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan SaveLimit = TimeSpan.FromSeconds(60);

    // A restore or a migration carries all of the guest's memory through dom0, and the host may be busy.
    private static readonly TimeSpan GuestStartLimit = TimeSpan.FromMinutes(5);

    private readonly XenMachineOptions _options;
    private readonly WorkDirectory _directory;
    private readonly ConcurrentDictionary<int, XenGuest> _guests = new();
    private readonly ConcurrentBag<int> _inputPorts = [.. Enumerable.Range(FirstInputPort, InputPorts)];
    private readonly Lock _gate = new();
    private QemuProcess? _qemu;
    private QemuMonitor? _monitor;
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
    }

    /// <summary>The image the machine was booted from.</summary>
    public Dom0Image Image { get; }

    /// <summary>Directory of this machine that dom0 sees as /host, for reading and writing.</summary>
    public string SharedDirectory => Path.Combine(_directory.Path, "share");

    /// <summary>The first serial port: Xen's log, dom0's kernel and the guests' port 0xE9 in one.</summary>
    public TextLog Log { get; } = new();

    /// <summary>Process id of QEMU.</summary>
    internal int QemuProcessId => _qemu!.Id;

    /// <summary>Boots Xen and waits until dom0 serves commands.</summary>
    /// <exception cref="QemuXenException">Something is missing or did not come up in time; the message shows the logs.</exception>
    public static async Task<XenMachine> StartAsync(XenMachineOptions options, CancellationToken cancellation = default)
    {
        Dom0Image image = await Dom0Image.PrepareAsync(options.Dom0Directory, options.Progress, cancellation);
        if (options.UseSavedState && await TryRestoreAsync(options, image, cancellation) is { } restored)
        {
            restored._heartbeat = new(restored._agent!);
            return restored;
        }

        var machine = new XenMachine(options, image);
        try
        {
            options.Progress?.Report("booting Xen and dom0");
            await machine.BootAsync(null, cancellation);
            if (options.UseSavedState)
            {
                await machine.SaveAsync(cancellation);
            }

            machine._heartbeat = new(machine._agent!);
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
    /// <exception cref="QemuXenException">The limit passed, or QEMU or dom0 has ended.</exception>
    public Task<CommandResult> RunInDom0Async(string shellCommand, TimeSpan? limit = null, CancellationToken cancellation = default) =>
        RunInDom0Async(shellCommand, lines: null, limit ?? TimeSpan.FromSeconds(60), cancellation);

    /// <summary>Runs a shell script in dom0 whose output is wanted while it runs.</summary>
    /// <param name="shellCommand">Text of the script.</param>
    /// <param name="lines">Receives each line of its standard output.</param>
    /// <param name="limit">Longest time it may take, before <see cref="XenMachineOptions.TimeScale"/>.</param>
    /// <param name="cancellation">Kills the command.</param>
    /// <exception cref="QemuXenException">The limit passed, or QEMU or dom0 has ended.</exception>
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
            Kernel = Share(config.Kernel, nameof(config.Kernel)),
            Ramdisk = config.Ramdisk is null ? null : Share(config.Ramdisk, nameof(config.Ramdisk)),
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

    /// <summary>Ends QEMU with everything in it and removes its working directory.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (_qemu is not null)
        {
            await _qemu.DisposeAsync();
        }

        if (_heartbeat is not null)
        {
            await _heartbeat.DisposeAsync();
        }

        if (_agent is not null)
        {
            await _agent.DisposeAsync();
        }

        if (_monitor is not null)
        {
            await _monitor.DisposeAsync();
        }

        await _serial;
        foreach (XenGuest guest in _guests.Values)
        {
            await guest.AbandonAsync();
        }

        _directory.Dispose();
    }

    /// <summary>A limit with the machine's factor.</summary>
    internal TimeSpan Scale(TimeSpan limit) => limit * _options.TimeScale;

    /// <summary>The last lines of what Xen, dom0 and QEMU said.</summary>
    internal string Logs() =>
        Limits.Extract("Xen's log", Log.Tail(15))
        + Limits.Extract("QEMU", _qemu?.Errors.Tail(8) ?? "")
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
            throw new QemuXenException($"More than {InputPorts} guests have console input at the same time.");
        }

        // dom0 must find the host connected when it opens the port, or it reads an end of file.
        Stream stream = await UnixListener.ConnectAsync(Socket($"in{port}"), cancellation);
        string copy = $"""
            until tty=$(xenstore-read /local/domain/{guest.DomainId}/console/tty) && [ -n "$tty" ]; do usleep 20000; done 2>/dev/null
            exec cat "$PORTS"{port} >"$tty"
            """;
        _ = Task.Run(
            async () =>
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
            },
            CancellationToken.None);
        return stream;
    }

    /// <summary>The domains as dom0 listed them last, one line each.</summary>
    internal string DomainsText => string.Join('\n', _domains);

    /// <summary>Connects to the second serial port, which dom0 knows as ttyS1.</summary>
    internal Task<Stream> OpenSecondSerialPortAsync(CancellationToken cancellation) =>
        UnixListener.ConnectAsync(Socket(ShellSocket), cancellation);

    /// <summary>Shows every guest the newest list of domains again.</summary>
    internal void Refresh()
    {
        lock (_gate)
        {
            OnDomainsListed(_domains);
        }
    }

    internal void Forget(XenGuest guest) => _guests.TryRemove(guest.DomainId, out _);

    private string Socket(string name) => Path.Combine(_directory.Path, name);

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

    private static async Task<XenMachine?> TryRestoreAsync(XenMachineOptions options, Dom0Image image, CancellationToken cancellation)
    {
        var machine = new XenMachine(options, image);
        try
        {
            SavedState state = await machine.StateAsync(cancellation);
            if (state.Exists)
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

    private async Task<SavedState> StateAsync(CancellationToken cancellation)
    {
        List<string> arguments = Arguments("agent", "serial", "monitor");
        return await SavedState.ForAsync(Image, arguments.Select(a => a.Replace(_directory.Path, "", StringComparison.Ordinal)), cancellation);
    }

    /// <summary>Saves the machine for the next start. That it cannot be saved is no failure of this start.</summary>
    private async Task SaveAsync(CancellationToken cancellation)
    {
        SavedState state = await StateAsync(cancellation);
        string unfinished = $"{state.Path}.{Guid.NewGuid():N}";
        TimeSpan limit = Scale(SaveLimit);
        await _agent!.UnmountAsync().WithinAsync(limit, "dom0 to give up the shared directory", Logs, cancellation);
        try
        {
            await _monitor!.ExecuteAsync("""{"execute":"stop"}""", cancellation);
            string target = JsonSerializer.Serialize($"exec:cat >'{unfinished}'");
            await _monitor.ExecuteAsync($$$"""{"execute":"migrate","arguments":{"uri":{{{target}}}}}""", cancellation);
            var started = Stopwatch.StartNew();
            string status;
            do
            {
                await Task.Delay(20, cancellation);
                status = await _monitor.ExecuteAsync("""{"execute":"query-migrate"}""", cancellation);
                if (status.Contains("\"failed\"", StringComparison.Ordinal) || started.Elapsed > limit)
                {
                    throw new QemuXenException($"QEMU did not save the machine: {status}");
                }
            }
            while (!status.Contains("\"status\": \"completed\"", StringComparison.Ordinal));

            state.Accept(unfinished);
        }
        catch (Exception e) when (e is QemuXenException or IOException)
        {
            _options.Progress?.Report($"the machine's state was not saved: {e.Message}");
        }
        finally
        {
            File.Delete(unfinished);
        }

        await _monitor!.ExecuteAsync("""{"execute":"cont"}""", cancellation);
        await _agent.MountAsync();
        await UnlessQemuEndsAsync(_agent.Ready, "dom0 was ready again", limit, cancellation);
    }

    private async Task BootAsync(SavedState? state, CancellationToken cancellation)
    {
        foreach (string name in new[] { "command", "config", "console", "domains", "images", "save" })
        {
            Directory.CreateDirectory(Path.Combine(SharedDirectory, name));
        }

        using var agent = new UnixListener(Socket("agent"));
        using var serial = new UnixListener(Socket("serial"));
        using var monitor = new UnixListener(Socket("monitor"));
        List<string> arguments = Arguments(agent.Path, serial.Path, monitor.Path);
        if (state is not null)
        {
            arguments.AddRange(["-incoming", $"exec:cat '{state.Path}'"]);
        }

        TimeSpan limit = Scale(state is null ? _options.StartLimit : RestoreLimit);
        _qemu = await QemuProcess.StartAsync(arguments, SharedDirectory);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<Stream> agentStream = agent.AcceptAsync(stop.Token);
        Task<Stream> serialStream = serial.AcceptAsync(stop.Token);
        Task<Stream> monitorStream = monitor.AcceptAsync(stop.Token);
        try
        {
            await UnlessQemuEndsAsync(Task.WhenAll(agentStream, serialStream, monitorStream), "opened its serial ports", limit, cancellation);
        }
        finally
        {
            await stop.CancelAsync();
        }

        _serial = Log.CopyFromAsync(await serialStream);
        _agent = new AgentChannel(await agentStream, SharedDirectory, OnDomainsListed);
        _monitor = await QemuMonitor.OpenAsync(await monitorStream, cancellation);
        if (state is not null)
        {
            await ContinueRestoredAsync(limit, cancellation);
        }

        await UnlessQemuEndsAsync(_agent.Ready, "dom0 was ready", limit, cancellation);
    }

    /// <summary>Lets a machine go on once its state is read; it was saved standing still and comes back so.</summary>
    private async Task ContinueRestoredAsync(TimeSpan limit, CancellationToken cancellation)
    {
        var started = Stopwatch.StartNew();
        while ((await _monitor!.ExecuteAsync("""{"execute":"query-status"}""", cancellation)).Contains("\"inmigrate\"", StringComparison.Ordinal))
        {
            if (started.Elapsed > limit)
            {
                throw new QemuXenException($"QEMU did not read the saved state within {limit.TotalSeconds:0.#} s.\n{Logs()}");
            }

            await Task.Delay(20, cancellation);
        }

        await _monitor.ExecuteAsync("""{"execute":"cont"}""", cancellation);
        await _agent!.MountAsync();
    }

    private async Task UnlessQemuEndsAsync(Task task, string what, TimeSpan limit, CancellationToken cancellation)
    {
        await Task.WhenAny(task, _qemu!.Exited).WithinAsync(limit, $"an emulated machine that {what}", Logs, cancellation);
        if (!task.IsCompletedSuccessfully)
        {
            string reason = task.Exception?.InnerException?.Message ?? $"QEMU ended with status {_qemu.ExitCode} before it {what}.";
            throw new QemuXenException($"{reason}\n{Logs()}");
        }
    }

    private List<string> Arguments(string agentSocket, string serialSocket, string monitorSocket)
    {
        string cpu = string.Join(',', [CpuModel, .. _options.CpuFeatures]);
        string dom0Processor = _options.Cpus > 1 ? " dom0_max_vcpus=1 dom0_vcpus_pin" : "";
        List<string> arguments =
        [
            "-accel", "tcg",
            "-cpu", cpu,
            "-smp", _options.Cpus.ToString(CultureInfo.InvariantCulture),
            "-m", _options.MemoryMiB.ToString(CultureInfo.InvariantCulture),
            "-nodefaults", "-display", "none", "-no-reboot", "-no-user-config",
            "-kernel", Image.Hypervisor,
            "-append", $"dom0_mem={_options.Dom0MemoryMiB}M{dom0Processor} console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all",
            "-initrd", $"{Image.Kernel} console=hvc0 quiet panic=1,{Image.Initramfs}",
            "-chardev", $"socket,id=serial,path={serialSocket}", "-serial", "chardev:serial",
            "-chardev", $"socket,id=monitor,path={monitorSocket}", "-mon", "chardev=monitor,mode=control",
            "-chardev", $"socket,id=shell,path={Socket(ShellSocket)},server=on,wait=off", "-serial", "chardev:shell",
            "-fsdev", $"local,id=host,path={SharedDirectory},security_model=none",
            "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
            "-device", "virtio-serial-pci,id=ports,max_ports=31",
            "-chardev", $"socket,id=agent,path={agentSocket}", "-device", "virtserialport,bus=ports.0,nr=1,chardev=agent",
        ];
        for (int port = FirstInputPort; port < FirstInputPort + InputPorts; port++)
        {
            arguments.AddRange(
                ["-chardev", $"socket,id=in{port},path={Socket($"in{port}")},server=on,wait=off", "-device", $"virtserialport,bus=ports.0,nr={port},chardev=in{port}"]);
        }

        return arguments;
    }
}
