using Xenlet.Net.Base;
using Xenlet.Net.Configuration;
using Xenlet.Net.Internet;
using Xenlet.Net.Udp;
using Xenlet.Net.Wire;

namespace Xenlet.Net;

/// <summary>Gets an address for an interface, and what belongs to it, from a DHCP server (RFC 2131).</summary>
public sealed class DhcpClient : IUdpUser, IAddressOwner
{
    private const ushort ServerPort = 67;
    private const ushort ClientPort = 68;

    /// <summary>
    /// The first question is repeated after a second, and each later one after twice the time, up to about a minute. RFC 2131 begins with
    /// four seconds, for a network that a crowd of hosts shares.
    /// </summary>
    private const long FirstInterval = StackTime.Second;
    private const long LongestInterval = 64 * StackTime.Second;

    /// <summary>An offer, or a lease from before a pause, is asked for so often; then the client begins again.</summary>
    private const int MostRequests = 4;

    /// <summary>After an address that somebody else has (RFC 2131, section 3.1), and after a refusal.</summary>
    private const long DeclineWait = 10 * StackTime.Second;
    private const long RefusalWait = StackTime.Second;

    /// <summary>Between two requests to extend a lease (RFC 2131, section 4.4.5).</summary>
    private const long ShortestRenewal = 60 * StackTime.Second;

    private readonly InternetLayer _layer;
    private readonly IpInterface _interface;
    private readonly ResolverConfiguration _resolver;
    private readonly UdpEndpoint _endpoint;
    private readonly StackTimer _timer;
    private readonly string _hostName;
    private InterfaceAddress? _address;
    private DhcpLease? _lease;
    private DhcpLease? _coming;
    private InternetAddress _offered;
    private InternetAddress _server;
    private uint _transaction;
    private int _attempts;
    private long _startedAt;
    private long _leasedAt;
    private DateTime _leasedUtc;

    internal DhcpClient(InternetLayer layer, UdpLayer udp, ResolverConfiguration resolver, IpInterface which, string hostName)
    {
        _layer = layer;
        _interface = which;
        _resolver = resolver;
        _hostName = hostName;
        _timer = new StackTimer(OnTimer);
        _endpoint = new UdpEndpoint(udp, this, isIPv6: false) { CanSendUnconfigured = true };
        _endpoint.Options.BoundInterface = which.Index;
        _endpoint.Options.CanBroadcast = true;
    }

    /// <summary>What the client is doing.</summary>
    public DhcpState State { get; private set; }

    /// <summary>The address that it has got; null while it has none.</summary>
    public InternetAddress? Address => _address?.Address;

    /// <summary>The server of the lease.</summary>
    public InternetAddress? Server => _lease?.Server;

    private ConfigurationSource Source => new(_interface, AddressOrigin.Dhcp, default);

    bool IUdpUser.TryReceive(in UdpOrigin origin, ReadOnlySpan<byte> data)
    {
        if (State != DhcpState.Stopped && origin.Remote.Port == ServerPort && DhcpMessage.TryRead(data, out DhcpMessage message)
            && message.TransactionId == _transaction && message.ClientAddress == _interface.Link.Address)
        {
            OnMessage(message);
        }

        return true;
    }

    void IUdpUser.OnError(NetworkError reason)
    {
        // The endpoint has no peer, so there are none.
    }

    void IUdpUser.OnWritable()
    {
        // What found no room is sent again by the timer.
    }

    void IAddressOwner.OnReady(InterfaceAddress address)
    {
        if (_coming is { } lease)
        {
            _coming = null;
            Use(lease);
        }
    }

    void IAddressOwner.OnDuplicate(InterfaceAddress address)
    {
        DhcpLease? refused = _coming ?? _lease;
        _address = null;
        Forget();
        if (refused is not null)
        {
            Send(DhcpOption.Decline, InternetAddress.AnyIPv4, refused.Address, refused.Server, InternetAddress.LimitedBroadcast);
        }

        Restart(DeclineWait);
    }

    /// <summary>Begins to ask for an address.</summary>
    internal NetworkError Start()
    {
        NetworkError error = _endpoint.Bind(new Endpoint(InternetAddress.AnyIPv4, ClientPort));
        if (error == NetworkError.None)
        {
            _interface.ExpectsLease = true;
            Restart(0);
        }

        return error;
    }

    /// <summary>Gives the address back, and ends.</summary>
    internal void Stop()
    {
        if (_lease is { } lease && _address is { IsUsable: true } && !_interface.IsRemoved)
        {
            Send(DhcpOption.Release, lease.Address, null, lease.Server, lease.Server);
        }

        State = DhcpState.Stopped;
        _layer.Timers.Cancel(_timer);
        _interface.ExpectsLease = false;
        _endpoint.Close();
        if (_address is not null && !_interface.IsRemoved)
        {
            RemoveAddress();
        }

        Forget();
    }

    /// <summary>
    /// The domain may have slept, or moved. Whether the lease still holds is asked for; an address whose time may be over is not used
    /// meanwhile.
    /// </summary>
    internal void OnLinkChanged()
    {
        if (_lease is not { } lease || _address is null || State == DhcpState.Checking)
        {
            if (State != DhcpState.Stopped)
            {
                Restart(0);
            }

            return;
        }

        if (Elapsed() >= StackTime.After(0, lease.Time))
        {
            _layer.Addresses.Suspend(_address);
        }

        State = DhcpState.Rebooting;
        Begin();
    }

    private void OnMessage(in DhcpMessage message)
    {
        byte type = message.GetByte(DhcpOption.MessageType) ?? 0;
        InternetAddress? server = message.GetAddress(DhcpOption.ServerIdentifier);
        switch (type)
        {
            case DhcpOption.Offer when State == DhcpState.Selecting && server is { } offering
                && DhcpLease.IsHostAddress(message.YourAddress):
                _offered = message.YourAddress;
                _server = offering;
                State = DhcpState.Requesting;
                _attempts = 0;
                OnTimer();
                break;
            case DhcpOption.Acknowledge when ExpectsAnswerOf(server) && DhcpLease.Read(message) is { } lease:
                Take(lease);
                break;
            case DhcpOption.Refuse when ExpectsAnswerOf(server):
                RemoveAddress();
                Forget();
                Restart(RefusalWait);
                break;
        }
    }

    /// <summary>Whether an answer of the server is waited for. Any server may answer what was sent to all.</summary>
    private bool ExpectsAnswerOf(InternetAddress? server) => State switch
    {
        DhcpState.Requesting or DhcpState.Renewing => server == _server,
        DhcpState.Rebinding or DhcpState.Rebooting => server is not null,
        _ => false,
    };

    private void Take(DhcpLease lease)
    {
        _server = lease.Server;
        _leasedAt = _startedAt;
        _leasedUtc = _layer.Clock.UtcNow - TimeSpan.FromTicks((_layer.Clock.Now - _startedAt) / 100);
        if (_address is { } address && (address.Address != lease.Address || address.Prefix.Length != lease.PrefixLength))
        {
            RemoveAddress();
            Forget();
        }

        if (_address is { IsUsable: true })
        {
            Use(lease);
            return;
        }

        // Nobody may have the address already (RFC 2131, section 4.4.1); then the lease begins to be used.
        State = DhcpState.Checking;
        _coming = lease;
        _layer.Timers.Cancel(_timer);
        if (_address is not null)
        {
            _layer.Addresses.Resume(_address);
            return;
        }

        // The address may be ready before the call is over, so the owner hears of it through the field.
        InterfaceAddress? added = _layer.Addresses.Add(
            _interface, lease.Address, lease.PrefixLength, AddressOrigin.Dhcp, this, added => _address = added);
        if (added is null)
        {
            _coming = null;
            Restart(DeclineWait);
        }
    }

    private void Use(DhcpLease lease)
    {
        Forget();
        _lease = lease;
        State = DhcpState.Bound;
        foreach ((NetworkPrefix prefix, InternetAddress gateway) in lease.Routes)
        {
            _layer.Routes.TryAdd(new Route(prefix, gateway.IsAny ? null : gateway, _interface, AddressOrigin.Dhcp));
        }

        foreach (InternetAddress server in lease.Servers)
        {
            _resolver.SetServer(Source, server, StackTime.Never);
        }

        foreach (string domain in lease.Domains)
        {
            _resolver.SetDomain(Source, domain, StackTime.Never);
        }

        _layer.Changed?.Invoke();
        FollowLease(lease);
    }

    /// <summary>Drops the lease with its routes and names; the address is the caller's matter.</summary>
    private void Forget()
    {
        _lease = null;
        _layer.Routes.RemoveWhere(
            route => route.Interface == _interface && route.Origin == AddressOrigin.Dhcp && route.Prefix != _address?.Prefix);
        _resolver.Clear(Source);
    }

    private void RemoveAddress()
    {
        if (_address is { } address)
        {
            _address = null;
            _layer.Addresses.Remove(address);
        }
    }

    /// <summary>Asks for offers, after a while.</summary>
    private void Restart(long wait)
    {
        State = DhcpState.Selecting;
        _coming = null;
        _attempts = 0;
        _startedAt = _layer.Clock.Now;
        _transaction = _layer.Random.NextUInt32();

        // Machines that start together do not ask together.
        _layer.Timers.Set(_timer, _layer.Clock.Now + wait + _layer.Random.NextTime(100 * StackTime.Millisecond));
    }

    /// <summary>Begins an exchange about the lease.</summary>
    private void Begin()
    {
        _attempts = 0;
        _startedAt = _layer.Clock.Now;
        _transaction = _layer.Random.NextUInt32();
        OnTimer();
    }

    private void OnTimer()
    {
        switch (State)
        {
            case DhcpState.Selecting:
                Send(DhcpOption.Discover, InternetAddress.AnyIPv4, null, null, InternetAddress.LimitedBroadcast);
                Repeat();
                break;
            case DhcpState.Requesting:
                if (_attempts == MostRequests)
                {
                    Restart(0);
                    break;
                }

                _startedAt = _layer.Clock.Now;
                Send(DhcpOption.Request, InternetAddress.AnyIPv4, _offered, _server, InternetAddress.LimitedBroadcast);
                Repeat();
                break;
            case DhcpState.Rebooting:
                if (_attempts == MostRequests)
                {
                    GoOnWithoutAnswer();
                    break;
                }

                Send(DhcpOption.Request, InternetAddress.AnyIPv4, _lease!.Address, null, InternetAddress.LimitedBroadcast);
                Repeat();
                break;
            case DhcpState.Bound or DhcpState.Renewing or DhcpState.Rebinding:
                FollowLease(_lease!);
                break;
        }
    }

    /// <summary>No server answers after a pause: a lease whose time is not over goes on (RFC 2131, section 3.2).</summary>
    private void GoOnWithoutAnswer()
    {
        if (_address is { IsUsable: true })
        {
            State = DhcpState.Bound;
            FollowLease(_lease!);
        }
        else
        {
            RemoveAddress();
            Forget();
            Restart(0);
        }
    }

    private void Repeat()
    {
        long interval = Math.Min(FirstInterval << Math.Min(_attempts, 6), LongestInterval);
        _attempts++;
        _layer.Timers.Set(
            _timer, _layer.Clock.Now + interval - (interval / 8) + _layer.Random.NextTime(interval / 4));
    }

    /// <summary>
    /// Nanoseconds since the lease began: of the stack's clock, or more when the time of day says that a pause was longer.
    /// </summary>
    private long Elapsed()
    {
        long wall = (_layer.Clock.UtcNow - _leasedUtc).Ticks * 100;
        return Math.Max(wall, _layer.Clock.Now - _leasedAt);
    }

    private void FollowLease(DhcpLease lease)
    {
        if (lease.Time == uint.MaxValue)
        {
            _layer.Timers.Cancel(_timer);
            return;
        }

        long elapsed = Elapsed();
        long end = lease.Time * StackTime.Second;
        long rebinding = lease.RebindingTime * StackTime.Second;
        long renewal = lease.RenewalTime * StackTime.Second;
        if (elapsed >= end)
        {
            RemoveAddress();
            Forget();
            Restart(0);
            return;
        }

        if (elapsed < renewal)
        {
            _layer.Timers.Set(_timer, _layer.Clock.Now + renewal - elapsed);
            return;
        }

        bool isRebinding = elapsed >= rebinding;
        DhcpState state = isRebinding ? DhcpState.Rebinding : DhcpState.Renewing;
        if (State != state)
        {
            State = state;
            _transaction = _layer.Random.NextUInt32();
        }

        _startedAt = _layer.Clock.Now;
        InternetAddress destination = isRebinding ? InternetAddress.LimitedBroadcast : lease.Server;
        Send(DhcpOption.Request, lease.Address, null, null, destination);
        long rest = (isRebinding ? end : rebinding) - elapsed;
        _layer.Timers.Set(_timer, _layer.Clock.Now + Math.Min(rest, Math.Max(rest / 2, ShortestRenewal)));
    }

    private void Send(
        byte type, InternetAddress clientAddress, InternetAddress? requested, InternetAddress? server, InternetAddress destination)
    {
        long seconds = (_layer.Clock.Now - _startedAt) / StackTime.Second;
        PacketBuffer packet = _layer.Pool.Rent(DhcpWriter.Size);
        DhcpWriter writer = new(
            packet.Append(DhcpWriter.Size),
            _transaction,
            (ushort)Math.Min(seconds, ushort.MaxValue),
            clientAddress,
            _interface.Link.Address,
            type);
        if (requested is { } address)
        {
            writer.Add(DhcpOption.RequestedAddress, address);
        }

        if (server is { } identifier)
        {
            writer.Add(DhcpOption.ServerIdentifier, identifier);
        }

        if (type is DhcpOption.Discover or DhcpOption.Request)
        {
            writer.Add(DhcpOption.MaximumSize, [0x05, 0xC0]);
            writer.Add(
                DhcpOption.ParameterList,
                [
                    DhcpOption.SubnetMask, DhcpOption.ClasslessRoutes, DhcpOption.Routers, DhcpOption.DnsServers,
                    DhcpOption.DomainName, DhcpOption.DomainSearch, DhcpOption.RenewalTime, DhcpOption.RebindingTime,
                ]);
            writer.AddName(DhcpOption.HostName, _hostName);
        }

        writer.End();
        _endpoint.Send(packet, new Endpoint(destination, ServerPort));
    }
}
