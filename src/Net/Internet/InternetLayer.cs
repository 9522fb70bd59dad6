using Xenlet.Net.Base;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Internet;

/// <summary>IPv4 and IPv6 with what they need: the state that its parts share. One thread owns it.</summary>
internal sealed class InternetLayer
{
    /// <summary>The index of the loopback interface, as on Linux.</summary>
    public const int LoopbackIndex = 1;

    private readonly List<IpInterface> _interfaces = [];
    private readonly ITransport?[] _transports = new ITransport?[byte.MaxValue + 1];
    private int _nextIndex = LoopbackIndex + 1;

    public InternetLayer(IStackClock clock, IRandomSource random, IpStackOptions options)
    {
        Clock = clock;
        Random = new RandomNumbers(random);
        Options = options;
        Destinations = new DestinationCache(this);
        Routes = new RouteTable(Destinations);
        Loopback = new LoopbackQueue(this);
        Errors = new IcmpErrors(this);
        Icmp = new IcmpLayer(this);
        IcmpV6 = new IcmpV6Layer(this);
        Arp = new ArpLayer(this);
        Discovery = new NeighbourDiscovery(this);
        Addresses = new AddressTable(this);
        PathMtus = new PathMtuCache(this);
        Redirects = new RedirectTable(this);
        Reassembler = new Reassembler(this);
        Output = new InternetOutput(this);
        Input = new InternetInput(this);
    }

    public IStackClock Clock { get; }

    public StackTimers Timers { get; } = new();

    public RandomNumbers Random { get; }

    public PacketPool Pool { get; } = new();

    public IpStackOptions Options { get; }

    public DestinationCache Destinations { get; }

    public RouteTable Routes { get; }

    public IpStatistics IPv4 { get; } = new();

    public IpStatistics IPv6 { get; } = new();

    public IcmpStatistics IcmpStatistics { get; } = new();

    public IcmpStatistics IcmpV6Statistics { get; } = new();

    public LoopbackQueue Loopback { get; }

    public IcmpErrors Errors { get; }

    public IcmpLayer Icmp { get; }

    public IcmpV6Layer IcmpV6 { get; }

    public ArpLayer Arp { get; }

    public NeighbourDiscovery Discovery { get; }

    public AddressTable Addresses { get; }

    public PathMtuCache PathMtus { get; }

    public RedirectTable Redirects { get; }

    public Reassembler Reassembler { get; }

    public InternetOutput Output { get; }

    public InternetInput Input { get; }

    public IReadOnlyList<IpInterface> Interfaces => _interfaces;

    /// <summary>Who hears what routers advertise.</summary>
    public IRouterListener? RouterListener { get; set; }

    /// <summary>Called after addresses, routes or interfaces have changed.</summary>
    public Action? Changed { get; set; }

    public IpStatistics StatisticsOf(bool isIPv4) => isIPv4 ? IPv4 : IPv6;

    public ITransport? TransportOf(byte protocol) => _transports[protocol];

    /// <summary>Hands the packets of a protocol to a transport from now on.</summary>
    public void SetTransport(byte protocol, ITransport transport) => _transports[protocol] = transport;

    public IpInterface AddInterface(string name, ILink link)
    {
        IpInterface added = new(this, _nextIndex++, name, link);
        _interfaces.Add(added);
        Destinations.Forget();
        Changed?.Invoke();
        return added;
    }

    /// <summary>Takes an interface away with its addresses, routes, neighbours and waiting frames.</summary>
    public void RemoveInterface(IpInterface removed)
    {
        if (!_interfaces.Remove(removed))
        {
            return;
        }

        removed.IsRemoved = true;
        Destinations.Forget();
        while (removed.Addresses.Count > 0)
        {
            Addresses.Remove(removed.Addresses[^1]);
        }

        Routes.RemoveWhere(route => route.Interface == removed);
        Redirects.Clear(removed);
        removed.Groups.Clear();
        removed.Neighbours.Clear();
        removed.DropWaiting();
        Changed?.Invoke();
    }

    public IpInterface? FindInterface(int index)
    {
        foreach (IpInterface each in _interfaces)
        {
            if (each.Index == index)
            {
                return each;
            }
        }

        return null;
    }

    /// <summary>Tells every transport.</summary>
    public void ForEachTransport(Action<ITransport> action)
    {
        foreach (ITransport? transport in _transports)
        {
            if (transport is not null)
            {
                action(transport);
            }
        }
    }

    /// <summary>Whether the protocol is one whose checksum covers a pseudo header and may be left to the device.</summary>
    public static bool HasTransportChecksum(byte protocol) => protocol is ProtocolNumber.Tcp or ProtocolNumber.Udp;
}
