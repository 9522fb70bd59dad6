using System.Diagnostics.CodeAnalysis;
using Xenlet.Net.Base;
using Xenlet.Net.Configuration;
using Xenlet.Net.Internet;
using Xenlet.Net.Tcp;
using Xenlet.Net.Udp;
using Xenlet.Net.Wire;

namespace Xenlet.Net;

/// <summary>
/// TCP/IP over links of Ethernet frames. One thread owns a stack and all that belongs to it: it calls <see cref="Run"/> when frames have
/// arrived, when a link has room again, and when the time of <see cref="NextDue"/> has come.
/// </summary>
[SuppressMessage("Naming", "CA1711", Justification = "A TCP/IP stack is no collection of last in, first out.")]
public sealed partial class IpStack
{
    private readonly InternetLayer _layer;
    private readonly UdpLayer _udp;
    private readonly RouterDiscovery _routers;
    private readonly Dictionary<IpInterface, DhcpClient> _dhcpClients = [];
    private bool _isChanged;

    /// <summary>A stack without interfaces, in which loopback addresses work.</summary>
    /// <param name="clock">Its time.</param>
    /// <param name="random">Its randomness.</param>
    /// <param name="options">What its owner decides.</param>
    public IpStack(IStackClock clock, IRandomSource random, IpStackOptions? options = null)
    {
        Clock = new HeldClock(clock);
        _layer = new InternetLayer(Clock, random, options ?? new IpStackOptions());
        _layer.Changed = () => _isChanged = true;
        _udp = new UdpLayer(_layer);
        _layer.SetTransport(ProtocolNumber.Udp, _udp);
        Tcp = new TcpLayer(_layer.Output, Clock, _layer.Timers, random);
        Tcp.Faulted = error => Faulted?.Invoke(new StackFault(error, null, IsOfConnection: true));
        _layer.SetTransport(ProtocolNumber.Tcp, Tcp);
        Resolver = new ResolverConfiguration(_layer);
        _routers = new RouterDiscovery(_layer, Resolver);
    }

    /// <summary>
    /// Called by <see cref="Run"/> at the end of a turn in which addresses, routes, interfaces or the resolver's configuration have
    /// changed.
    /// </summary>
    public Action? Changed { get; set; }

    /// <summary>
    /// Hears of exceptions in <see cref="Run"/>, which then goes on: what was served has lost a frame, or a timer's action. Without it such
    /// an exception leaves <see cref="Run"/>, but for those of a connection, which end that one.
    /// </summary>
    public Action<StackFault>? Faulted { get; set; }

    /// <summary>The interfaces, without the loopback.</summary>
    public IReadOnlyList<IpInterface> Interfaces => _layer.Interfaces;

    /// <summary>The routes, the longest prefix first.</summary>
    public IReadOnlyList<Route> Routes => _layer.Routes.Routes;

    /// <summary>Servers of DNS and domains to search, as networks have told them.</summary>
    public ResolverConfiguration Resolver { get; }

    /// <summary>Counters of IPv4.</summary>
    public IpStatistics IPv4Statistics => _layer.IPv4;

    /// <summary>Counters of IPv6.</summary>
    public IpStatistics IPv6Statistics => _layer.IPv6;

    /// <summary>Counters of ICMP.</summary>
    public IcmpStatistics IcmpStatistics => _layer.IcmpStatistics;

    /// <summary>Counters of ICMPv6.</summary>
    public IcmpStatistics IcmpV6Statistics => _layer.IcmpV6Statistics;

    /// <summary>Counters of UDP over IPv4.</summary>
    public UdpStatistics UdpStatistics => _udp.IPv4;

    /// <summary>Counters of UDP over IPv6.</summary>
    public UdpStatistics UdpV6Statistics => _udp.IPv6;

    /// <summary>The endpoints of UDP that have a port.</summary>
    public IEnumerable<UdpEndpoint> UdpEndpoints => _udp.Endpoints;

    /// <summary>Counters of the loopback interface.</summary>
    public InterfaceStatistics LoopbackStatistics => _layer.Loopback.Statistics;

    /// <summary>The buffers of the stack.</summary>
    public PacketPool Pool => _layer.Pool;

    /// <summary>When <see cref="Run"/> has to be called even if nothing arrives, in nanoseconds of the stack's clock.</summary>
    public long NextDue => _layer.Loopback.IsEmpty && !_isChanged ? _layer.Timers.NextDue : _layer.Clock.Now;

    /// <summary>Whether the first answer of a DHCP server is still to come on an interface.</summary>
    internal bool IsAskingDhcp => _dhcpClients.Values.Any(
        each => each.State is DhcpState.Selecting or DhcpState.Requesting or DhcpState.Checking);

    /// <summary>What the parts of the stack share.</summary>
    internal InternetLayer Internet => _layer;

    /// <summary>The stack's time. Whoever makes several calls for one event holds it meanwhile.</summary>
    internal HeldClock Clock { get; }

    /// <summary>TCP.</summary>
    internal TcpLayer Tcp { get; }

    /// <summary>UDP.</summary>
    internal UdpLayer Udp => _udp;

    /// <summary>Adds an interface. It makes itself a link-local address, and has no other until it is given one.</summary>
    /// <param name="name">Its name, such as eth0.</param>
    /// <param name="link">What carries its frames; it stays the caller's.</param>
    public IpInterface AddInterface(string name, ILink link)
    {
        IpInterface added = _layer.AddInterface(name, link);
        added.Groups.Join(InternetAddress.FromIPv4(0xE000_0001));
        added.Groups.Join(NeighbourDiscovery.AllNodes);
        _layer.Addresses.AddLinkLocal(added);
        return added;
    }

    /// <summary>Takes an interface away: its addresses and routes go, and what uses them ends.</summary>
    public void RemoveInterface(IpInterface removed)
    {
        _layer.RemoveInterface(removed);
        _routers.Stop(removed);
        if (_dhcpClients.Remove(removed, out DhcpClient? client))
        {
            client.Stop();
        }

        Resolver.Clear(removed);
    }

    /// <summary>Asks DHCP servers for an address of IPv4, and what belongs to it, until it is stopped.</summary>
    /// <param name="on">The interface.</param>
    /// <param name="hostName">The name that servers are told, of ASCII characters; empty for none.</param>
    /// <returns>The client; null when the port of DHCP clients is taken.</returns>
    public DhcpClient? StartDhcp(IpInterface on, string hostName = "")
    {
        if (_dhcpClients.TryGetValue(on, out DhcpClient? client))
        {
            return client;
        }

        client = new DhcpClient(_layer, _udp, Resolver, on, hostName);
        if (client.Start() != NetworkError.None)
        {
            return null;
        }

        _dhcpClients.Add(on, client);
        return client;
    }

    /// <summary>Gives the address of an interface back to the server that has lent it; nothing when there is none.</summary>
    public void StopDhcp(IpInterface on)
    {
        if (_dhcpClients.Remove(on, out DhcpClient? client))
        {
            client.Stop();
        }
    }

    /// <summary>
    /// Asks routers of IPv6, and takes from their advertisements routes, addresses (RFC 4862) and servers of DNS from now on.
    /// </summary>
    public void StartRouterDiscovery(IpInterface on) => _routers.Start(on);

    /// <summary>Takes nothing from routers any more. What they have told stays until its time is over.</summary>
    public void StopRouterDiscovery(IpInterface on) => _routers.Stop(on);

    /// <summary>
    /// Gives an interface an address. It is used once nobody else has been found to have it.
    /// </summary>
    /// <returns>The address; null when the interface has it, or has as many as it can.</returns>
    /// <exception cref="ArgumentException">Nobody may have this address.</exception>
    public InterfaceAddress? AddAddress(IpInterface to, InternetAddress address, int prefixLength)
    {
        if (!AddressAssignment.IsAssignable(address))
        {
            throw new ArgumentException($"{address} is no address for an interface", nameof(address));
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, address.Size * 8);
        return _layer.Addresses.Add(to, address, prefixLength, AddressOrigin.Static);
    }

    /// <summary>Takes an address from its interface.</summary>
    public void RemoveAddress(InterfaceAddress address) => _layer.Addresses.Remove(address);

    /// <summary>Adds a route, or replaces the one of the same prefix, gateway and interface. False when there are too many.</summary>
    public bool TryAddRoute(Route route)
    {
        bool isAdded = _layer.Routes.TryAdd(route);
        _isChanged = true;
        return isAdded;
    }

    /// <summary>Takes a route away.</summary>
    public void RemoveRoute(Route route)
    {
        _layer.Routes.Remove(route);
        _isChanged = true;
    }

    /// <summary>An endpoint of UDP, without a port yet.</summary>
    /// <param name="user">Who gets its datagrams.</param>
    /// <param name="isIPv6">Whether it is of IPv6, which serves IPv4 too unless its options say otherwise.</param>
    public UdpEndpoint CreateUdpEndpoint(IUdpUser user, bool isIPv6) => new(_udp, user, isIPv6);

    /// <summary>
    /// The link may be another one, as after a migration or when a device has been connected anew: its addresses are announced, its groups
    /// joined again, its neighbours asked again with the next packet, and its MTU and what its device does are read anew by whoever sends.
    /// What waits for the link and is too large for it is cut anew.
    /// </summary>
    public void OnLinkChanged(IpInterface changed)
    {
        // First, since a lease that may have run out is not used from here on.
        if (_dhcpClients.TryGetValue(changed, out DhcpClient? client))
        {
            client.OnLinkChanged();
        }

        changed.DropUnfit();
        changed.Neighbours.DoubtAll();
        _layer.Redirects.Clear(changed);
        changed.Groups.Announce();
        _layer.Addresses.Announce(changed);
        if (!changed.Addresses.Any(address => address.Origin == AddressOrigin.LinkLocal))
        {
            _layer.Addresses.AddLinkLocal(changed);
        }

        Tcp.OnMtuChanged();
        _routers.Restart(changed);
        _layer.Changed?.Invoke();
    }
}
