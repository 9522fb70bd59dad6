using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.QemuXen.Base;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen;

/// <summary>A domain of an <see cref="XenMachine"/>.</summary>
public sealed partial class XenGuest : IGuest, IFollowedDomain
{
    /// <summary>
    /// A sleep in dom0 after which a console that has not grown is complete. It is measured by dom0's own clock, so a stopped machine does
    /// not pass it. The console daemon handles at most 30 events of a domain in 200 ms (RATE_LIMIT_PERIOD of xenconsoled) and then waits.
    /// What it writes goes to the host, which may be busy: it is not in state S then, in which it waits for events (proc(5)).
    /// </summary>
    private const string LetConsoleSettle = """
        usleep 250000
        works() { read -r pid name state rest < /proc/$daemon/stat && [ "$state" != S ]; }
        read -r daemon < /run/xenconsoled.pid && while works; do usleep 20000; done
        """;

    // xl waits for the other ends of devices, for 40 s of dom0's clock at most, and the host may be busy.
    private static readonly TimeSpan XlLimit = TimeSpan.FromMinutes(5);

    private readonly XenMachine _machine;
    private readonly string _consoleLog;
    private readonly TaskCompletionSource<GuestEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _inputLock = new(1);
    private readonly Task _work;
    private readonly TaskCompletionSource<GuestEndReason> _domainEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Stream? _input;
    private volatile bool _isBeingDestroyed;
    private volatile bool _isBeingSaved;
    private bool _isSeen;
    private bool _isSuspended;
    private volatile bool _isGone;

    internal XenGuest(XenMachine machine, string name, int domainId, string consoleLog, long consoleStart)
    {
        _machine = machine;
        _consoleLog = consoleLog;
        Name = name;
        DomainId = domainId;
        _work = Task.Run(() => FollowAsync(consoleStart));
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The domain id.</summary>
    public int DomainId { get; }

    /// <inheritdoc/>
    public GuestConsole Console { get; } = new();

    /// <summary>Xen has shut the domain down with the reason "suspend", and nobody has resumed or removed it yet.</summary>
    public bool IsSuspended => _isSuspended;

    /// <inheritdoc/>
    public IReadOnlyList<string> HypervisorLog =>
        [.. _machine.Log.Lines.Select(line => ParseHypervisorLine(line, DomainId)).OfType<string>()];

    /// <inheritdoc/>
    public async Task WriteConsoleAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        await _inputLock.WaitAsync(cancellationToken);
        try
        {
            _input ??= await _machine.OpenInputAsync(CopyToConsole(), cancellationToken);
            await _input.WriteAsync(bytes, cancellationToken);
        }
        catch (IOException e)
        {
            throw new QemuXenException($"The console of {Name} takes no more input: QEMU has ended.", e);
        }
        finally
        {
            _inputLock.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<int> WaitForTextAsync(string text, TimeSpan limit, int from = 0, CancellationToken cancellationToken = default)
    {
        Task<int> find = Console.FindAsync(text, from, cancellationToken);
        await find.WithinAsync(_machine.Scale(limit), $"{Name} to write \"{text}\"", Logs, cancellationToken);
        int position = await find;
        return position >= 0 ? position : throw new QemuXenException($"{Name} ended without writing \"{text}\".\n{Logs()}");
    }

    /// <inheritdoc/>
    public async Task<GuestEnd> WaitForEndAsync(TimeSpan limit, CancellationToken cancellationToken = default)
    {
        await _end.Task.WithinAsync(_machine.Scale(limit), $"the end of {Name}", Logs, cancellationToken);
        return await _end.Task;
    }

    /// <inheritdoc/>
    public async Task DestroyAsync(CancellationToken cancellationToken = default)
    {
        // What has ended is removed by FollowAsync.
        if (!_isGone && !_domainEnd.Task.IsCompleted)
        {
            CommandResult result;
            _isBeingDestroyed = true;
            try
            {
                result = await XlAsync($"xl destroy {DomainId}", cancellationToken);
                if (result.ExitCode == 0)
                {
                    _isGone = true;
                    _domainEnd.TrySetResult(GuestEndReason.Destroyed);
                }
            }
            finally
            {
                _isBeingDestroyed = false;
            }

            if (result.ExitCode != 0)
            {
                await _machine.Domains.RefreshAsync().WithinAsync(
                    _machine.Scale(XlLimit), "a list of dom0's domains", Logs, cancellationToken);
                if (!_domainEnd.Task.IsCompleted)
                {
                    result.ThrowIfFailed($"xl destroy {Name}");
                }
            }
        }

        await WaitForEndAsync(XlLimit, cancellationToken);
    }

    /// <summary>Pauses the guest's processors.</summary>
    public async Task PauseAsync(CancellationToken cancellationToken = default) =>
        (await XlAsync($"xl pause {DomainId}", cancellationToken)).ThrowIfFailed($"xl pause {Name}");

    /// <summary>Unpauses the guest's processors.</summary>
    public async Task UnpauseAsync(CancellationToken cancellationToken = default) =>
        (await XlAsync($"xl unpause {DomainId}", cancellationToken)).ThrowIfFailed($"xl unpause {Name}");

    /// <summary>Asks the guest through xenstore to power off. The guest decides whether and when.</summary>
    public async Task ShutdownAsync(CancellationToken cancellationToken = default) =>
        (await XlAsync($"xl shutdown {DomainId}", cancellationToken)).ThrowIfFailed($"xl shutdown {Name}");

    /// <summary>Asks the guest through xenstore to reboot.</summary>
    public async Task RebootAsync(CancellationToken cancellationToken = default) =>
        (await XlAsync($"xl reboot {DomainId}", cancellationToken)).ThrowIfFailed($"xl reboot {Name}");

    /// <summary>Plugs a disk. Completes when dom0 has set it up, whether or not the guest has noticed.</summary>
    /// <param name="disk">The disk in the syntax of xl-disk-configuration(5), such as from <see cref="GuestConfig.RawDisk"/>.</param>
    /// <param name="cancellationToken">Ends the wait and kills the command.</param>
    public Task AttachDiskAsync(string disk, CancellationToken cancellationToken = default) =>
        PlugAsync("block-attach", $"'{disk}'", cancellationToken);

    /// <summary>Unplugs a disk: asks the guest to release it, for 10 s.</summary>
    /// <param name="device">Its name, such as xvdb.</param>
    /// <param name="force">Whether to remove it without asking.</param>
    /// <param name="cancellationToken">Ends the wait and kills the command.</param>
    /// <exception cref="QemuXenException">The guest has not released it.</exception>
    public Task DetachDiskAsync(string device, bool force = false, CancellationToken cancellationToken = default) =>
        PlugAsync(force ? "block-detach --force" : "block-detach", device, cancellationToken);

    /// <summary>Plugs a network interface.</summary>
    /// <param name="interfaceWords">
    /// The interface in the syntax of xl-network-configuration(5), such as <c>mac=00:16:3e:00:00:01</c>. This command of xl takes each of
    /// its words as an argument.
    /// </param>
    /// <param name="cancellationToken">Ends the wait and kills the command.</param>
    public Task AttachInterfaceAsync(string interfaceWords, CancellationToken cancellationToken = default) =>
        PlugAsync("network-attach", $"'{interfaceWords.Replace(",", "' '", StringComparison.Ordinal)}'", cancellationToken);

    /// <summary>Unplugs a network interface: asks the guest to release it, and removes it if it has not after 10 s.</summary>
    /// <param name="device">Its number or its MAC address.</param>
    /// <param name="cancellationToken">Ends the wait and kills the command.</param>
    public Task DetachInterfaceAsync(string device, CancellationToken cancellationToken = default) =>
        PlugAsync("network-detach", device, cancellationToken);

    /// <summary>Suspends the guest to a file in dom0 and removes it.</summary>
    /// <param name="path">
    /// Path in dom0, such as <see cref="XenMachine.SavePath"/>. Not in the shared directory: xl writes directly from the guest's pages,
    /// which the 9p client cannot send (EFAULT).
    /// </param>
    /// <param name="limit">The time limit for the guest and the tools.</param>
    /// <param name="cancellationToken">Ends the wait and kills the command.</param>
    public async Task SaveAsync(string path, TimeSpan limit, CancellationToken cancellationToken = default)
    {
        // xl removes the domain when it has saved it: there need not be a list that shows it suspended.
        _isBeingSaved = true;
        try
        {
            await SaveAsync("", path, limit, cancellationToken);
            await WaitForEndAsync(XlLimit, cancellationToken);
        }
        finally
        {
            _isBeingSaved = false;
        }
    }

    /// <summary>
    /// Suspends the guest to a file in dom0, as <see cref="SaveAsync(string, TimeSpan, CancellationToken)"/> does, and lets it continue.
    /// </summary>
    /// <param name="path">Path in dom0.</param>
    /// <param name="limit">The time limit for the guest and the tools.</param>
    /// <param name="cancellationToken">Ends the wait and kills the command.</param>
    public Task CheckpointAsync(string path, TimeSpan limit, CancellationToken cancellationToken = default) =>
        SaveAsync("-c ", path, limit, cancellationToken);

    /// <summary>
    /// Migrates the running guest to a new domain of the same machine, as if to another machine. This domain is then gone.
    /// </summary>
    /// <returns>The new domain.</returns>
    public async Task<XenGuest> MigrateAsync(CancellationToken cancellationToken = default)
    {
        XenGuest target;
        try
        {
            target = await _machine.MigrateGuestAsync(this, cancellationToken);
        }
        catch (QemuXenException failure)
        {
            throw await WithLogsAsync(failure);
        }

        await WaitForEndAsync(XlLimit, cancellationToken);
        return target;
    }

    /// <summary>All xenstore nodes of the domain with their values and permissions.</summary>
    public async Task<string> XenStoreDumpAsync(CancellationToken cancellationToken = default) =>
        (await XlAsync($"xenstore-ls -fp /local/domain/{DomainId}", cancellationToken)).ThrowIfFailed(
            $"reading the xenstore of {Name}").Output;

    /// <summary>Destroys the domain if it still runs, and waits until nothing of it is left.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await DestroyAsync();
        }
        catch (Exception e) when (e is QemuXenException or ObjectDisposedException)
        {
            // The machine is gone, and the guest with it.
            await AbandonAsync();
        }

        await _work;
        _machine.Domains.Forget(this);
    }

    /// <summary>
    /// Parses a line of Xen's log. Returns what domain <paramref name="domainId"/> wrote to port 0xE9, or null for other lines.
    /// </summary>
    internal static string? ParseHypervisorLine(string line, int domainId)
    {
        Match match = HypervisorLine().Match(line);
        return match.Success && int.Parse(match.Groups["id"].ValueSpan, CultureInfo.InvariantCulture) == domainId
            ? match.Groups["text"].Value
            : null;
    }

    /// <inheritdoc/>
    bool IFollowedDomain.IsOver => _isBeingDestroyed || _domainEnd.Task.IsCompleted;

    /// <inheritdoc/>
    void IFollowedDomain.Update(IReadOnlyList<DomainState> domains, bool mayBeOlder)
    {
        DomainState? state = domains.FirstOrDefault(domain => domain.Id == DomainId);
        _isSeen |= state is not null;
        if (state is null || state.IsDying)
        {
            if (_isSeen || !mayBeOlder)
            {
                _isGone = true;
                _domainEnd.TrySetResult(_isSuspended || _isBeingSaved ? GuestEndReason.Suspend : GuestEndReason.Destroyed);
            }

            return;
        }

        _isSuspended = state.ShutdownReason == GuestEndReason.Suspend;
        if (state.ShutdownReason is { } reason && !_isSuspended)
        {
            _domainEnd.TrySetResult(reason);
        }
    }

    /// <inheritdoc/>
    Task IFollowedDomain.AbandonAsync() => AbandonAsync();

    private async Task AbandonAsync()
    {
        _isGone = true;
        _domainEnd.TrySetResult(GuestEndReason.Destroyed);
        await _work;
    }

    /// <summary>A script that copies its input to the guest's console, whose terminal the console daemon may not have opened yet.</summary>
    private string CopyToConsole() => string.Create(CultureInfo.InvariantCulture, $"""
        until tty=$(xenstore-read /local/domain/{DomainId}/console/tty) && [ -n "$tty" ]; do usleep 20000; done 2>/dev/null
        exec cat >"$tty"
        """);

    private async Task FollowAsync(long position)
    {
        byte[] buffer = new byte[64 * 1024];
        FileStream? file = null;
        GuestEndReason reason;
        try
        {
            bool settled = false;
            while (true)
            {
                Task changed = _machine.ConsoleChanges.Next;
                file ??= Open(position);
                int count = file?.Read(buffer) ?? 0;
                if (count > 0)
                {
                    Console.Append(buffer.AsSpan(0, count));
                    settled = false;
                }
                else if (settled)
                {
                    break;
                }
                else if (_domainEnd.Task.IsCompleted)
                {
                    await SettleAsync();
                    settled = true;
                }
                else
                {
                    await Task.WhenAny(_domainEnd.Task, changed, Task.Delay(_machine.ConsoleChanges.Patience));
                }
            }

            reason = await _domainEnd.Task;
        }
        finally
        {
            file?.Dispose();
        }

        Console.Complete();
        _end.TrySetResult(new(reason, GuestEnd.ParseExitStatus(Console.Text)));
        await CleanUpAsync();
    }

    private async Task SettleAsync()
    {
        try
        {
            await _machine.RunInDom0Async(LetConsoleSettle, XlLimit);
        }
        catch (Exception e) when (e is QemuXenException or ObjectDisposedException)
        {
            // The machine has ended: no more output can arrive.
        }
    }

    private FileStream? Open(long position)
    {
        if (!File.Exists(_consoleLog))
        {
            return null;
        }

        // No buffer here: it would hide what the console daemon adds later.
        FileStream file = new(_consoleLog, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        file.Position = position;
        return file;
    }

    private async Task CleanUpAsync()
    {
        await _inputLock.WaitAsync();
        try
        {
            if (_input is not null)
            {
                await _input.DisposeAsync();
            }
        }
        finally
        {
            _inputLock.Release();
        }

        if (!_isGone)
        {
            try
            {
                await XlAsync($"xl destroy {DomainId}", CancellationToken.None);
            }
            catch (Exception e) when (e is QemuXenException or ObjectDisposedException)
            {
                // The machine has ended meanwhile.
            }
        }
    }

    private Task<CommandResult> XlAsync(string command, CancellationToken cancellationToken) =>
        _machine.RunInDom0Async(command, XlLimit, cancellationToken);

    private async Task SaveAsync(string option, string path, TimeSpan limit, CancellationToken cancellationToken)
    {
        try
        {
            (await _machine.RunInDom0Async($"xl save {option}{DomainId} '{path}'", limit, cancellationToken))
                .ThrowIfFailed($"xl save {Name}");
        }
        catch (QemuXenException failure)
        {
            throw await WithLogsAsync(failure);
        }
    }

    private async Task PlugAsync(string command, string what, CancellationToken cancellationToken)
    {
        CommandResult result = await XlAsync($"xl {command} {DomainId} {what}", cancellationToken);
        result.ThrowIfFailed($"xl {command} {Name} {what}");
    }

    /// <summary>
    /// Adds the guest's output to the failure of a command that needs the guest's help: xl does not mention a guest that crashes meanwhile.
    /// </summary>
    private async Task<QemuXenException> WithLogsAsync(QemuXenException failure)
    {
        if (_isGone || _domainEnd.Task.IsCompleted)
        {
            await _work;
        }

        return new QemuXenException($"{failure.Message}\n{Logs()}", failure);
    }

    private string Logs() =>
        Limits.Extract($"{Name}'s console", Console.Tail(15))
        + Limits.Extract($"{Name}'s lines in Xen's log", string.Join('\n', HypervisorLog.TakeLast(15)))
        + Limits.Extract("xl list", _machine.Domains.Text)
        + _machine.Logs();

    [GeneratedRegex(@"^(?:\(XEN\) )?(?:\[[^\]]*\] )?\(d(?<id>\d+)\) ?(?:\[[^\]]*\] )?(?<text>.*)$")]
    private static partial Regex HypervisorLine();
}
