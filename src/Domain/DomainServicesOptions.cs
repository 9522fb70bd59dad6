using Xenlet.Drivers;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.Domain;

/// <summary>What <see cref="DomainServices"/> starts, and how.</summary>
public sealed record DomainServicesOptions
{
    /// <summary>Drivers of the front bus, besides the built-in ones.</summary>
    public IReadOnlyList<XenBusDriver> FrontDrivers { get; init; } = [];

    /// <summary>Drivers of the back bus.</summary>
    public IReadOnlyList<XenBusDriver> BackDrivers { get; init; } = [];

    /// <summary>Whether the front bus is started: the domain's own devices.</summary>
    public bool StartsFrontBus { get; init; } = true;

    /// <summary>Whether the back bus is started: devices that this domain provides to others.</summary>
    public bool StartsBackBus { get; init; } = true;

    /// <summary>Options of the disks.</summary>
    public BlockOptions? Disks { get; init; }

    /// <summary>Options of the network interfaces.</summary>
    public NetworkOptions? Interfaces { get; init; }

    /// <summary>
    /// How long <see cref="NetworkOptions.LinkUser"/> may take, when the program or the services end, to deliver what was sent. It takes
    /// no time when there is nothing to deliver.
    /// </summary>
    public TimeSpan DeliveryTimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Called when everything is created and nothing has started: event handlers added here miss no event.</summary>
    public Action<DomainServices>? BeforeStart { get; init; }

    /// <summary>Options of both buses.</summary>
    public XenBusOptions? Bus { get; init; }

    /// <summary>Options of the connection to xenstore.</summary>
    public XenStoreClientOptions? Store { get; init; }

    /// <summary>Options of shutdown, suspend and reports.</summary>
    public DomainControlOptions? Control { get; init; }
}
