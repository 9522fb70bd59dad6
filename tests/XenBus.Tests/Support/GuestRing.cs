using System.Threading.Channels;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Tests;

/// <summary>A simulated domain's ring page and event channel, for the client.</summary>
internal sealed class GuestRing : IRingPage, IRingDoorbell
{
    private readonly SimulatedDomain _domain;
    private readonly Channel<bool> _rung = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public GuestRing(SimulatedDomain domain)
    {
        _domain = domain;
        domain.Notified += () => _rung.Writer.TryWrite(true);
    }

    /// <inheritdoc/>
    public unsafe nint Address => (nint)_domain.Page;

    /// <inheritdoc/>
    public void Notify() => _domain.Notify();

    /// <inheritdoc/>
    public async ValueTask WaitAsync(CancellationToken cancellationToken) => await _rung.Reader.ReadAsync(cancellationToken);
}
