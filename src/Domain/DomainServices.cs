using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>
/// All that the tool stack needs of a domain, in one object: xenstore, both buses with their drivers, and <see cref="DomainControl"/>,
/// which ends, suspends and describes the guest on request.
/// </summary>
/// <remarks>
/// It runs on two threads of its own (<see cref="EventLoop"/>), so it answers even if the program blocks every thread of the pool. A
/// program that needs less can compose the parts itself: this uses only their public members.
/// </remarks>
public sealed class DomainServices : IAsyncDisposable
{
    // Added to the bus's own limit, in case the bus's thread is busy.
    private static readonly TimeSpan EndGrace = TimeSpan.FromMilliseconds(500);

    private readonly DomainConnection _connection;
    private readonly IDisposable _programEnd;
    private readonly TimeSpan _endLimit;
    private readonly INetworkLinkUser? _linkUser;
    private readonly TimeSpan _deliveryLimit;
    private bool _isDisposed;
    private bool _hasReportedOpen;

    private DomainServices(IMachine machine, DomainConnection connection, DomainServicesOptions options)
    {
        _connection = connection;
        Disks = new(machine.EventChannels, machine.Pages, options.Disks);
        NetworkOptions interfaces = options.Interfaces ?? new();
        interfaces = interfaces with { TimeProvider = connection.Loop.ClockFor(interfaces.TimeProvider) };
        Interfaces = new(machine.EventChannels, machine.Pages, interfaces);
        FrontBus = new(Store, options.Bus);
        BackBus = new(Store, options.Bus);

        // Of drivers that fit equally well the bus takes the first: the program's drivers come before the built-in ones.
        XenBusDriver[] frontDrivers = [.. options.FrontDrivers, Disks, Interfaces];
        foreach (XenBusDriver driver in frontDrivers)
        {
            FrontBus.AddDriver(driver);
        }

        foreach (XenBusDriver driver in options.BackDrivers)
        {
            BackBus.AddDriver(driver);
        }

        DeviceBus[] buses = [.. options.StartsBackBus ? (DeviceBus[])[BackBus] : [],
            .. options.StartsFrontBus ? (DeviceBus[])[FrontBus] : []];
        Control = connection.CreateControl(machine, buses, () => DeviceTree.FormatAsync(buses), options.Control);
        foreach (IReportSource source in
            ((object?[])[.. frontDrivers, .. options.BackDrivers, interfaces.LinkUser]).OfType<IReportSource>())
        {
            Control.AddReport(source);
        }

        _endLimit = (options.Bus ?? new()).ShutdownTimeLimit + EndGrace;
        _linkUser = interfaces.LinkUser;
        _deliveryLimit = options.DeliveryTimeLimit;
        _programEnd = machine.Power.OnProgramEnd(OnProgramEnd);
        if (_linkUser is not null)
        {
            AppDomain.CurrentDomain.UnhandledException += OnUnhandledException;
        }
    }

    /// <summary>The domain's connection to xenstore.</summary>
    public XenStoreClient Store => _connection.Store;

    /// <summary>The domain's own devices.</summary>
    public FrontBus FrontBus { get; }

    /// <summary>Devices that this domain provides to others.</summary>
    public BackBus BackBus { get; }

    /// <summary>The domain's disks.</summary>
    public BlockDriver Disks { get; }

    /// <summary>The domain's network interfaces.</summary>
    public NetworkDriver Interfaces { get; }

    /// <summary>Shutdown, reboot, suspend, and the report of <c>xl sysrq</c>.</summary>
    public DomainControl Control { get; }

    /// <summary>
    /// Connects to xenstore, after the automatic services have released it, and starts the rest. Returns when the buses have found the
    /// present devices; <see cref="DeviceBus.WaitForBootAsync"/> waits for their drivers.
    /// </summary>
    /// <param name="machine">The guest, <c>Guest.Machine</c>.</param>
    /// <param name="options">What is started, and how.</param>
    /// <param name="cancellationToken">Cancels the start; whatever has started is stopped.</param>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT), or it is already open (EBUSY).</exception>
    /// <exception cref="XenStoreException">xenstore does not answer.</exception>
    public static async ValueTask<DomainServices> StartAsync(
        IMachine machine, DomainServicesOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return await StartAsync(machine, machine.XenStore.Open(), null, options ?? new(), cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>
    /// Stops everything: control first, then devices, then xenstore. The domain's own devices are closed in order
    /// (<see cref="FrontBus.ShutdownAsync"/>). If this was not called, the end of the program closes them the same way.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        await Control.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        AppDomain.CurrentDomain.UnhandledException -= OnUnhandledException;
        if (_linkUser is not null)
        {
            await _linkUser.FinishAsync(isProgramEnding: false, _deliveryLimit).ConfigureAwait(EventLoop.IsCurrent);
        }

        ReportOpen(await FrontBus.ShutdownAsync().ConfigureAwait(EventLoop.IsCurrent));
        _programEnd.Dispose();
        await FrontBus.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        Disks.Dispose();
        await Interfaces.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        await BackBus.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        await _connection.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <inheritdoc cref="AutomaticServices.StartServices"/>
    internal static async ValueTask<IAsyncDisposable> StartAutomaticallyAsync(
        IMachine machine, IXenStoreLink link, EventLoop loop, DomainControlOptions options, CancellationToken cancellationToken) =>
        await StartAsync(machine, link, loop, new() { Control = options }, cancellationToken).ConfigureAwait(EventLoop.IsCurrent);

    /// <summary>Starts over a link, which is disposed of with the services, or when they fail to start.</summary>
    internal static async ValueTask<DomainServices> StartAsync(
        IMachine machine, IXenStoreLink link, EventLoop? controlLoop, DomainServicesOptions options, CancellationToken cancellationToken)
    {
        DomainConnection connection = await DomainConnection.OpenAsync(link, options.Store, controlLoop, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        DomainServices services = new(machine, connection, options);
        try
        {
            options.BeforeStart?.Invoke(services);

            // First, so that a guest whose devices fail can still report about them.
            await services.Control.StartAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            if (options.StartsBackBus)
            {
                await services.BackBus.StartAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            if (options.StartsFrontBus)
            {
                await services.FrontBus.StartAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            return services;
        }
        catch
        {
            await services.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
            throw;
        }
    }

    /// <summary>
    /// The program has ended and its exit handlers have run: what it has sent is delivered, then its devices close. The stack's thread and
    /// the loop do the work; the thread that ends the program waits.
    /// </summary>
    private void OnProgramEnd()
    {
        Control.RefuseSuspends();
        Deliver();
        Task<ShutdownReport> closing = FrontBus.ShutdownAsync();
        try
        {
            if (closing.Wait(_endLimit))
            {
                ReportOpen(closing.Result);
            }
            else
            {
                Control.WriteLastMessage("devices are not closed: the thread of the domain's services does not answer");
            }
        }
        catch (AggregateException error)
        {
            Control.WriteLastMessage($"devices are not closed: {error.InnerException!.Message}");
        }
    }

    /// <summary>
    /// The program ends by an exception. As on Linux, what its sockets have accepted is delivered all the same; devices do not close, as
    /// with every crash.
    /// </summary>
    private void OnUnhandledException(object sender, UnhandledExceptionEventArgs e) => Deliver();

    private void Deliver()
    {
        try
        {
            if (_linkUser?.FinishAsync(isProgramEnding: true, _deliveryLimit).Wait(_deliveryLimit + EndGrace) == false)
            {
                Control.WriteLastMessage("what was sent last is not delivered: the thread of TCP/IP does not answer");
            }
        }
        catch (AggregateException error)
        {
            Control.WriteLastMessage($"what was sent last is not delivered: {error.InnerException!.Message}");
        }
    }

    private void ReportOpen(ShutdownReport report)
    {
        if (!report.IsComplete && !Interlocked.Exchange(ref _hasReportedOpen, true))
        {
            Control.WriteLastMessage(report.ToString());
        }
    }
}
