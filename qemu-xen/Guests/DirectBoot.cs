using System.Globalization;
using System.Text;
using Xenlet.QemuXen.Base;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen;

/// <summary>Options for booting an image without Xen.</summary>
public sealed record DirectBootOptions
{
    /// <summary>Path of the image, an ELF file with a PVH entry note.</summary>
    public required string Kernel { get; init; }

    /// <summary>Name for messages. The image's file name if null.</summary>
    public string? Name { get; init; }

    /// <summary>Path of a ramdisk: an initramfs for Linux, a tar archive for a Xenlet.</summary>
    public string? Ramdisk { get; init; }

    /// <summary>The guest's command line.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>Memory in MiB.</summary>
    public int MemoryMiB { get; init; } = 32;

    /// <summary>Number of processors.</summary>
    public int VCpus { get; init; } = 1;

    /// <summary>Additional features for QEMU's <c>-cpu</c>, such as "-rdrand".</summary>
    public IReadOnlyList<string> CpuFeatures { get; init; } = [];

    /// <summary>Additional arguments for QEMU.</summary>
    public IReadOnlyList<string> ExtraArguments { get; init; } = [];

    /// <summary>
    /// The port of this machine on which QEMU serves gdb. The guest waits before its first instruction until gdb continues it.
    /// </summary>
    public int? GdbPort { get; init; }

    /// <summary>Factor applied to every limit, for slow machines.</summary>
    public double TimeScale { get; init; } = 1;
}

/// <summary>
/// A guest booted by QEMU's own PVH loader without Xen. Its console is the first serial port, its log port 0xE9. It starts in about a
/// second, which makes it the fast loop for anything that needs no hypervisor.
/// </summary>
public sealed class DirectBoot : IGuest
{
    private const string CpuModel = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand";
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromMinutes(5);

    private readonly DirectBootOptions _options;
    private readonly WorkDirectory _directory;
    private readonly TextLog _log = new();
    private readonly TextLog _monitor = new();
    private readonly TaskCompletionSource<GuestEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _writing = new(1);
    private EmulatorProcess? _qemu;
    private Stream? _serial;
    private Task _work = Task.CompletedTask;
    private volatile bool _isDestroyed;
    private bool _isDisposed;

    private DirectBoot(DirectBootOptions options)
    {
        _options = options;
        _directory = WorkDirectory.Create(null);
        Name = options.Name ?? Path.GetFileNameWithoutExtension(options.Kernel);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public GuestConsole Console { get; } = new();

    /// <inheritdoc/>
    public IReadOnlyList<string> HypervisorLog => _log.Lines;

    /// <summary>Boots the image.</summary>
    /// <exception cref="QemuXenException">The image is missing or QEMU does not start. The message contains QEMU's output.</exception>
    public static async Task<DirectBoot> StartAsync(DirectBootOptions options, CancellationToken cancellationToken = default)
    {
        if (!File.Exists(options.Kernel))
        {
            throw new QemuXenException($"There is no image {Path.GetFullPath(options.Kernel)}.");
        }

        DirectBoot guest = new(options);
        try
        {
            await guest.BootAsync(cancellationToken);
            return guest;
        }
        catch
        {
            await guest.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task WriteConsoleAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            await _serial!.WriteAsync(bytes, cancellationToken);
        }
        catch (IOException e)
        {
            throw new QemuXenException($"The console of {Name} takes no more input: the guest has ended.", e);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<int> WaitForTextAsync(string text, TimeSpan limit, int from = 0, CancellationToken cancellationToken = default)
    {
        Task<int> find = Console.FindAsync(text, from, cancellationToken);
        await find.WithinAsync(Limits.Scale(limit, _options.TimeScale), $"{Name} to write \"{text}\"", Logs, cancellationToken);
        int position = await find;
        return position >= 0 ? position : throw new QemuXenException($"{Name} ended without writing \"{text}\".\n{Logs()}");
    }

    /// <inheritdoc/>
    public async Task<GuestEnd> WaitForEndAsync(TimeSpan limit, CancellationToken cancellationToken = default)
    {
        await _end.Task.WithinAsync(Limits.Scale(limit, _options.TimeScale), $"the end of {Name}", Logs, cancellationToken);
        return await _end.Task;
    }

    /// <inheritdoc/>
    public async Task DestroyAsync(CancellationToken cancellationToken = default)
    {
        _isDestroyed = true;
        if (_qemu is not null && !_isDisposed)
        {
            await _qemu.KillAsync();
            await _work;
        }
    }

    /// <summary>Ends QEMU and removes its files.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        await DestroyAsync();
        _isDisposed = true;
        if (_qemu is not null)
        {
            await _qemu.DisposeAsync();
        }

        if (_serial is not null)
        {
            await _serial.DisposeAsync();
        }

        _directory.Dispose();
        _writing.Dispose();
    }

    /// <summary>
    /// Reads from the monitor's messages why the machine stopped. QEMU's exit status is the same after a power-off and, with -no-reboot,
    /// after a reset (a crash or a triple fault).
    /// </summary>
    internal static GuestEndReason ReadReason(string monitorMessages)
    {
        // One JSON object per line. Only the last event of this kind counts.
        string? shutdown = monitorMessages.Split('\n').LastOrDefault(line => line.Contains("\"SHUTDOWN\"", StringComparison.Ordinal));
        return shutdown switch
        {
            null => GuestEndReason.Destroyed,
            _ when shutdown.Contains("\"guest-shutdown\"", StringComparison.Ordinal) => GuestEndReason.PowerOff,
            _ when shutdown.Contains("\"guest-reset\"", StringComparison.Ordinal) => GuestEndReason.Crash,
            _ when shutdown.Contains("\"guest-panic\"", StringComparison.Ordinal) => GuestEndReason.Crash,
            _ => GuestEndReason.Destroyed,
        };
    }

    private async Task BootAsync(CancellationToken cancellationToken)
    {
        using UnixListener serial = new(Path.Combine(_directory.Path, "serial"));
        using UnixListener log = new(Path.Combine(_directory.Path, "log"));
        using UnixListener monitor = new(Path.Combine(_directory.Path, "monitor"));
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _qemu = await EmulatorProcess.StartAsync(
            QemuEmulator.Program, QemuEmulator.Package, [QemuEmulator.Program, .. Arguments(serial, log, monitor)], _directory.Path);
        Task<Stream[]> streams = Task.WhenAll(serial.AcceptAsync(stop.Token), log.AcceptAsync(stop.Token), monitor.AcceptAsync(stop.Token));
        try
        {
            await Task.WhenAny(streams, _qemu.Exited).WithinAsync(
                ConnectLimit * _options.TimeScale, "QEMU to start", Logs, cancellationToken);
        }
        finally
        {
            await stop.CancelAsync();
        }

        if (!streams.IsCompletedSuccessfully)
        {
            throw Refused();
        }

        _serial = (await streams)[0];
        Stream monitorStream = (await streams)[2];
        (string command, string answer) = _options.GdbPort is null
            ? ("""{"execute":"qmp_capabilities"}{"execute":"cont"}""", "\"RESUME\"")
            : ("""{"execute":"qmp_capabilities"}""", "\"return\"");
        TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _monitor.LineAdded += line =>
        {
            if (line.Contains(answer, StringComparison.Ordinal))
            {
                ready.TrySetResult();
            }
        };
        _work = FollowAsync(_serial, (await streams)[1], monitorStream);

        // The monitor holds the machine (-S) until the monitor or gdb continues it, so that no event is missed.
        try
        {
            await monitorStream.WriteAsync(Encoding.ASCII.GetBytes(command), cancellationToken);
        }
        catch (IOException)
        {
            // QEMU has ended; its output follows below.
        }

        await Task.WhenAny(ready.Task, _work).WithinAsync(
            ConnectLimit * _options.TimeScale, "QEMU to run the machine", Logs, cancellationToken);
        if (!ready.Task.IsCompleted)
        {
            throw Refused();
        }
    }

    private QemuXenException Refused() => new($"QEMU ended with status {_qemu!.ExitCode} before it booted {Name}.\n{Logs()}");

    private async Task FollowAsync(Stream serial, Stream log, Stream monitor)
    {
        await Task.WhenAll(ReadConsoleAsync(serial), _log.CopyFromAsync(log), _monitor.CopyFromAsync(monitor));
        await _qemu!.Exited;
        await log.DisposeAsync();
        await monitor.DisposeAsync();
        Console.Complete();
        GuestEndReason reason = _isDestroyed ? GuestEndReason.Destroyed : ReadReason(_monitor.Text);
        _end.TrySetResult(new(reason, GuestEnd.ParseExitStatus(Console.Text)));
    }

    private async Task ReadConsoleAsync(Stream serial)
    {
        byte[] buffer = new byte[16 * 1024];
        try
        {
            int count;
            while ((count = await serial.ReadAsync(buffer)) > 0)
            {
                Console.Append(buffer.AsSpan(0, count));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // QEMU has ended.
        }
    }

    private string Logs() =>
        Limits.Extract($"{Name}'s console", Console.Tail(15))
        + Limits.Extract($"{Name}'s port 0xE9", _log.Tail(15))
        + Limits.Extract("QEMU", _qemu?.Errors.Tail(8) ?? "");

    private List<string> Arguments(UnixListener serial, UnixListener log, UnixListener monitor)
    {
        List<string> arguments =
        [
            "-accel", "tcg", "-M", "pc", "-S",
            "-cpu", string.Join(',', [CpuModel, .. _options.CpuFeatures]),
            "-smp", _options.VCpus.ToString(CultureInfo.InvariantCulture),
            "-m", _options.MemoryMiB.ToString(CultureInfo.InvariantCulture),
            "-nodefaults", "-display", "none", "-no-reboot", "-no-user-config",
            "-kernel", Path.GetFullPath(_options.Kernel),
            "-append", _options.CommandLine,
            "-chardev", $"socket,id=serial,path={serial.Path}", "-serial", "chardev:serial",
            "-chardev", $"socket,id=log,path={log.Path}", "-device", "isa-debugcon,iobase=0xe9,chardev=log",
            "-chardev", $"socket,id=monitor,path={monitor.Path}", "-mon", "chardev=monitor,mode=control",
        ];
        if (_options.Ramdisk is { } ramdisk)
        {
            arguments.AddRange(["-initrd", Path.GetFullPath(ramdisk)]);
        }

        if (_options.GdbPort is { } port)
        {
            arguments.AddRange(["-gdb", string.Create(CultureInfo.InvariantCulture, $"tcp:127.0.0.1:{port}")]);
        }

        arguments.AddRange(_options.ExtraArguments);
        return arguments;
    }
}
