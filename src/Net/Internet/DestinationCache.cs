using Xenlet.Net.Base;

namespace Xenlet.Net.Internet;

/// <summary>
/// The destinations that packets were sent to lately (RFC 4861, section 5.1, for both families): a packet takes one look here, in the place
/// of one at each of addresses, routes, redirects and neighbours. When any of them changes, all is found out anew.
/// </summary>
internal sealed class DestinationCache(InternetLayer layer)
{
    // All places are there from the start, some 6 KiB: whoever answers many strangers needs no more memory.
    private const int PlaceBits = 6;

    private readonly Destination[] _places = new Destination[1 << PlaceBits];

    // No place is made of version 0.
    private int _version = 1;

    /// <summary>Addresses, routes, redirects or neighbours are not what they were.</summary>
    public void Forget() => _version++;

    /// <summary>What is known of a destination, by an interface that the sender has chosen, or 0. It holds until the next call.</summary>
    public ref Destination Find(in InternetAddress address, int interfaceIndex)
    {
        ref Destination found = ref PlaceOf(address);
        if (!found.IsFor(address, interfaceIndex, _version) || found.ValidUntil <= layer.Clock.Now)
        {
            found.Begin(address, interfaceIndex, _version);
            Fill(ref found);
        }

        return ref found;
    }

    /// <summary>
    /// Whether packets are sent to an address by an interface, which is one host's and not ours. No says nothing: strangers who send what
    /// they like do not take the places of those who are answered.
    /// </summary>
    public bool IsKnownHost(in InternetAddress address, IpInterface output)
    {
        ref Destination found = ref PlaceOf(address);
        return found.IsOtherHost && found.Output == output && found.IsFor(address, 0, _version);
    }

    private ref Destination PlaceOf(in InternetAddress address) => ref _places[address.Mix() >> (32 - PlaceBits)];

    private void Fill(ref Destination destination)
    {
        InternetAddress address = destination.Address;
        if (layer.Addresses.IsOurs(address))
        {
            destination.IsOurs = true;
            return;
        }

        FindOutput(ref destination);
        destination.IsForMany = address.IsMulticast || destination.Output?.IsBroadcast(address) == true;
        destination.IsOtherHost = destination.Output is not null && !destination.IsForMany && !address.IsAny && !address.IsReserved;
    }

    private void FindOutput(ref Destination destination)
    {
        InternetAddress address = destination.Address;
        int interfaceIndex = destination.InterfaceIndex;
        bool isForLink = address.IsMulticast || address == InternetAddress.LimitedBroadcast;
        if (isForLink && interfaceIndex != 0)
        {
            destination.Output = layer.FindInterface(interfaceIndex);
        }
        else if (layer.Routes.Lookup(address, layer.Clock.Now, interfaceIndex) is { } route)
        {
            long until = StackTime.Never;
            destination.NextHop = route.Gateway is { } router ? layer.Redirects.NextHop(address, route, router, out until) : address;
            destination.Output = route.Interface;
            destination.ValidUntil = Math.Min(route.ValidUntil, until);
        }
        else if (address.IsIPv4 && interfaceIndex != 0)
        {
            // As on Linux, what no route leads to by the interface that was chosen is a neighbour there.
            destination.Output = layer.FindInterface(interfaceIndex);
        }
        else if (address.IsMulticast && !address.IsIPv4 && layer.Interfaces.Count > 0)
        {
            // As on Linux, each link is a route for groups of IPv6, and none for those of IPv4.
            destination.Output = layer.Interfaces[0];
        }
    }
}
