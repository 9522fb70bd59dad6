using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>The domain's connection to xenstore, and the threads that serve it and whatever uses it.</summary>
/// <remarks>
/// Control has a thread to itself, since its messages wait for the console, which nobody may empty.
/// </remarks>
internal sealed class DomainConnection : IAsyncDisposable
{
    private readonly IXenStoreLink _link;
    private readonly Func<IXenStoreTransport> _find;
    private readonly EventLoop _controlLoop;
    private readonly bool _isControlLoopLent;

    private DomainConnection(
        IXenStoreLink link, Func<IXenStoreTransport> find, XenStoreClient store, EventLoop loop, EventLoop? controlLoop)
    {
        _link = link;
        _find = find;
        Store = store;
        Loop = loop;
        _controlLoop = controlLoop ?? new("domain control");
        _isControlLoopLent = controlLoop is not null;
    }

    public XenStoreClient Store { get; }

    /// <summary>Serves xenstore, buses and drivers.</summary>
    public EventLoop Loop { get; }

    /// <summary>Connects.</summary>
    /// <param name="link">Disposed of with the connection, or when it does not come about.</param>
    /// <param name="options">Options of the store's client.</param>
    /// <param name="controlLoop">The thread that control has, which stays the caller's; or <see langword="null"/> for another.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
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

    /// <summary>Makes the control of a domain that has these buses. It is disposed of before the connection.</summary>
    /// <param name="machine">The guest.</param>
    /// <param name="buses">The buses.</param>
    /// <param name="describeDevices">
    /// The devices, for the report; <see langword="null"/> where there is no bus, so that the image has nothing of what describes one.
    /// </param>
    /// <param name="options">Options of control, but for the loop.</param>
    public DomainControl CreateControl(
        IMachine machine, IReadOnlyList<DeviceBus> buses, Func<Task<string>>? describeDevices, DomainControlOptions? options)
    {
        DomainControlOptions own = (options ?? new()) with { Loop = _controlLoop };
        DomainControl control = new(machine, Store, buses, describeDevices, _find, own);
        Store.ConnectionChanged += (_, change) => control.ConnectionChanged(change.Failure);
        return control;
    }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        _link.Dispose();
        if (!_isControlLoopLent)
        {
            _controlLoop.Dispose();
        }

        Loop.Dispose();
    }
}
