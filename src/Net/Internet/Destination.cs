using Xenlet.Net.Base;

namespace Xenlet.Net.Internet;

/// <summary>
/// What packets to one destination need to know: a place of the <see cref="DestinationCache"/>, which may stand for another destination
/// after the next look into it.
/// </summary>
internal struct Destination
{
    private Neighbour? _firstHop;

    public InternetAddress Address { readonly get; private set; }

    /// <summary>The interface that the sender has chosen, or 0.</summary>
    public int InterfaceIndex { readonly get; private set; }

    /// <summary>Whether its packets never leave the machine.</summary>
    public bool IsOurs { get; set; }

    /// <summary>The interface by which packets leave; null without a route, or when it is ours.</summary>
    public IpInterface? Output { get; set; }

    /// <summary>The neighbour to which packets go: a router, or the destination itself.</summary>
    public InternetAddress NextHop { get; set; }

    /// <summary>Whether packets are for more than one host: a group, or all of the link.</summary>
    public bool IsForMany { get; set; }

    /// <summary>
    /// Whether a packet that says it comes from there may have come by <see cref="Output"/>: it is the address of one host, and not ours.
    /// </summary>
    public bool IsOtherHost { get; set; }

    /// <summary>Until when that holds, if nothing else changes.</summary>
    public long ValidUntil { get; set; }

    /// <summary>Of which state of addresses, routes and neighbours it was made.</summary>
    public int Version { readonly get; private set; }

    /// <summary>The neighbour to which packets go, if it is known.</summary>
    public Neighbour? FirstHop => _firstHop ??= Output?.Neighbours.Find(NextHop);

    /// <summary>Stands for a destination from now on, of which nothing is known yet.</summary>
    public void Begin(in InternetAddress address, int interfaceIndex, int version)
    {
        Address = NextHop = address;
        InterfaceIndex = interfaceIndex;
        Version = version;
        IsOurs = IsForMany = IsOtherHost = false;
        Output = null;
        ValidUntil = StackTime.Never;
        _firstHop = null;
    }

    /// <summary>Whether it stands for a destination, and was made of this state.</summary>
    public readonly bool IsFor(in InternetAddress address, int interfaceIndex, int version) =>
        Address == address && InterfaceIndex == interfaceIndex && Version == version;
}
