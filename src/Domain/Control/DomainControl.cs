using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>
/// Carries out the tool stack's requests: <c>xl shutdown</c>, <c>xl reboot</c>, <c>xl save</c> and <c>xl migrate</c> through
/// <c>control/shutdown</c>, <c>xl sysrq</c> through <c>control/sysrq</c>. It acknowledges a request by emptying the node, and then carries
/// it out.
/// </summary>
/// <remarks>
/// The nodes and words are those of Xen's <c>docs/misc/xenstore-paths.pandoc</c>: <c>poweroff</c>, <c>halt</c> (the same) and <c>reboot</c>
/// request the program's end, as SIGTERM does (<see cref="IPower.Terminate"/>); <c>suspend</c> suspends the domain; <c>crash</c> ends it as
/// crashed.
/// <para/>
/// The letters of sysrq: <c>t</c> threads with their stacks, <c>m</c> memory, <c>d</c> devices, <c>e</c> event channels and grants,
/// <c>n</c> the network's sockets, <c>r</c> all reports of drivers, stack and program; <c>b</c> reboots and <c>o</c> powers off at once,
/// without the program's consent, and
/// <c>c</c> crashes, all as on Linux; any other letter gives the whole report.
/// </remarks>
public sealed partial class DomainControl : IAsyncDisposable
{
    private const string ShutdownNode = "control/shutdown";
    private const string ReportNode = "control/sysrq";

    // Linux's list, without features for which libxl creates no node.
    private static readonly string[] Features = ["feature-poweroff", "feature-reboot", "feature-suspend"];

    private readonly IPower _power;
    private readonly XenStoreClient _store;
    private readonly IReadOnlyList<DeviceBus> _buses;
    private readonly Func<IXenStoreTransport> _findStoreAgain;
    private readonly DomainControlOptions _options;
    private readonly ControlOutput _output;
    private readonly ShutdownLimit _limit;
    private readonly SuspendHooks _hooks;
    private readonly SystemReport _report;
    private readonly CancellationTokenSource _disposal = new();
    private readonly List<Task> _work = [];
    private volatile bool _isEnding;

    /// <summary>Creates a control, which <see cref="StartAsync"/> starts.</summary>
    /// <param name="machine">Ends, suspends and describes the guest.</param>
    /// <param name="store">The store to which the tool stack writes requests. The caller keeps it.</param>
    /// <param name="buses">The buses to suspend and to report, in this order. The caller keeps them.</param>
    /// <param name="findStoreAgain">
    /// Returns the store's transport after a resume, when page and event channel have changed. Called again, after pauses, when it fails.
    /// </param>
    /// <param name="options">Time limits, and the stream for messages.</param>
    public DomainControl(
        IMachine machine,
        XenStoreClient store,
        IReadOnlyList<DeviceBus> buses,
        Func<IXenStoreTransport> findStoreAgain,
        DomainControlOptions? options = null)
        : this(machine, store, buses, () => DeviceTree.FormatAsync(buses), findStoreAgain, options)
    {
    }

    /// <summary>The same, with <paramref name="describeDevices"/> as the report's section on devices.</summary>
    internal DomainControl(
        IMachine machine,
        XenStoreClient store,
        IReadOnlyList<DeviceBus> buses,
        Func<Task<string>>? describeDevices,
        Func<IXenStoreTransport> findStoreAgain,
        DomainControlOptions? options)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(buses);
        ArgumentNullException.ThrowIfNull(findStoreAgain);
        _power = machine.Power;
        _store = store;
        _buses = buses;
        _findStoreAgain = findStoreAgain;
        _options = options ?? new();
        _options = _options.Loop is { } loop ? _options with { TimeProvider = loop.ClockFor(_options.TimeProvider) } : _options;
        _output = new(_options.Output ?? Console.OpenStandardError());
        _limit = new(_power, _output, _options.ShutdownTimeLimit, _options.TimeProvider);
        _hooks = new(_output, _options.TimeProvider);
        _report = new(machine, describeDevices, _options);
    }

    /// <summary>
    /// Advertises the domain's features to the tool stack and starts to follow its requests. It carries out a request that is already
    /// there.
    /// </summary>
    /// <exception cref="XenStoreException">The nodes cannot be watched.</exception>
    public async ValueTask StartAsync(CancellationToken cancellationToken = default)
    {
        await AdvertiseAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        await FollowAsync(ShutdownNode, CarryOutAsync, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        await FollowAsync(ReportNode, (request, _) => AnswerAsync(request), cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Adds a section to the report. Disposing of the result removes it.</summary>
    public IDisposable AddReport(IReportSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return _report.Add(source);
    }

    /// <summary>Writes the whole report to the console, as <c>xl sysrq GUEST a</c> does.</summary>
    public ValueTask WriteReportAsync() => WriteReportAsync('a');

    /// <summary>
    /// Stops following requests, and waits for the one that is being carried out. The time limit for a program that has to end keeps
    /// running.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposal.IsCancellationRequested)
        {
            return;
        }

        _disposal.Cancel();
        Task[] work;
        lock (_work)
        {
            work = [.. _work];
        }

        await Task.WhenAll(work).ConfigureAwait(EventLoop.IsCurrent);
        _disposal.Dispose();
    }

    /// <summary>Advertises the domain's features to the tool stack: at the start, after a resume, and to a new xenstored.</summary>
    internal async Task AdvertiseAsync(CancellationToken cancellationToken)
    {
        foreach (string feature in Features)
        {
            try
            {
                await _store.WriteAsync("control/" + feature, 1, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
            catch (XenStoreException error)
            {
                // The tool stack can send requests without it.
                _output.Message($"control/{feature} cannot be written: {error.Message}");
            }
        }
    }

    /// <summary>The program ends: refuses suspends from now on.</summary>
    internal void RefuseSuspends() => _isEnding = true;

    /// <summary>Writes a line while the guest ends.</summary>
    internal void WriteLastMessage(string text) => _output.LastMessage(text);

    /// <summary>The connection to xenstore was lost and cannot be restored yet, or is restored.</summary>
    internal void ConnectionChanged(XenStoreException? failure)
    {
        if (failure is not null)
        {
            _output.Message($"no connection to xenstore: {failure.Message}");
            return;
        }

        _output.Message("xenstore is connected again");
        lock (_work)
        {
            if (!_disposal.IsCancellationRequested)
            {
                // It may be a new xenstored, which does not have the features' nodes.
                _work.Add(EventLoop.Start(_options.Loop, AdvertiseAgainAsync));
            }
        }
    }

    private async Task AdvertiseAgainAsync()
    {
        try
        {
            await AdvertiseAsync(_disposal.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task FollowAsync(string path, Func<string, long, Task> carryOut, CancellationToken cancellationToken)
    {
        ControlNode node = new(path, _store, _output, _options.TimeProvider, _options.Loop, carryOut);
        Task work = await node.StartAsync(cancellationToken, _disposal.Token).ConfigureAwait(EventLoop.IsCurrent);
        lock (_work)
        {
            _work.Add(work);
        }
    }

    private async Task CarryOutAsync(string request, long acknowledged)
    {
        switch (request)
        {
            case "poweroff" or "halt":
                End(thenReboot: false);
                break;
            case "reboot":
                End(thenReboot: true);
                break;
            case "suspend":
                await SuspendAsync(acknowledged).ConfigureAwait(EventLoop.IsCurrent);
                break;
            case "crash":
                _power.Crash();
                break;
            default:
                _output.Message($"{ShutdownNode}: {ControlOutput.Quote(request)} is not understood");
                break;
        }
    }

    private void End(bool thenReboot)
    {
        _isEnding = true;
        _limit.Begin(thenReboot);
        _power.Terminate(thenReboot);
    }

    private async Task AnswerAsync(string request)
    {
        switch (request[0])
        {
            case 'b':
                _power.Reboot();
                break;
            case 'o':
                _power.PowerOff();
                break;
            case 'c':
                _power.Crash();
                break;
            default:
                await WriteReportAsync(request[0]).ConfigureAwait(EventLoop.IsCurrent);
                break;
        }
    }

    private async ValueTask WriteReportAsync(char letter)
    {
        // Section by section: a section is on the console even if the next one crashes the guest.
        await foreach (string section in _report.WriteAsync(letter).ConfigureAwait(EventLoop.IsCurrent))
        {
            // A console that takes no output delays the report, but no other request.
            await OwnThread.RunAsync(() => _output.Write(section)).ConfigureAwait(EventLoop.IsCurrent);
        }
    }
}
