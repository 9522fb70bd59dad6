using Xenlet.Net.Base;

namespace Xenlet.Net.Internet;

/// <summary>
/// The hosts of an interface's link with their hardware addresses, and whether they are still there: RFC 4861, section 7, for both
/// families, with ARP's requests in the place of solicitations for IPv4.
/// </summary>
internal sealed class NeighbourCache(InternetLayer layer, IpInterface owner)
{
    /// <summary>How many neighbours are known at most.</summary>
    public const int Capacity = 512;

    /// <summary>How many a stranger's request can add: the rest is for those that we send to.</summary>
    public const int UnsolicitedCapacity = 256;

    /// <summary>How many neighbours are being asked for at most.</summary>
    public const int IncompleteCapacity = 64;

    /// <summary>
    /// How much memory the packets take that wait for one neighbour, as Linux has it (net.ipv4.neigh.default.unres_qlen_bytes): the
    /// largest datagram gets through in fragments.
    /// </summary>
    public const int WaitingLimit = 212_992;

    /// <summary>How much those take that wait for all neighbours of the interface.</summary>
    public const int TotalWaitingLimit = 1 << 20;

    // RFC 4861, section 10.
    private const int MostSolicitations = 3;
    private const long DelayFirstProbe = 5 * StackTime.Second;

    /// <summary>For how long nothing more is tried for a neighbour that does not answer (RFC 1122, section 2.3.2.1).</summary>
    private const long FailedTime = StackTime.Second;

    /// <summary>For how long a neighbour is remembered that nothing is sent to.</summary>
    private const long UnusedTime = 10 * StackTime.Minute;

    private readonly Dictionary<InternetAddress, Neighbour> _neighbours = new();
    private int _incomplete;
    private int _waitingBytes;

    /// <summary>For how long a confirmation counts, before its random part; a router may say otherwise.</summary>
    public long BaseReachableTime { get; set; } = 30 * StackTime.Second;

    /// <summary>Between two solicitations; a router may say otherwise.</summary>
    public long RetransmitTime { get; set; } = StackTime.Second;

    public IReadOnlyCollection<Neighbour> Neighbours => _neighbours.Values;

    /// <summary>Whether packets wait for a neighbour that was asked for once.</summary>
    public bool HasWaiting => _incomplete > 0
        && _neighbours.Values.Any(each => each is { State: NeighbourState.Incomplete, Probes: <= 1 });

    public Neighbour? Find(InternetAddress address) => _neighbours.GetValueOrDefault(address);

    public bool HasFailed(InternetAddress address) =>
        _neighbours.TryGetValue(address, out Neighbour? neighbour) && neighbour.State == NeighbourState.Failed;

    /// <summary>Sends an IP packet to a neighbour, or lets it wait for the hardware address. Takes the buffer over.</summary>
    public InternetSendResult Send(PacketBuffer packet, InternetAddress address)
    {
        if (!_neighbours.TryGetValue(address, out Neighbour? neighbour))
        {
            neighbour = Create(address, layer.Clock.Now);
            Enqueue(neighbour, packet);
            Solicit(neighbour);
            return InternetSendResult.Sent;
        }

        return Send(packet, neighbour);
    }

    /// <summary>Sends an IP packet to a neighbour of this cache. Takes the buffer over.</summary>
    public InternetSendResult Send(PacketBuffer packet, Neighbour neighbour)
    {
        long now = layer.Clock.Now;
        neighbour.UsedAt = now;
        switch (neighbour.State)
        {
            case NeighbourState.Incomplete:
                Enqueue(neighbour, packet);
                return InternetSendResult.Sent;
            case NeighbourState.Failed:
                layer.Pool.Return(packet);
                return InternetSendResult.NoNeighbour;
            case NeighbourState.Stale:
                SetState(neighbour, NeighbourState.Delay, now + DelayFirstProbe);
                break;
        }

        return owner.SendPacket(packet, neighbour.HardwareAddress);
    }

    /// <summary>
    /// A neighbour has told its hardware address without being asked: with a request of its own, or by an announcement.
    /// </summary>
    /// <param name="address">The neighbour.</param>
    /// <param name="hardware">What it has told.</param>
    /// <param name="isForUs">Whether it wants something of us: then it is remembered even when it was unknown.</param>
    public void OnTold(InternetAddress address, MacAddress hardware, bool isForUs)
    {
        if (!_neighbours.TryGetValue(address, out Neighbour? neighbour))
        {
            if (!isForUs || _neighbours.Count >= UnsolicitedCapacity)
            {
                return;
            }

            neighbour = Create(address, layer.Clock.Now);
        }
        else if (neighbour.HardwareAddress == hardware && neighbour.State is not (NeighbourState.Incomplete or NeighbourState.Failed))
        {
            return;
        }

        neighbour.HardwareAddress = hardware;
        SetStale(neighbour);
        SendWaiting(neighbour);
    }

    /// <summary>A neighbour has answered (RFC 4861, section 7.2.5); ARP's replies are solicited and override.</summary>
    public void OnAnswer(InternetAddress address, MacAddress? hardware, bool isSolicited, bool isOverride, bool isRouter)
    {
        // Whom we have not asked we do not need to know.
        if (!_neighbours.TryGetValue(address, out Neighbour? neighbour))
        {
            return;
        }

        bool isUnknown = neighbour.State is NeighbourState.Incomplete or NeighbourState.Failed;
        if (isUnknown && hardware is null)
        {
            return;
        }

        bool isOther = hardware is { } told && (isUnknown || told != neighbour.HardwareAddress);
        if (!isUnknown && isOther && !isOverride)
        {
            if (neighbour.State == NeighbourState.Reachable)
            {
                SetStale(neighbour);
            }

            return;
        }

        neighbour.IsRouter = isRouter;
        if (isOther)
        {
            neighbour.HardwareAddress = hardware!.Value;
        }

        if (isSolicited)
        {
            SetReachable(neighbour);
        }
        else if (isOther)
        {
            SetStale(neighbour);
        }

        SendWaiting(neighbour);
    }

    /// <summary>Something new came back from a host behind this neighbour: it is reachable.</summary>
    public void ConfirmReachable(Neighbour neighbour)
    {
        if (neighbour.State is NeighbourState.Stale or NeighbourState.Delay or NeighbourState.Probe)
        {
            SetReachable(neighbour);
        }
    }

    /// <summary>Nothing comes back from a host behind this neighbour: it is asked with the next packet.</summary>
    public void Doubt(Neighbour neighbour)
    {
        if (neighbour.State == NeighbourState.Reachable)
        {
            SetStale(neighbour);
        }
    }

    /// <summary>Nothing that was known is certain any more: the domain has moved, or slept.</summary>
    public void DoubtAll()
    {
        foreach (Neighbour neighbour in _neighbours.Values)
        {
            if (neighbour.State is NeighbourState.Reachable or NeighbourState.Delay or NeighbourState.Probe)
            {
                SetStale(neighbour);
            }
        }
    }

    /// <summary>Forgets all neighbours.</summary>
    public void Clear()
    {
        foreach (Neighbour neighbour in _neighbours.Values)
        {
            Discard(neighbour);
        }

        layer.Destinations.Forget();
        _neighbours.Clear();
        _incomplete = 0;
    }

    /// <summary>A neighbour's time in its state is over.</summary>
    public void OnTimer(Neighbour neighbour)
    {
        switch (neighbour.State)
        {
            case NeighbourState.Incomplete when neighbour.Probes < MostSolicitations:
            case NeighbourState.Probe when neighbour.Probes < MostSolicitations:
                Solicit(neighbour);
                break;
            case NeighbourState.Incomplete:
            case NeighbourState.Probe:
                Fail(neighbour);
                break;
            case NeighbourState.Reachable:
                SetStale(neighbour);
                break;
            case NeighbourState.Delay:
                SetState(neighbour, NeighbourState.Probe, 0);
                Solicit(neighbour);
                break;
            case NeighbourState.Stale when layer.Clock.Now - neighbour.UsedAt < UnusedTime:
                layer.Timers.Set(neighbour.Timer, neighbour.UsedAt + UnusedTime);
                break;
            default:
                Remove(neighbour);
                break;
        }
    }

    private Neighbour Create(InternetAddress address, long now)
    {
        if (_incomplete == IncompleteCapacity)
        {
            Evict(isIncomplete: true);
        }

        if (_neighbours.Count == Capacity)
        {
            Evict(isIncomplete: false);
        }

        Neighbour neighbour = new(this, address) { UsedAt = now };
        _neighbours.Add(address, neighbour);
        _incomplete++;
        return neighbour;
    }

    /// <summary>Forgets whom nothing was sent to for the longest time.</summary>
    private void Evict(bool isIncomplete)
    {
        Neighbour? oldest = null;
        foreach (Neighbour each in _neighbours.Values)
        {
            if ((each.State == NeighbourState.Incomplete || !isIncomplete) && (oldest is null || each.UsedAt < oldest.UsedAt))
            {
                oldest = each;
            }
        }

        if (oldest is not null)
        {
            Leave(oldest);
            Discard(oldest);
            Remove(oldest);
        }
    }

    private void Remove(Neighbour neighbour)
    {
        layer.Destinations.Forget();
        _neighbours.Remove(neighbour.Address);
    }

    private void Discard(Neighbour neighbour)
    {
        layer.Timers.Cancel(neighbour.Timer);
        while (Dequeue(neighbour) is { } packet)
        {
            layer.Pool.Return(packet);
        }
    }

    private void Enqueue(Neighbour neighbour, PacketBuffer packet)
    {
        while (neighbour.WaitingBytes + packet.Size > WaitingLimit && Dequeue(neighbour) is { } oldest)
        {
            layer.Pool.Return(oldest);
        }

        while (_waitingBytes + packet.Size > TotalWaitingLimit && Dequeue(FindGreediest(neighbour)) is { } oldest)
        {
            layer.Pool.Return(oldest);
        }

        neighbour.Enqueue(packet);
        _waitingBytes += packet.Size;
    }

    private PacketBuffer? Dequeue(Neighbour neighbour)
    {
        PacketBuffer? packet = neighbour.Dequeue();
        _waitingBytes -= packet?.Size ?? 0;
        return packet;
    }

    /// <summary>The neighbour for which most waits: whoever has many packets wait in vain harms those for others last.</summary>
    private Neighbour FindGreediest(Neighbour greediest)
    {
        foreach (Neighbour each in _neighbours.Values)
        {
            greediest = each.WaitingBytes > greediest.WaitingBytes ? each : greediest;
        }

        return greediest;
    }

    private void Solicit(Neighbour neighbour)
    {
        neighbour.Probes++;
        layer.Timers.Set(neighbour.Timer, layer.Clock.Now + RetransmitTime);
        MacAddress? hardware = neighbour.State == NeighbourState.Probe ? neighbour.HardwareAddress : null;
        if (neighbour.Address.IsIPv4)
        {
            layer.Arp.SendRequest(owner, neighbour.Address, hardware);
        }
        else
        {
            layer.Discovery.SendSolicitation(owner, neighbour.Address, hardware);
        }
    }

    private void SetReachable(Neighbour neighbour) => SetState(
        neighbour,
        NeighbourState.Reachable,
        layer.Clock.Now + (BaseReachableTime / 2) + layer.Random.NextTime(BaseReachableTime));

    private void SetStale(Neighbour neighbour) => SetState(neighbour, NeighbourState.Stale, layer.Clock.Now + UnusedTime);

    private void SetState(Neighbour neighbour, NeighbourState state, long due)
    {
        Leave(neighbour);
        if (state == NeighbourState.Failed || neighbour.State == NeighbourState.Failed)
        {
            // A route over a router that does not answer gives way to another.
            layer.Destinations.Forget();
        }

        neighbour.State = state;
        neighbour.Probes = 0;
        layer.Timers.Set(neighbour.Timer, due);
    }

    private void Leave(Neighbour neighbour)
    {
        if (neighbour.State == NeighbourState.Incomplete)
        {
            _incomplete--;
        }
    }

    private void Fail(Neighbour neighbour)
    {
        SetState(neighbour, NeighbourState.Failed, layer.Clock.Now + FailedTime);
        while (Dequeue(neighbour) is { } packet)
        {
            layer.Errors.OnNeighbourFailed(packet);
            layer.Pool.Return(packet);
        }
    }

    private void SendWaiting(Neighbour neighbour)
    {
        // They may be the fragments of one datagram, which is nothing when the link has room for some of them alone.
        owner.BeginPacket();
        while (Dequeue(neighbour) is { } packet)
        {
            owner.SendPacket(packet, neighbour.HardwareAddress);
        }

        owner.EndPacket();
    }
}
