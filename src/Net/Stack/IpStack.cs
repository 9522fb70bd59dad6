using System.Diagnostics.CodeAnalysis;
using Xenlet.Net.Internet;

namespace Xenlet.Net;

/// <summary>
/// TCP/IP over links of Ethernet frames. One thread owns a stack and all that belongs to it: it calls <see cref="Run"/> when frames have
/// arrived, when a link has room again, and when the time of <see cref="NextDue"/> has come.
/// </summary>
[SuppressMessage("Naming", "CA1711", Justification = "A TCP/IP stack is no collection of last in, first out.")]
public sealed class IpStack
{
    /// <summary>
    /// How many turns in a row may find frames and leave timers alone: enough for what arrives in a pause, and no more, since a flood never
    /// ends.
    /// </summary>
    private const int MostTurnsWithoutTimers = 16;

    private readonly InternetLayer _layer;
    private int _turnsWithoutTimers;

    /// <summary>A stack without interfaces, in which loopback addresses work.</summary>
    /// <param name="clock">Its time.</param>
    /// <param name="random">Its randomness.</param>
    /// <param name="options">What its owner decides.</param>
    public IpStack(IStackClock clock, IRandomSource random, IpStackOptions? options = null)
    {
        _layer = new InternetLayer(clock, random, options ?? new IpStackOptions());
    }

    /// <summary>Called after addresses, routes or interfaces have changed, by the stack's thread.</summary>
    public Action? Changed
    {
        get => _layer.Changed;
        set => _layer.Changed = value;
    }

    /// <summary>The interfaces, without the loopback.</summary>
    public IReadOnlyList<IpInterface> Interfaces => _layer.Interfaces;

    /// <summary>The routes, the longest prefix first.</summary>
    public IReadOnlyList<Route> Routes => _layer.Routes.Routes;

    /// <summary>Counters of IPv4.</summary>
    public IpStatistics IPv4Statistics => _layer.IPv4;

    /// <summary>Counters of IPv6.</summary>
    public IpStatistics IPv6Statistics => _layer.IPv6;

    /// <summary>Counters of ICMP.</summary>
    public IcmpStatistics IcmpStatistics => _layer.IcmpStatistics;

    /// <summary>Counters of ICMPv6.</summary>
    public IcmpStatistics IcmpV6Statistics => _layer.IcmpV6Statistics;

    /// <summary>Counters of the loopback interface.</summary>
    public InterfaceStatistics LoopbackStatistics => _layer.Loopback.Statistics;

    /// <summary>The buffers of the stack.</summary>
    public PacketPool Pool => _layer.Pool;

    /// <summary>When <see cref="Run"/> has to be called even if nothing arrives, in nanoseconds of the stack's clock.</summary>
    public long NextDue => _layer.Loopback.IsEmpty ? _layer.Timers.NextDue : _layer.Clock.Now;

    /// <summary>What the parts of the stack share, for transports.</summary>
    internal InternetLayer Internet => _layer;

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
    public void RemoveInterface(IpInterface removed) => _layer.RemoveInterface(removed);

    /// <summary>
    /// Gives an interface an address. It is used once nobody else has been found to have it.
    /// </summary>
    /// <returns>The address; null when the interface has it, or has as many as it can.</returns>
    /// <exception cref="ArgumentException">Nobody may have this address.</exception>
    public InterfaceAddress? AddAddress(IpInterface to, InternetAddress address, int prefixLength)
    {
        if (address.IsAny || address.IsMulticast || address.IsLoopback || address == InternetAddress.LimitedBroadcast)
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
        Changed?.Invoke();
        return isAdded;
    }

    /// <summary>Takes a route away.</summary>
    public void RemoveRoute(Route route)
    {
        _layer.Routes.Remove(route);
        Changed?.Invoke();
    }

    /// <summary>
    /// The link may be another one, as after a migration or when a device has been connected anew: its addresses are announced, its groups
    /// joined again, its neighbours asked again with the next packet, and its MTU and what its device does are read anew by whoever sends.
    /// </summary>
    public void OnLinkChanged(IpInterface changed)
    {
        changed.Neighbours.DoubtAll();
        changed.Groups.Announce();
        _layer.Addresses.Announce(changed);
        if (!changed.Addresses.Any(address => address.Origin == AddressOrigin.LinkLocal))
        {
            _layer.Addresses.AddLinkLocal(changed);
        }

        _layer.Changed?.Invoke();
    }

    /// <summary>
    /// One turn: takes frames that have arrived, at most <paramref name="mostFrames"/> of each interface, then runs the timers that are
    /// due, and gives waiting frames to links. Frames come first, so that after a pause an answer that has arrived is not taken for lost.
    /// </summary>
    /// <returns>Whether there may be more to take: the caller comes back at once, after whatever else it serves.</returns>
    public bool Run(int mostFrames = 64)
    {
        bool hasMore = false;
        foreach (IpInterface each in _layer.Interfaces)
        {
            int count = 0;
            while (count < mostFrames && each.Link.TryReceive(Pool) is { } frame)
            {
                _layer.Input.Receive(each, frame);
                count++;
            }

            hasMore |= count == mostFrames;
        }

        for (int count = 0; count < mostFrames && _layer.Loopback.TryDeliver(); count++)
        {
        }

        if (!hasMore || ++_turnsWithoutTimers == MostTurnsWithoutTimers)
        {
            _turnsWithoutTimers = 0;
            _layer.Timers.Run(_layer.Clock.Now);
        }

        bool hasRoomAgain = _layer.Loopback.HasRoomAgain();
        foreach (IpInterface each in _layer.Interfaces)
        {
            hasRoomAgain |= each.Drain();
        }

        if (hasRoomAgain)
        {
            _layer.ForEachTransport(transport => transport.OnRoom());
        }

        return hasMore || !_layer.Loopback.IsEmpty;
    }
}
