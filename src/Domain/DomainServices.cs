using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>
/// All that a domain needs to live with its tool stack, in one object: xenstore, both buses with their drivers, and
/// <see cref="DomainControl"/>, which ends, suspends and describes the guest when it is asked to.
/// </summary>
/// <remarks>
/// Two threads of its own serve it all (<see cref="EventLoop"/>), so that it answers though the program blocks every thread of the pool.
/// A program that wants less composes the parts itself; this does nothing that it could not.
/// </remarks>
public sealed class DomainServices : IAsyncDisposable
{
    // More than the bus takes by itself, for when its own thread is held up.
    private static readonly TimeSpan EndGrace = TimeSpan.FromMilliseconds(500);

    private readonly DomainConnection _connection;
    private readonly IDisposable _programEnd;
    private readonly TimeSpan _endLimit;
    private bool _isDisposed;
    private bool _hasSaidOpen;

    private DomainServices(IMachine machine, DomainConnection connection, DomainServicesOptions options)
    {
        _connection = connection;
        Disks = new(machine.EventChannels, machine.Pages, options.Disks);
        NetworkOptions interfaces = options.Interfaces ?? new();
        interfaces = interfaces with { TimeProvider = connection.Loop.ClockFor(interfaces.TimeProvider) };
        Interfaces = new(machine.EventChannels, machine.Pages, interfaces);
        FrontBus = new(Store, options.Bus);
        BackBus = new(Store, options.Bus);

        // Of drivers that fit equally well the first is taken: the program's own come before those that are here anyway.
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
        foreach (IReportSource source in frontDrivers.Concat(options.BackDrivers).OfType<IReportSource>())
        {
            Control.AddReport(source);
        }

        _endLimit = (options.Bus ?? new()).ShutdownTimeLimit + EndGrace;
        _programEnd = machine.Power.OnProgramEnd(OnProgramEnd);
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
    /// Connects to xenstore, which what serves the tool stack for the program lets go first, and starts the rest. Returns when the buses
    /// have found the devices that are there; <see cref="DeviceBus.WaitForBootAsync"/> waits for their drivers.
    /// </summary>
    /// <param name="machine">The guest, <c>Guest.Machine</c>.</param>
    /// <param name="options">What is started, and how.</param>
    /// <param name="cancellationToken">Ends the start; what has been started is stopped.</param>
    /// <exception cref="PlatformNotSupportedException">The guest runs without Xen.</exception>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT), or somebody has opened it (EBUSY).</exception>
    /// <exception cref="XenStoreException">xenstore does not answer.</exception>
    public static async ValueTask<DomainServices> StartAsync(
        IMachine machine, DomainServicesOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return await StartAsync(machine, machine.XenStore.Open(), null, options ?? new(), cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>
    /// Stops all: requests of the tool stack first, devices next, xenstore last. The domain's own devices are closed in order
    /// (<see cref="FrontBus.ShutdownAsync"/>), which is done when the program ends as well, if it has not been done then.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        await Control.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        SayOpen(await FrontBus.ShutdownAsync().ConfigureAwait(EventLoop.IsCurrent));
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

    private static async ValueTask<DomainServices> StartAsync(
        IMachine machine, IXenStoreLink link, EventLoop? controlLoop, DomainServicesOptions options, CancellationToken cancellationToken)
    {
        DomainConnection connection = await DomainConnection.OpenAsync(link, options.Store, controlLoop, cancellationToken)
            .ConfigureAwait(EventLoop.IsCurrent);
        DomainServices services = new(machine, connection, options);
        try
        {
            options.BeforeStart?.Invoke(services);

            // First, so that a guest whose devices are in trouble can be asked about them.
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
    /// The program has ended, and its exit handlers have run: its devices are closed. The thread that ends it waits, the loop does the
    /// work.
    /// </summary>
    private void OnProgramEnd()
    {
        Control.RefuseSuspends();
        Task<ShutdownReport> closing = FrontBus.ShutdownAsync();
        try
        {
            if (closing.Wait(_endLimit))
            {
                SayOpen(closing.Result);
            }
            else
            {
                Control.SayLast("devices are not closed: the thread of the domain's services does not answer");
            }
        }
        catch (AggregateException error)
        {
            Control.SayLast($"devices are not closed: {error.InnerException!.Message}");
        }
    }

    private void SayOpen(ShutdownReport report)
    {
        if (!report.IsComplete && !Interlocked.Exchange(ref _hasSaidOpen, true))
        {
            Control.SayLast(report.ToString());
        }
    }
}
