using System.Runtime.InteropServices;

namespace Xenlet.Net.Internet;

/// <summary>The routes of a stack, the longest prefix first. They are few: a router can fill the table, and no further.</summary>
internal sealed class RouteTable(DestinationCache destinations)
{
    /// <summary>How many routes there are at most.</summary>
    public const int Capacity = 64;

    private readonly List<Route> _routes = new(Capacity);

    public IReadOnlyList<Route> Routes => _routes;

    /// <summary>Adds a route, or replaces the one of the same prefix, gateway and interface. False when the table is full.</summary>
    public bool TryAdd(Route route)
    {
        destinations.Forget();
        _routes.RemoveAll(
            each => each.Prefix == route.Prefix && each.Gateway == route.Gateway && each.Interface == route.Interface);
        if (_routes.Count == Capacity)
        {
            return false;
        }

        int index = _routes.FindIndex(each => each.Prefix.Length < route.Prefix.Length
            || (each.Prefix.Length == route.Prefix.Length && each.Metric > route.Metric));
        _routes.Insert(index < 0 ? _routes.Count : index, route);
        return true;
    }

    public Route? Find(NetworkPrefix prefix, InternetAddress? gateway, IpInterface output) =>
        _routes.Find(each => each.Prefix == prefix && each.Gateway == gateway && each.Interface == output);

    public void Remove(Route route)
    {
        destinations.Forget();
        _routes.Remove(route);
    }

    public void RemoveWhere(Predicate<Route> condition)
    {
        destinations.Forget();
        _routes.RemoveAll(condition);
    }

    /// <summary>
    /// The route of a destination; null without one. A router that does not answer is passed over when there is another
    /// (RFC 4861, section 6.3.6).
    /// </summary>
    /// <param name="destination">The destination.</param>
    /// <param name="now">The time, for routes that end.</param>
    /// <param name="interfaceIndex">The interface that it has to be, or 0.</param>
    public Route? Lookup(InternetAddress destination, long now, int interfaceIndex = 0)
    {
        Route? unreachable = null;
        foreach (Route route in CollectionsMarshal.AsSpan(_routes))
        {
            if (!route.Prefix.Contains(destination) || route.ValidUntil <= now
                || (interfaceIndex != 0 && route.Interface.Index != interfaceIndex))
            {
                continue;
            }

            if (route.Gateway is not { } gateway || !route.Interface.Neighbours.HasFailed(gateway))
            {
                return route;
            }

            unreachable ??= route;
        }

        return unreachable;
    }
}
