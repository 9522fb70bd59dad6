using System.Buffers.Binary;
using Xenlet.Net.Base;
using Xenlet.Net.Internet;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Configuration;

/// <summary>
/// What interfaces learn from routers of IPv6: default routes, prefixes, addresses of their own (RFC 4861, section 6.3; RFC 4862,
/// section 5.5), and servers of DNS (RFC 8106).
/// </summary>
internal sealed class RouterDiscovery : IRouterListener
{
    private const int MostSolicitations = 3;
    private const long SolicitationInterval = 4 * StackTime.Second;
    private const long MostSolicitationDelay = StackTime.Second;

    /// <summary>Default routers of one interface. Anybody on the link can pose as any number of them.</summary>
    private const int MostRouters = 8;

    /// <summary>
    /// A lifetime is not made shorter than this by an advertisement, which is not authenticated (RFC 4862, section 5.5.3).
    /// </summary>
    private const long TwoHours = 120 * StackTime.Minute;

    /// <summary>How often routes are looked through for those whose time is over.</summary>
    private const long SweepInterval = 30 * StackTime.Second;

    private readonly InternetLayer _layer;
    private readonly ResolverConfiguration _resolver;
    private readonly Dictionary<IpInterface, Solicitation> _solicitations = [];
    private readonly StackTimer _sweep;

    public RouterDiscovery(InternetLayer layer, ResolverConfiguration resolver)
    {
        _layer = layer;
        _resolver = resolver;
        _sweep = new StackTimer(Sweep);
        layer.RouterListener = this;
    }

    /// <summary>Begins, or begins again, to ask routers on an interface, and listens to them from now on.</summary>
    public void Start(IpInterface on)
    {
        if (!_solicitations.TryGetValue(on, out Solicitation? solicitation))
        {
            solicitation = new Solicitation();
            solicitation.Timer = new StackTimer(() => Solicit(on, solicitation));
            _solicitations.Add(on, solicitation);
        }

        solicitation.Count = 0;
        _layer.Timers.Set(solicitation.Timer!, _layer.Clock.Now + _layer.Random.NextTime(MostSolicitationDelay));
    }

    /// <summary>Asks anew, where it has been started.</summary>
    public void Restart(IpInterface on)
    {
        if (_solicitations.ContainsKey(on))
        {
            Start(on);
        }
    }

    /// <summary>Listens no more on an interface.</summary>
    public void Stop(IpInterface on)
    {
        if (_solicitations.Remove(on, out Solicitation? solicitation))
        {
            _layer.Timers.Cancel(solicitation.Timer!);
        }
    }

    public void OnAdvertisement(IpInterface at, InternetAddress router, ReadOnlySpan<byte> message)
    {
        if (!_solicitations.TryGetValue(at, out Solicitation? solicitation)
            || !RouterAdvertisement.TryRead(message, out RouterAdvertisement advertisement))
        {
            return;
        }

        if (advertisement.RouterLifetime > 0)
        {
            _layer.Timers.Cancel(solicitation.Timer!);
        }

        TakeParameters(at, advertisement);
        SetDefaultRoute(at, router, advertisement.RouterLifetime, message[5]);
        NeighbourOptions options = new(message[RouterAdvertisement.Size..]);
        while (options.TryNext(out byte type, out ReadOnlySpan<byte> body))
        {
            switch (type)
            {
                case NeighbourOptions.SourceLinkAddress:
                    TakeLinkAddress(at, router, new MacAddress(body[..MacAddress.Size]));
                    break;
                case NeighbourOptions.Mtu:
                    uint mtu = BinaryPrimitives.ReadUInt32BigEndian(body[2..]);
                    at.RouterMtu = mtu >= IpInterface.SmallestIPv6Mtu && mtu <= at.Mtu ? (int)mtu : at.RouterMtu;
                    break;
                case NeighbourOptions.PrefixInformation when PrefixInformation.TryRead(body, out PrefixInformation prefix):
                    TakePrefix(at, prefix);
                    break;
                case NeighbourOptions.RecursiveDnsServers:
                    TakeServers(new(at, AddressOrigin.RouterAdvertisement, router), body);
                    break;
                case NeighbourOptions.DnsSearchList:
                    TakeDomains(new(at, AddressOrigin.RouterAdvertisement, router), body);
                    break;
            }
        }

        if (!_sweep.IsSet)
        {
            _layer.Timers.Set(_sweep, _layer.Clock.Now + SweepInterval);
        }

        _layer.Changed?.Invoke();
    }

    private static void TakeParameters(IpInterface at, in RouterAdvertisement advertisement)
    {
        if (advertisement.HopLimit != 0)
        {
            at.RouterHopLimit = advertisement.HopLimit;
        }

        // RFC 4861, section 6.2.1, has an hour as the longest reachable time. Shorter than a second it would be a flood of questions.
        if (advertisement.ReachableTime is >= 1_000 and <= 3_600_000)
        {
            at.Neighbours.BaseReachableTime = advertisement.ReachableTime * StackTime.Millisecond;
        }

        if (advertisement.RetransmitTime is >= 100 and <= 10_000)
        {
            at.Neighbours.RetransmitTime = advertisement.RetransmitTime * StackTime.Millisecond;
        }
    }

    private void SetDefaultRoute(IpInterface at, InternetAddress router, ushort lifetime, byte flags)
    {
        NetworkPrefix all = new(InternetAddress.AnyIPv6, 0);
        Route? known = _layer.Routes.Find(all, router, at);
        if (lifetime == 0 || known is { Origin: not AddressOrigin.RouterAdvertisement })
        {
            if (known is { Origin: AddressOrigin.RouterAdvertisement })
            {
                _layer.Routes.Remove(known);
            }

            return;
        }

        int routers = _layer.Routes.Routes.Count(each => each.Prefix == all && each.Interface == at);
        if (known is null && routers >= MostRouters)
        {
            return;
        }

        // The preference of RFC 4191: high, medium, low, or reserved, which is medium.
        int metric = (flags >> 3 & 3) switch { 1 => 512, 3 => 2_048, _ => 1_024 };
        _layer.Routes.TryAdd(new Route(all, router, at, AddressOrigin.RouterAdvertisement, metric)
        {
            ValidUntil = StackTime.After(_layer.Clock.Now, lifetime),
        });
    }

    private static void TakeLinkAddress(IpInterface at, InternetAddress router, MacAddress hardware)
    {
        if (!hardware.IsMulticast)
        {
            at.Neighbours.OnTold(router, hardware, isForUs: true);
            if (at.Neighbours.Find(router) is { } neighbour)
            {
                neighbour.IsRouter = true;
            }
        }
    }

    private void TakePrefix(IpInterface at, in PrefixInformation told)
    {
        long now = _layer.Clock.Now;
        if (told.IsOnLink)
        {
            Route? known = _layer.Routes.Find(told.Prefix, null, at);
            if (told.ValidLifetime == 0)
            {
                if (known is { Origin: AddressOrigin.RouterAdvertisement })
                {
                    _layer.Routes.Remove(known);
                }
            }
            else if (known is null or { Origin: AddressOrigin.RouterAdvertisement })
            {
                _layer.Routes.TryAdd(new Route(told.Prefix, null, at, AddressOrigin.RouterAdvertisement)
                {
                    ValidUntil = StackTime.After(now, told.ValidLifetime),
                });
            }
        }

        if (told.IsAutonomous && told.Prefix.Length == 64)
        {
            TakeAddress(at, told, now);
        }
    }

    private void TakeAddress(IpInterface at, in PrefixInformation told, long now)
    {
        InternetAddress address = told.Prefix.Address.WithInterfaceIdentifier(at.Link.Address.InterfaceIdentifier);
        long preferredUntil = StackTime.After(now, told.PreferredLifetime);
        long validUntil = StackTime.After(now, told.ValidLifetime);
        if (at.FindAddress(address) is not { } known)
        {
            if (told.ValidLifetime > 0
                && _layer.Addresses.Add(at, address, 64, AddressOrigin.RouterAdvertisement, isOnLink: false) is { } added)
            {
                _layer.Addresses.SetLifetimes(added, preferredUntil, validUntil);
            }

            return;
        }

        if (known.Origin == AddressOrigin.RouterAdvertisement)
        {
            // Shorter than two hours only what is already: a forged advertisement could take an address away at once.
            bool isBelieved = validUntil > known.ValidUntil || validUntil - now > TwoHours;
            long bounded = isBelieved ? validUntil : Math.Min(known.ValidUntil, now + TwoHours);
            _layer.Addresses.SetLifetimes(known, preferredUntil, bounded);
        }
    }

    private void TakeServers(in ConfigurationSource source, ReadOnlySpan<byte> body)
    {
        uint lifetime = BinaryPrimitives.ReadUInt32BigEndian(body[2..]);
        for (ReadOnlySpan<byte> rest = body[6..]; rest.Length >= 16; rest = rest[16..])
        {
            InternetAddress server = InternetAddress.Read(rest[..16]);
            if (!server.IsAny && !server.IsMulticast && !server.IsIPv4)
            {
                _resolver.SetServer(source, server, lifetime == 0 ? 0 : StackTime.After(_layer.Clock.Now, lifetime));
            }
        }
    }

    private void TakeDomains(in ConfigurationSource source, ReadOnlySpan<byte> body)
    {
        uint lifetime = BinaryPrimitives.ReadUInt32BigEndian(body[2..]);
        foreach (string domain in DomainNames.FromLabels(body[6..], hasPointers: false))
        {
            _resolver.SetDomain(source, domain, lifetime == 0 ? 0 : StackTime.After(_layer.Clock.Now, lifetime));
        }
    }

    private void Solicit(IpInterface on, Solicitation solicitation)
    {
        if (on.MtuOf(isIPv4: false) != 0)
        {
            _layer.Discovery.SendRouterSolicitation(on);
        }

        if (++solicitation.Count < MostSolicitations)
        {
            _layer.Timers.Set(solicitation.Timer!, _layer.Clock.Now + SolicitationInterval);
        }
    }

    private void Sweep()
    {
        long now = _layer.Clock.Now;
        int before = _layer.Routes.Routes.Count;
        _layer.Routes.RemoveWhere(route => route.ValidUntil <= now);
        if (_layer.Routes.Routes.Count != before)
        {
            _layer.Changed?.Invoke();
        }

        if (_layer.Routes.Routes.Any(route => route.ValidUntil != StackTime.Never))
        {
            _layer.Timers.Set(_sweep, now + SweepInterval);
        }
    }

    /// <summary>The questions on one interface.</summary>
    private sealed class Solicitation
    {
        public StackTimer? Timer { get; set; }

        public int Count { get; set; }
    }
}
