using Xenlet.Net.Base;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>
/// Destinations for which a router has said that another neighbour is the better first hop (RFC 1122, section 3.2.2.2; RFC 4861, section
/// 8). Only the router is believed that packets to the destination go to now, and only of a neighbour. What it has said counts for a
/// while, as long as the route is the same and the neighbour answers.
/// </summary>
internal sealed class RedirectTable(InternetLayer layer)
{
    /// <summary>How many destinations are remembered; the one that was told of first gives way.</summary>
    public const int Capacity = 64;

    /// <summary>As long as Linux has it (net.ipv4.route.gc_timeout). A router that still thinks so says it again.</summary>
    public const long Lifetime = 5 * StackTime.Minute;

    private readonly Dictionary<InternetAddress, Redirect> _redirects = new();

    public int Count => _redirects.Count;

    /// <summary>The first hop of a route over a router, and until when it is the one, if nothing else changes.</summary>
    public InternetAddress NextHop(InternetAddress destination, Route route, InternetAddress router, out long until)
    {
        until = StackTime.Never;
        if (_redirects.Count == 0 || !_redirects.TryGetValue(destination, out Redirect redirect))
        {
            return router;
        }

        if (redirect.Until <= layer.Clock.Now || route.Interface.Neighbours.HasFailed(redirect.Target))
        {
            _redirects.Remove(destination);
            return router;
        }

        until = redirect.Until;
        return redirect.Interface == route.Interface && redirect.Router == router ? redirect.Target : router;
    }

    /// <summary>A redirect of ICMP has arrived that quotes a packet.</summary>
    public void OnIPv4(ReadOnlySpan<byte> quoted, InternetAddress gateway, in InternetHeader header)
    {
        if (layer.FindInterface(header.InterfaceIndex) is not { } from
            || !layer.Addresses.IsOurs(header.Destination)
            || !QuotedPacket.TryRead(quoted, isIPv4: true, out QuotedPacket packet)
            || !layer.Addresses.IsOurs(packet.Flow.Local.Address)
            || layer.Routes.Lookup(gateway, layer.Clock.Now, from.Index) is not { Gateway: null })
        {
            return;
        }

        // The sender's address can be forged from anywhere, what is under way is harder to guess.
        IcmpError error = new(IcmpErrorKind.Redirect, packet.Flow, packet.SequenceNumber, 0);
        if (layer.TransportOf(packet.Protocol)?.OnError(error, quoted[packet.PayloadOffset..]) == true)
        {
            TryTake(from, packet.Flow.Remote.Address, gateway, header.Source);
        }
    }

    /// <summary>A redirect of ICMPv6 has arrived, which nobody sends from beyond the link.</summary>
    public void OnIPv6(IpInterface from, in RedirectMessage told, in InternetHeader header)
    {
        bool isNeighbour = told.Target == told.Destination || told.Target.IsIPv6LinkLocal;
        if (!isNeighbour || !layer.Addresses.IsOurs(header.Destination)
            || !TryTake(from, told.Destination, told.Target, header.Source))
        {
            return;
        }

        if (told.LinkAddress is { IsMulticast: false } hardware)
        {
            from.Neighbours.OnTold(told.Target, hardware, isForUs: true);
        }
    }

    /// <summary>The destination does not answer: its router may know better.</summary>
    public void Forget(InternetAddress destination)
    {
        if (_redirects.Remove(destination))
        {
            layer.Destinations.Forget();
        }
    }

    /// <summary>The interface's link is another one, or has gone.</summary>
    public void Clear(IpInterface of)
    {
        layer.Destinations.Forget();
        foreach ((InternetAddress destination, Redirect redirect) in _redirects)
        {
            if (redirect.Interface == of)
            {
                _redirects.Remove(destination);
            }
        }
    }

    private bool TryTake(IpInterface from, InternetAddress destination, InternetAddress target, InternetAddress sender)
    {
        long now = layer.Clock.Now;
        if (destination.IsMulticast || layer.Addresses.IsOurs(destination) || !IsHost(from, target) || target == sender
            || layer.Routes.Lookup(destination, now) is not { Gateway: { } router } route
            || route.Interface != from || NextHop(destination, route, router, out _) != sender)
        {
            return false;
        }

        if (_redirects.Count == Capacity && !_redirects.ContainsKey(destination))
        {
            _redirects.Remove(_redirects.MinBy(each => each.Value.Until).Key);
        }

        layer.Destinations.Forget();
        _redirects[destination] = new Redirect(from, router, target, now + Lifetime);
        return true;
    }

    private bool IsHost(IpInterface from, InternetAddress address) =>
        address.IsOneHost && !address.IsLoopback && !from.IsBroadcast(address) && !layer.Addresses.IsOurs(address);

    /// <summary>What counts for one destination.</summary>
    /// <param name="Interface">The interface by which it goes.</param>
    /// <param name="Router">The router of the route: when it is another one, the redirect does not count.</param>
    /// <param name="Target">The neighbour that packets go to.</param>
    /// <param name="Until">Until when.</param>
    private readonly record struct Redirect(IpInterface Interface, InternetAddress Router, InternetAddress Target, long Until);
}
