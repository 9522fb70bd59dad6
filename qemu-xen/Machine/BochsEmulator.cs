using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xenlet.QemuXen.Base;
using Xenlet.QemuXen.Image;

namespace Xenlet.QemuXen.Machine;

/// <summary>
/// Bochs as a PC with an Intel Haswell processor, including VMX with extended page tables. dom0 reaches the host through an emulated
/// network card, behind which Bochs has a network of its own that ends at this host's loopback interface.
/// </summary>
/// <param name="options">The machine.</param>
/// <param name="image">The image to boot.</param>
/// <param name="directory">A directory for its disk and its log.</param>
/// <param name="sharedDirectory">The directory that dom0 sees.</param>
internal sealed class BochsEmulator(XenMachineOptions options, Dom0Image image, string directory, string sharedDirectory) : Emulator
{
    /// <summary>Name of the emulator's program.</summary>
    public const string Program = "bochs";

    /// <summary>The Debian package that contains it.</summary>
    public const string Package = "bochs";

    private const string Bios = "/usr/share/bochs/BIOS-bochs-latest";
    private const string VgaBios = "/usr/share/vgabios/vgabios.bin";

    /// <summary>
    /// Skips parts of Linux's start that take millions of instructions and are useless here: the tests of its cryptography, the search for
    /// pages that are both writable and executable, the zeroing of new pages, and buffers for devices that cannot reach all memory.
    /// </summary>
    private const string QuickStart = "cryptomgr.notests rodata=off init_on_alloc=0 swiotlb=2048";

    /// <summary>Files that Debian has in separate packages.</summary>
    private static readonly (string File, string Package)[] Parts =
    [
        (Bios, "bochsbios"), (VgaBios, "vgabios"), (BootDisk.GrubBootSector, BootDisk.GrubPackage),
    ];

    private readonly PortListener _ports = new();
    private readonly CancellationTokenSource _stop = new();
    private Task _sharing = Task.CompletedTask;
    private Task _watching = Task.CompletedTask;
    private Stream? _serial;
    private Stream? _secondSerial;

    /// <inheritdoc/>
    public override string Name => "Bochs";

    /// <inheritdoc/>
    public override double Slowness => 6;

    /// <inheritdoc/>
    public override Stream Serial => _serial!;

    private string LogFile => Path.Combine(directory, "bochs.log");

    /// <inheritdoc/>
    public override async Task StartAsync(SavedState? state, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (options.CpuFeatures.Count > 0)
        {
            throw new QemuXenException("Bochs has no switches for the processor's features.");
        }

        if (Parts.FirstOrDefault(part => !File.Exists(part.File)) is { Package: not null } missing)
        {
            throw new QemuXenException($"{missing.File} is not installed. Run as root: apt-get install {missing.Package}");
        }

        string disk = Path.Combine(directory, "boot.disk");
        await BootDisk.WriteAsync(disk, image, XenCommandLine(), Dom0CommandLine(), cancellationToken);
        using TcpListener first = new(IPAddress.Loopback, 0);
        using TcpListener second = new(IPAddress.Loopback, 0);
        first.Start(backlog: 1);
        second.Start(backlog: 1);
        string configuration = Path.Combine(directory, "bochsrc");
        await File.WriteAllLinesAsync(configuration, Configuration(disk, first, second), cancellationToken);

        // Debian's Bochs has its debugger built in, which waits for a command before the first instruction.
        string start = Path.Combine(directory, "continue");
        await File.WriteAllTextAsync(start, "continue\n", cancellationToken);

        Process = await EmulatorProcess.StartAsync(
            Program, Package, ["env", "TERM=xterm", Program, "-f", configuration, "-rc", start], directory);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<Socket> firstSocket = first.AcceptSocketAsync(stop.Token).AsTask();
        Task<Socket> secondSocket = second.AcceptSocketAsync(stop.Token).AsTask();
        try
        {
            Task<string> display = FindDisplayAsync(Process.Errors);
            await UnlessEndedAsync(display, "opened its display", limit, Logs, cancellationToken);
            _watching = WatchAsync(await display);
            await UnlessEndedAsync(Task.WhenAll(firstSocket, secondSocket), "opened its serial ports", limit, Logs, cancellationToken);
        }
        finally
        {
            await stop.CancelAsync();
        }

        _serial = new NetworkStream(await firstSocket, ownsSocket: true);
        _secondSerial = new NetworkStream(await secondSocket, ownsSocket: true);
        _sharing = ShareAsync();
    }

    /// <inheritdoc/>
    public override Task<Stream> OpenAgentAsync(CancellationToken cancellationToken) => _ports.AcceptAsync(AgentPort, cancellationToken);

    /// <inheritdoc/>
    public override Task<Stream> OpenPortAsync(int port, Action openInDom0, CancellationToken cancellationToken)
    {
        openInDom0();
        return _ports.AcceptAsync(port, cancellationToken);
    }

    /// <inheritdoc/>
    public override Task<Stream> OpenSecondSerialPortAsync(CancellationToken cancellationToken) => Task.FromResult(_secondSerial!);

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _stop.CancelAsync();
        await _sharing;
        await _watching;
        await _ports.DisposeAsync();
        _secondSerial?.Dispose();
        _stop.Dispose();
    }

    /// <inheritdoc/>
    public override string Logs()
    {
        string said = File.Exists(LogFile) ? string.Join('\n', File.ReadLines(LogFile).TakeLast(8)) : "";
        return base.Logs() + Limits.Extract($"{Name}'s log", said);
    }

    /// <summary>
    /// Waits until Bochs names its display. Without a window system its only display is a pseudo-terminal, which it opens itself if it has
    /// the debugger.
    /// </summary>
    private static async Task<string> FindDisplayAsync(TextLog said)
    {
        const string Before = "Bochs connected to screen \"";
        TaskCompletionSource<string> found = new(TaskCreationOptions.RunContinuationsAsynchronously);
        void CheckLine(string line)
        {
            if (line.StartsWith(Before, StringComparison.Ordinal))
            {
                found.TrySetResult(line[Before.Length..].TrimEnd('"'));
            }
        }

        said.LineAdded += CheckLine;
        said.Lines.ToList().ForEach(CheckLine);
        string display = await found.Task;
        said.LineAdded -= CheckLine;
        return display;
    }

    /// <summary>
    /// Reads and discards the display's output until Bochs ends. If nobody read it, the terminal would fill up and Bochs would wait
    /// forever.
    /// </summary>
    private async Task WatchAsync(string display)
    {
        try
        {
            await HostCommand.RunAsync(
                "sh", ["-c", "stty -F \"$0\" raw -echo && exec cat \"$0\" >/dev/null", display], cancellationToken: _stop.Token);
        }
        catch (Exception e) when (e is QemuXenException or OperationCanceledException)
        {
            // Bochs has ended or is about to.
        }
    }

    private async Task ShareAsync()
    {
        List<Task> served = [];
        try
        {
            while (true)
            {
                served.Add(new FileServer(sharedDirectory).ServeAsync(await _ports.AcceptAsync(SharePort, _stop.Token), _stop.Token));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(served);
        }
    }

    // x2APIC: Xen 4.17 stops on Bochs' machine with several processors (arch/x86/genapic/x2apic.c). If dom0 could grow beyond its memory,
    // it would need time to set up the data structures that describe the rest.
    private string XenCommandLine() => string.Create(
        CultureInfo.InvariantCulture,
        $"{XenMemoryWords(options)} console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all"
        + $" vga=text-80x25{(options.Cpus > 1 ? " x2apic=false dom0_max_vcpus=1 dom0_vcpus_pin" : "")}");

    // Words of the command line that Linux does not know become environment variables of the first process.
    private string Dom0CommandLine() => string.Create(
        CultureInfo.InvariantCulture, $"console=hvc0 quiet panic=1 {QuickStart} HOST_PORT={_ports.TcpPort} HOST_KEY={_ports.Key}");

    private IEnumerable<string> Configuration(string disk, TcpListener first, TcpListener second)
    {
        string processors = options.Cpus == 1
            ? "count=1"
            : string.Create(CultureInfo.InvariantCulture, $"count={options.Cpus}:1:1, quantum=16");
        return
        [
            "plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1, iodebug=1",
            "display_library: term",
            $"cpu: model=corei7_haswell_4770, {processors}, ips=40000000, reset_on_triple_fault=0, ignore_bad_msrs=1",
            string.Create(CultureInfo.InvariantCulture, $"memory: guest={options.MemoryMiB}, host={options.MemoryMiB}"),
            $"romimage: file={Bios}, options=fastboot",
            $"vgaromimage: file={VgaBios}",
            "pci: enabled=1, chipset=i440fx, slot1=e1000",
            "e1000: enabled=1, mac=52:54:00:12:34:56, ethmod=slirp",
            "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14",
            $"ata0-master: type=disk, path={disk}, mode=flat, cylinders=0",
            "boot: disk",
            Serial(1, first),
            Serial(2, second),
            $"clock: sync={(options.InRealTime ? "slowdown" : "none")}, time0=utc",
            $"log: {LogFile}",
            "panic: action=report",
            "error: action=ignore",
            "info: action=ignore",
        ];

        static string Serial(int number, TcpListener listener) => string.Create(
            CultureInfo.InvariantCulture,
            $"com{number}: enabled=1, mode=socket-client, dev=localhost:{((IPEndPoint)listener.LocalEndpoint).Port}");
    }
}
