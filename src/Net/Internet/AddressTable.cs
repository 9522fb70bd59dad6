using Xenlet.Net.Base;

namespace Xenlet.Net.Internet;

/// <summary>
/// The addresses of all interfaces: whether somebody else has them is found out before they are used (RFC 4862, section 5.4; RFC 5227),
/// and they end with their lifetimes.
/// </summary>
internal sealed class AddressTable(InternetLayer layer)
{
    /// <summary>Addresses of one interface. A router could tell of prefixes without end.</summary>
    public const int Capacity = 16;

    private const int IPv4Probes = 3;
    private const int IPv6Probes = 1;

    /// <summary>Announcements after the probes, and the time between them (RFC 5227, section 1.1).</summary>
    private const int Announcements = 2;
    private const long AnnounceInterval = 2 * StackTime.Second;

    /// <summary>
    /// How long after its probes an address of IPv4 is given up for somebody who has it: the RFC's own probes would have waited as long for
    /// the answer.
    /// </summary>
    private const long TrialTime = StackTime.Second;

    /// <summary>Between two defences of an address (RFC 5227, section 1.1).</summary>
    private const long DefendInterval = 10 * StackTime.Second;

    private static readonly NetworkPrefix LinkLocalPrefix = new(InternetAddress.FromIPv6(0xFE80_0000_0000_0000, 0), 64);

    private readonly Dictionary<InternetAddress, InterfaceAddress> _usable = new();
    private readonly HashSet<InternetAddress> _suspended = [];

    // Most packets are for the same one of the few addresses.
    private InternetAddress? _lastFound;

    /// <summary>The address of ours, on any interface; null when it is none, or not used.</summary>
    public InterfaceAddress? FindUsable(InternetAddress address) => _usable.GetValueOrDefault(address);

    /// <summary>Whether packets to the address never leave the machine.</summary>
    public bool IsOurs(InternetAddress address) =>
        address == _lastFound || address.IsLoopback || IsAmongUsable(address);

    /// <summary>Whether it is not certain that an address is ours still: nothing is sent from it until it is.</summary>
    public bool IsSuspended(InternetAddress address) => _suspended.Count > 0 && _suspended.Contains(address);

    /// <summary>Gives an interface an address. Null when it has it, or has too many.</summary>
    /// <param name="to">The interface.</param>
    /// <param name="address">The address.</param>
    /// <param name="prefixLength">How many of its bits the prefix has.</param>
    /// <param name="origin">Where it comes from.</param>
    /// <param name="owner">Who wants to know whether it is used.</param>
    /// <param name="added">Called with the address before it can be ready.</param>
    /// <param name="isOnLink">Whether the other addresses of the prefix are neighbours.</param>
    public InterfaceAddress? Add(
        IpInterface to,
        InternetAddress address,
        int prefixLength,
        AddressOrigin origin,
        IAddressOwner? owner = null,
        Action<InterfaceAddress>? added = null,
        bool isOnLink = true)
    {
        if (to.Addresses.Count == Capacity || to.FindAddress(address) is not null)
        {
            return null;
        }

        InterfaceAddress created = new(to, address, prefixLength, origin) { Owner = owner };
        created.Timer = new StackTimer(() => OnTimer(created));
        to.Add(created);
        if (isOnLink)
        {
            layer.Routes.TryAdd(new Route(created.Prefix, null, to, origin));
        }

        if (!address.IsIPv4)
        {
            to.Groups.Join(address.SolicitedNode);
        }

        added?.Invoke(created);
        StartDetection(created);
        return created;
    }

    /// <summary>Takes an address from its interface, and what uses it ends.</summary>
    public void Remove(InterfaceAddress address)
    {
        layer.Timers.Cancel(address.Timer!);
        IpInterface from = address.Interface;
        from.Remove(address);
        _suspended.Remove(address.Address);
        if (!address.Address.IsIPv4)
        {
            from.Groups.Leave(address.Address.SolicitedNode);
        }

        // The prefix's route stays for another address of it. A router tells of on-link prefixes apart from addresses.
        bool isShared = from.Addresses.Any(each => each.Prefix == address.Prefix);
        if (!isShared && address.Origin != AddressOrigin.RouterAdvertisement
            && layer.Routes.Find(address.Prefix, null, from) is { } route)
        {
            layer.Routes.Remove(route);
        }

        EndUse(address);
        address.State = AddressState.Tentative;
        layer.Changed?.Invoke();
    }

    /// <summary>Does not use an address until <see cref="Resume"/>: whether it is ours still is not certain. What uses it waits.</summary>
    public void Suspend(InterfaceAddress address)
    {
        layer.Timers.Cancel(address.Timer!);
        RemoveUsable(address.Address);
        _suspended.Add(address.Address);
        address.Interface.DropWaiting();
        address.State = AddressState.Tentative;
        layer.Changed?.Invoke();
    }

    /// <summary>Uses an address again once nobody else has been found to have it.</summary>
    public void Resume(InterfaceAddress address) => StartDetection(address);

    /// <summary>Sets until when an address is ours, and chosen for new flows.</summary>
    public void SetLifetimes(InterfaceAddress address, long preferredUntil, long validUntil)
    {
        (address.PreferredUntil, address.ValidUntil) = (preferredUntil, validUntil);
        if (address.IsUsable)
        {
            FollowLifetimes(address);
        }
    }

    /// <summary>Gives an interface its link-local address of IPv6, once its link carries IPv6.</summary>
    public InterfaceAddress? AddLinkLocal(IpInterface to) => to.MtuOf(isIPv4: false) == 0
        ? null
        : Add(to, LinkLocalPrefix.Address.WithInterfaceIdentifier(to.Link.Address.InterfaceIdentifier), 64, AddressOrigin.LinkLocal);

    /// <summary>
    /// Tells the link of all addresses of an interface: the domain may be at another port of another switch. An address whose timer an
    /// exception has cost goes on.
    /// </summary>
    public void Announce(IpInterface which)
    {
        foreach (InterfaceAddress address in which.Addresses.ToArray())
        {
            bool isLeft = !address.Timer!.IsSet && !IsSuspended(address.Address);
            if (address.IsUsable)
            {
                Announce(address);
                if (isLeft)
                {
                    FollowLifetimes(address);
                }
            }
            else if (isLeft && address.State == AddressState.Tentative)
            {
                StartDetection(address);
            }
        }
    }

    /// <summary>Somebody else was heard who uses an address of ours, or asks for it as we do while it is tentative.</summary>
    public void OnConflict(InterfaceAddress address)
    {
        if (address.State == AddressState.Tentative || (address.IsUsable && layer.Clock.Now < address.TrialUntil))
        {
            if (address.Owner is { } owner)
            {
                Remove(address);
                owner.OnDuplicate(address);
            }
            else
            {
                layer.Timers.Cancel(address.Timer!);
                EndUse(address);
                address.State = AddressState.Duplicate;
                layer.Changed?.Invoke();
            }

            return;
        }

        // An address in use is defended and kept (RFC 5227, section 2.4, its third choice): anybody can claim it, to take it from us.
        long now = layer.Clock.Now;
        if (address.IsUsable && (address.DefendedAt == long.MinValue || now - address.DefendedAt >= DefendInterval))
        {
            address.DefendedAt = now;
            Announce(address);
        }
    }

    private bool IsAmongUsable(InternetAddress address)
    {
        bool isUsable = _usable.ContainsKey(address);
        _lastFound = isUsable ? address : _lastFound;
        return isUsable;
    }

    private void EndUse(InterfaceAddress address)
    {
        if (address.WasReady)
        {
            address.WasReady = false;
            RemoveUsable(address.Address);
            layer.ForEachTransport(transport => transport.OnAddressRemoved(address.Address));
        }
    }

    private void RemoveUsable(InternetAddress address)
    {
        _usable.Remove(address);
        _lastFound = null;
        layer.Destinations.Forget();
    }

    private void StartDetection(InterfaceAddress address)
    {
        address.State = AddressState.Tentative;
        address.Probes = 0;
        long interval = IntervalOf(address);
        if (interval == 0)
        {
            SetReady(address);
            return;
        }

        // Machines that start together do not ask together.
        layer.Timers.Set(address.Timer!, layer.Clock.Now + layer.Random.NextTime(interval));
    }

    private void OnTimer(InterfaceAddress address)
    {
        if (address.State == AddressState.Tentative)
        {
            if (address.Probes == (address.Address.IsIPv4 ? IPv4Probes : IPv6Probes))
            {
                address.TrialUntil = address.Address.IsIPv4 ? layer.Clock.Now + TrialTime : long.MinValue;
                SetReady(address);
                return;
            }

            address.Probes++;
            layer.Timers.Set(address.Timer!, layer.Clock.Now + IntervalOf(address));
            if (address.Address.IsIPv4)
            {
                layer.Arp.SendProbe(address.Interface, address.Address);
            }
            else
            {
                layer.Discovery.SendProbe(address.Interface, address.Address);
            }
        }
        else if (address.Probes < Announcements)
        {
            AnnounceNext(address);
        }
        else
        {
            FollowLifetimes(address);
        }
    }

    private long IntervalOf(InterfaceAddress address)
    {
        TimeSpan interval = address.Address.IsIPv4 ? layer.Options.IPv4ProbeInterval : layer.Options.IPv6ProbeInterval;
        return (long)interval.TotalMilliseconds * StackTime.Millisecond;
    }

    private void SetReady(InterfaceAddress address)
    {
        address.State = AddressState.Preferred;
        address.Probes = 0;
        address.WasReady = true;
        _usable[address.Address] = address;
        layer.Destinations.Forget();
        AnnounceNext(address);
        layer.Changed?.Invoke();
        address.Owner?.OnReady(address);
        if (_suspended.Remove(address.Address))
        {
            layer.ForEachTransport(transport => transport.OnRoom());
        }
    }

    private void AnnounceNext(InterfaceAddress address)
    {
        address.Probes++;
        Announce(address);
        if (address.Probes < Announcements)
        {
            layer.Timers.Set(address.Timer!, layer.Clock.Now + AnnounceInterval);
        }
        else
        {
            FollowLifetimes(address);
        }
    }

    private void Announce(InterfaceAddress address)
    {
        if (address.Address.IsIPv4)
        {
            layer.Arp.SendAnnouncement(address.Interface, address.Address);
        }
        else
        {
            layer.Discovery.SendUnsolicited(address.Interface, address.Address);
        }
    }

    private void FollowLifetimes(InterfaceAddress address)
    {
        long now = layer.Clock.Now;
        if (address.ValidUntil <= now)
        {
            Remove(address);
            return;
        }

        AddressState state = address.PreferredUntil <= now ? AddressState.Deprecated : AddressState.Preferred;
        if (address.State != state)
        {
            address.State = state;
            layer.Changed?.Invoke();
        }

        long due = state == AddressState.Preferred ? Math.Min(address.PreferredUntil, address.ValidUntil) : address.ValidUntil;
        if (due != StackTime.Never)
        {
            layer.Timers.Set(address.Timer!, due);
        }
        else
        {
            layer.Timers.Cancel(address.Timer!);
        }
    }
}
