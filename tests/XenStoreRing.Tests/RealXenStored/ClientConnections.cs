using System.Threading.Channels;

namespace Xenlet.XenStoreRing.Tests.RealXenStored;

/// <summary>The transport of a client, and the domain that it is for the daemon.</summary>
public enum Transport
{
    /// <summary>dom0 over the socket: may do everything.</summary>
    Socket,

    /// <summary>Domain 1, over the simulated ring page: may do what an unprivileged domain may.</summary>
    Ring,
}

/// <summary>Connects the library to a real daemon.</summary>
internal static class ClientConnections
{
    private static readonly XenStoreClientOptions Patient = new() { RequestTimeLimit = TimeSpan.FromMinutes(2) };

    /// <summary>Connects as dom0.</summary>
    public static ValueTask<XenStoreClient> ConnectAsync(this XenStoreDaemon daemon, XenStoreClientOptions? options = null) =>
        XenStoreClient.ConnectAsync(new XenStoreSocketTransport(daemon.SocketPath), options ?? Patient);

    /// <summary>Connects as the domain, over its ring page.</summary>
    public static ValueTask<XenStoreClient> ConnectAsync(this SimulatedDomain domain, XenStoreClientOptions? options = null) =>
        XenStoreClient.ConnectAsync(new XenStoreRingTransport(domain, new DomainDoorbell(domain)), options ?? Patient);

    /// <summary>Connects over either transport; a domain is introduced for it.</summary>
    public static ValueTask<XenStoreClient> ConnectAsync(
        this XenStoreDaemon daemon, Transport transport, XenStoreClientOptions? options = null) =>
        transport == Transport.Socket ? daemon.ConnectAsync(options) : daemon.Introduce().ConnectAsync(options);
}

/// <summary>The event channel of a simulated domain.</summary>
internal sealed class DomainDoorbell : IRingDoorbell
{
    private readonly SimulatedDomain _domain;
    private readonly Channel<bool> _rung = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public DomainDoorbell(SimulatedDomain domain)
    {
        _domain = domain;
        domain.Notified += () => _rung.Writer.TryWrite(true);
    }

    /// <inheritdoc/>
    public void Notify() => _domain.Notify();

    /// <inheritdoc/>
    public async ValueTask WaitAsync(CancellationToken cancellationToken) => await _rung.Reader.ReadAsync(cancellationToken);
}
