using Xenlet.Net.Base;

namespace Xenlet.Net;

/// <summary>Where packets to the addresses of a prefix go.</summary>
public sealed class Route
{
    /// <summary>A route over a gateway, or without one to neighbours.</summary>
    public Route(NetworkPrefix prefix, InternetAddress? gateway, IpInterface output, AddressOrigin origin, int metric = 0)
    {
        Prefix = prefix;
        Gateway = gateway;
        Interface = output;
        Origin = origin;
        Metric = metric;
    }

    /// <summary>The destinations.</summary>
    public NetworkPrefix Prefix { get; }

    /// <summary>The router; without one the destinations are neighbours.</summary>
    public InternetAddress? Gateway { get; }

    /// <summary>The interface by which packets leave.</summary>
    public IpInterface Interface { get; }

    /// <summary>Where the route comes from.</summary>
    public AddressOrigin Origin { get; }

    /// <summary>Of routes with prefixes of the same length the one with the lowest metric is taken.</summary>
    public int Metric { get; }

    /// <summary>Until when it holds, in nanoseconds of the stack's clock; <see cref="long.MaxValue"/> for ever.</summary>
    public long ValidUntil { get; internal init; } = StackTime.Never;

    public override string ToString() => $"{Prefix}{(Gateway is { } gateway ? $" via {gateway}" : "")} dev {Interface.Name}";
}
