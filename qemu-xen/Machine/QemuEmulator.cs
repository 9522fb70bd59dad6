using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Machine;

/// <summary>QEMU with software emulation of AMD's virtualisation. dom0 reaches the host through virtio devices.</summary>
/// <param name="options">The machine.</param>
/// <param name="image">The image to boot.</param>
/// <param name="directory">A directory for its sockets.</param>
/// <param name="sharedDirectory">The directory that dom0 sees.</param>
internal sealed class QemuEmulator(XenMachineOptions options, Dom0Image image, string directory, string sharedDirectory)
    : Emulator, ISavesState
{
    /// <summary>Name of the emulator's program.</summary>
    public const string Program = "qemu-system-x86_64";

    /// <summary>The Debian package that contains it.</summary>
    public const string Package = "qemu-system-x86";

    private const string ShellSocket = "shell";

    /// <summary>
    /// A link to the image's directory. QEMU takes what follows a blank or a comma in the name of a multiboot module for something else,
    /// and a user's home may have either.
    /// </summary>
    private const string ImageLink = "image";

    /// <summary>
    /// x86-64-v2 with AMD's virtualisation: the leanest model on which Xen runs PVH guests. SMAP would kill a PV dom0; RDTSCP and XSAVE
    /// break Linux guests, because the emulator reports no instruction lengths to Xen.
    /// </summary>
    private const string CpuModel = "qemu64,+svm,+npt,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand";

    /// <summary>
    /// Words of dom0's kernel. QEMU finds translated code by its virtual address as well as its physical one: at addresses that differ from
    /// process to process, it would translate a library again for each process. No device needs the 64 MiB that Linux keeps for those that
    /// cannot reach all memory: 4 MiB are left of them (2048 slots of 2 KiB).
    /// </summary>
    private const string KernelWords = "console=hvc0 quiet panic=1 norandmaps swiotlb=2048";

    private QemuMonitor? _monitor;
    private Stream? _serial;
    private Stream? _agent;

    /// <inheritdoc/>
    public override string Name => "QEMU";

    /// <inheritdoc/>
    public override bool LosesInterrupts => true;

    /// <inheritdoc/>
    public override Stream Serial => _serial!;

    /// <inheritdoc/>
    public override async Task StartAsync(SavedState? state, TimeSpan limit, CancellationToken cancellationToken)
    {
        using UnixListener agent = new(Socket("agent"));
        using UnixListener serial = new(Socket("serial"));
        using UnixListener monitor = new(Socket("monitor"));
        List<string> arguments = Arguments(agent.Path, serial.Path, monitor.Path);
        if (state is not null)
        {
            arguments.AddRange(["-incoming", $"exec:cat '{state.Path}'"]);
        }

        LinkImage();
        Process = await EmulatorProcess.StartAsync(Program, Package, [Program, .. arguments], sharedDirectory);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<Stream> agentStream = agent.AcceptAsync(stop.Token);
        Task<Stream> serialStream = serial.AcceptAsync(stop.Token);
        Task<Stream> monitorStream = monitor.AcceptAsync(stop.Token);
        try
        {
            await UnlessEndedAsync(
                Task.WhenAll(agentStream, serialStream, monitorStream), "opened its serial ports", limit, Logs, cancellationToken);
        }
        finally
        {
            await stop.CancelAsync();
        }

        _serial = await serialStream;
        _agent = await agentStream;
        _monitor = await QemuMonitor.OpenAsync(await monitorStream, cancellationToken);
    }

    /// <inheritdoc/>
    public override Task<Stream> OpenAgentAsync(CancellationToken cancellationToken) => Task.FromResult(_agent!);

    /// <inheritdoc/>
    public override async Task<Stream> OpenPortAsync(int port, Action openInDom0, CancellationToken cancellationToken)
    {
        // dom0 must find the host connected when it opens the port, or it reads an end of file.
        Stream stream = await UnixListener.ConnectAsync(Socket($"in{port}"), cancellationToken);
        openInDom0();
        return stream;
    }

    /// <inheritdoc/>
    public override Task<Stream> OpenSecondSerialPortAsync(CancellationToken cancellationToken) =>
        UnixListener.ConnectAsync(Socket(ShellSocket), cancellationToken);

    /// <inheritdoc/>
    public override async Task<IReadOnlyList<PortForward>> PlugNetworkAsync(
        ForwardedNetwork network, IReadOnlyList<ForwardedPort> ports, CancellationToken cancellationToken)
    {
        const string Id = "forwarded";
        IReadOnlyList<PortForward> forwards = await network.AddAsync(
            _monitor!, Id, () => [.. ports.Select(port => port.OnHost())], cancellationToken);
        await _monitor!.ExecuteAsync(
            $$$"""{"execute":"device_add","arguments":{"driver":"e1000","netdev":"{{{Id}}}"}}""", cancellationToken);
        return forwards;
    }

    /// <inheritdoc/>
    public async Task<SavedState> FindStateAsync(CancellationToken cancellationToken)
    {
        List<string> arguments = Arguments("agent", "serial", "monitor");
        return await SavedState.ForAsync(
            image, arguments.Select(a => a.Replace(directory, "", StringComparison.Ordinal)), cancellationToken);
    }

    /// <inheritdoc/>
    public async Task SaveAsync(SavedState state, TimeSpan limit, CancellationToken cancellationToken)
    {
        string unfinished = $"{state.Path}.{Guid.NewGuid():N}";
        try
        {
            await _monitor!.ExecuteAsync("""{"execute":"stop"}""", cancellationToken);
            string target = JsonSerializer.Serialize($"exec:cat >'{unfinished}'");
            await _monitor.ExecuteAsync($$$"""{"execute":"migrate","arguments":{"uri":{{{target}}}}}""", cancellationToken);
            Stopwatch started = Stopwatch.StartNew();
            string status;
            do
            {
                await Task.Delay(20, cancellationToken);
                status = await _monitor.ExecuteAsync("""{"execute":"query-migrate"}""", cancellationToken);
                if (status.Contains("\"failed\"", StringComparison.Ordinal) || started.Elapsed > limit)
                {
                    throw new QemuXenException($"QEMU did not save the machine: {status}");
                }
            }
            while (!status.Contains("\"status\": \"completed\"", StringComparison.Ordinal));

            state.Accept(unfinished);
        }
        catch (IOException failure)
        {
            throw new QemuXenException($"The machine's state cannot be kept: {failure.Message}", failure);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    /// <inheritdoc/>
    public async Task ContinueAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        // A machine is saved while stopped, and restored that way. It cannot continue before its state has been read.
        Stopwatch started = Stopwatch.StartNew();
        while ((await _monitor!.ExecuteAsync("""{"execute":"query-status"}""", cancellationToken)).Contains(
            "\"inmigrate\"", StringComparison.Ordinal))
        {
            if (started.Elapsed > limit)
            {
                throw new QemuXenException($"QEMU did not read the saved state within {limit.TotalSeconds:0.#} s.\n{Logs()}");
            }

            await Task.Delay(20, cancellationToken);
        }

        await _monitor.ExecuteAsync("""{"execute":"cont"}""", cancellationToken);
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_monitor is not null)
        {
            await _monitor.DisposeAsync();
        }
    }

    private string Socket(string name) => Path.Combine(directory, name);

    private void LinkImage()
    {
        // A caller may have kept the directory of an earlier machine.
        string link = Path.Combine(directory, ImageLink);
        File.Delete(link);
        File.CreateSymbolicLink(link, Path.GetFullPath(image.Directory));
    }

    private string Linked(string imageFile) => Path.Combine(
        directory, ImageLink, Path.GetRelativePath(image.Directory, imageFile));

    private List<string> Arguments(string agentSocket, string serialSocket, string monitorSocket)
    {
        string cpu = string.Join(',', [CpuModel, .. options.CpuFeatures]);
        string dom0Processor = options.Cpus > 1 ? " dom0_max_vcpus=1 dom0_vcpus_pin" : "";
        List<string> arguments =
        [
            "-accel", "tcg",
            "-cpu", cpu,
            "-smp", options.Cpus.ToString(CultureInfo.InvariantCulture),
            "-m", options.MemoryMiB.ToString(CultureInfo.InvariantCulture),
            "-nodefaults", "-display", "none", "-no-reboot", "-no-user-config",
            "-kernel", image.Hypervisor,
            "-append",
            $"{XenMemoryWords(options)}{dom0Processor} console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all",
            "-initrd", $"{Linked(image.Kernel)} {KernelWords},{Linked(image.Initramfs)}",
            "-chardev", $"socket,id=serial,path={serialSocket}", "-serial", "chardev:serial",
            "-chardev", $"socket,id=monitor,path={monitorSocket}", "-mon", "chardev=monitor,mode=control",
            "-chardev", $"socket,id=shell,path={Socket(ShellSocket)},server=on,wait=off", "-serial", "chardev:shell",
            "-fsdev", $"local,id=host,path={sharedDirectory},security_model=none",
            "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
            "-device", "virtio-serial-pci,id=ports,max_ports=31",
            "-chardev", $"socket,id=agent,path={agentSocket}", "-device", $"virtserialport,bus=ports.0,nr={AgentPort},chardev=agent",
        ];
        if (options.CountsInstructions)
        {
            arguments.AddRange(["-icount", "shift=1,sleep=off"]);
        }

        for (int port = FirstFreePort; port < FirstFreePort + FreePorts; port++)
        {
            arguments.AddRange(
                ["-chardev", $"socket,id=in{port},path={Socket($"in{port}")},server=on,wait=off", "-device",
                    $"virtserialport,bus=ports.0,nr={port},chardev=in{port}"]);
        }

        return arguments;
    }
}
