using Xenlet.BackEnds.Net;
using Xenlet.Drivers.Net;
using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.BackEnds;

/// <summary>The driver of network back ends (<c>vif</c>): it connects other domains' interfaces to a network.</summary>
/// <param name="channels">Binds to the front ends' event channels.</param>
/// <param name="foreign">Reaches the front ends' pages.</param>
/// <param name="network">The network. It remains the caller's.</param>
/// <param name="limits">What each front end can have.</param>
public sealed class NetworkBackEndDriver(
    IEventChannels channels, IForeignPages foreign, IFrameNetwork network, BackEndLimits? limits = null)
    : BackEndDriver("vif", channels, foreign, limits)
{
    /// <inheritdoc/>
    public override string Name => "network back end";

    /// <inheritdoc/>
    public override string ReportName => "network back ends";

    /// <summary>The frames of all front ends.</summary>
    internal FramePool Frames { get; } = new();

    /// <inheritdoc/>
    protected override BackEnd Create(XenDevice device) => new NetworkBackEnd(this, device, network);
}
