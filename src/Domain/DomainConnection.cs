using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>The domain's connection to xenstore, and the threads that serve it and its users.</summary>
/// <remarks>
/// Control has its own thread: its messages wait for room in the console, which may never come if nobody reads the console.
/// </remarks>
internal sealed class DomainConnection : IAsyncDisposable
{
    private readonly IXenStoreLink _link;
    private readonly Func<IXenStoreTransport> _find;
    private readonly EventLoop _controlLoop;
    private readonly bool _isControlLoopLent;
    private readonly IDisposable _loan;

    private DomainConnection(
        IXenStoreLink link, Func<IXenStoreTransport> find, XenStoreClient store, EventLoop loop, EventLoop? controlLoop)
    {
        _link = link;
        _find = find;
        Store = store;
        Loop = loop;
        _controlLoop = controlLoop ?? new("domain control");
        _isControlLoopLent = controlLoop is not null;
        _loan = DomainStore.Lend(store);
    }

    public XenStoreClient Store { get; }

    /// <summary>Serves xenstore, buses and drivers.</summary>
    public EventLoop Loop { get; }

    /// <summary>Connects.</summary>
    /// <param name="link">Disposed of with the connection, or when connecting fails.</param>
    /// <param name="options">Options of the store's client.</param>
    /// <param name="controlLoop">Control's thread, which the caller keeps; <see langword="null"/> to start one.</param>
    /// <param name="cancellationToken">Cancels the attempt.</param>
    /// <exception cref="XenStoreException">xenstore does not answer.</exception>
    public static async ValueTask<DomainConnection> OpenAsync(
        IXenStoreLink link, XenStoreClientOptions? options, EventLoop? controlLoop, CancellationToken cancellationToken)
    {
        Func<IXenStoreTransport> find = XenStoreLinkTransport.Connector(link);
        EventLoop? loop = null;
        try
        {
            loop = new("domain services");
            XenStoreClient store = await XenStoreClient.ConnectAsync(find, (options ?? new()) with { Loop = loop }, cancellationToken)
                .ConfigureAwait(EventLoop.IsCurrent);
            return new(link, find, store, loop, controlLoop);
        }
        catch
        {
            loop?.Dispose();
            link.Dispose();
            throw;
        }
    }

    /// <summary>Creates the control of a domain that has these buses. The caller disposes of it before the connection.</summary>
    /// <param name="machine">The guest.</param>
    /// <param name="buses">The buses.</param>
    /// <param name="describeDevices">
    /// Lists the devices for the report; <see langword="null"/> where there is no bus, so that the image contains no code that describes
    /// one.
    /// </param>
    /// <param name="options">Options of control, except for the loop.</param>
    public DomainControl CreateControl(
        IMachine machine, IReadOnlyList<DeviceBus> buses, Func<Task<string>>? describeDevices, DomainControlOptions? options)
    {
        DomainControlOptions own = (options ?? new()) with { Loop = _controlLoop };
        DomainControl control = new(machine, Store, buses, describeDevices, _find, own);
        foreach (IReportSource source in ProgramReports.Sources)
        {
            control.AddReport(source);
        }

        Store.ConnectionChanged += (_, change) => control.ConnectionChanged(change.Failure);
        return control;
    }

    public async ValueTask DisposeAsync()
    {
        _loan.Dispose();
        await Store.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        _link.Dispose();
        if (!_isControlLoopLent)
        {
            _controlLoop.Dispose();
        }

        Loop.Dispose();
    }
}
