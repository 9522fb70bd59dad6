using Xenlet.Kernel.Nucleus.Calls;

namespace Xenlet.Kernel;

/// <summary>The guest's event channels.</summary>
internal sealed class XenEventChannels(TimeProvider clock) : IEventChannels
{
    /// <summary>The name of this facility in messages.</summary>
    public const string What = "event channels";

    private readonly EventDispatcher _dispatcher = new();

    /// <summary>The ports of all open channels, in order.</summary>
    public uint[] Ports => _dispatcher.Ports;

    public IEventChannel AllocateUnbound(ushort remoteDomain) => Open(
        NucleusSystemCall.Invoke(NucleusCall.AllocateUnboundPort, remoteDomain), $"opening an event channel for domain {remoteDomain}");

    public IEventChannel BindInterdomain(ushort remoteDomain, uint remotePort) => Open(
        NucleusSystemCall.Invoke(NucleusCall.BindInterdomainPort, remoteDomain, remotePort),
        $"binding to event channel port {remotePort} of domain {remoteDomain}");

    public IEventChannel Adopt(uint port) =>
        Open(NucleusSystemCall.Invoke(NucleusCall.AdoptPort, port), $"adopting event channel port {port}");

    /// <summary>The domain was resumed: ends all channels of earlier generations.</summary>
    /// <param name="firstHandle">The smallest handle of the new generation.</param>
    public void OnResumed(long firstHandle) => _dispatcher.OnResumed(firstHandle);

    /// <summary>Delivers an event that the network stack's thread has taken from the nucleus.</summary>
    public void Deliver(long handle) => _dispatcher.Deliver(handle);

    private EventChannel Open(long answer, string operation) =>
        answer < 0 ? throw NucleusError.ToException(answer, What, operation) : new EventChannel(_dispatcher, answer, clock);
}
