using Xenlet.Net.Base;
using Xenlet.Net.Internet;

namespace Xenlet.Net.Tcp;

/// <summary>
/// TCP of a stack: all connections, listeners and ports. One thread owns it. It takes what the internet layer has received, and sends
/// through <see cref="IInternetOutput"/>; time, timers and randomness are handed in.
/// </summary>
internal sealed partial class TcpLayer
{
    private const int TimeWaitLimit = 16_384;

    // As many frames as a device's receive ring has.
    private const int BatchLimit = 256;

    private readonly ConnectionTable _connections;
    private readonly List<TcpListener> _listeners = [];
    private readonly TimeWaitTable _timeWaits;
    private TcpConnection? _firstWaiting;
    private TcpConnection? _lastWaiting;
    private readonly TcpConnection?[] _batch = new TcpConnection?[BatchLimit];
    private int _batchCount;

    public TcpLayer(IInternetOutput output, IStackClock clock, StackTimers timers, IRandomSource random)
    {
        Output = output;
        Clock = clock as HeldClock ?? new HeldClock(clock);
        Timers = timers;
        Hash = new KeyedHash(random);
        Ports = new TcpPorts(new RandomNumbers(random));
        _connections = new ConnectionTable(Hash);
        Flights = new TcpFlights(Rings);
        ConnectionTimers = new TcpConnectionTimerPool(this);
        _timeWaits = new TimeWaitTable(timers, clock, Hash, TimeWaitLimit);
    }

    public IInternetOutput Output { get; }

    // Its own type, since a segment asks for the time some ten times: a call by an interface would be much of what the answer takes.
    public HeldClock Clock { get; }

    /// <summary>Where connections have their rings from.</summary>
    public SegmentRings Rings { get; } = new();

    /// <summary>Where connections with something under way have their flights from.</summary>
    public TcpFlights Flights { get; }

    /// <summary>Where connections have their timers from.</summary>
    public TcpConnectionTimerPool ConnectionTimers { get; }

    public StackTimers Timers { get; }

    public KeyedHash Hash { get; }

    public TcpPorts Ports { get; }

    public TcpCounters Counters { get; } = new();

    /// <summary>Makes the congestion control of a connection.</summary>
    public Func<ICongestionControl> CongestionControl { get; init; } = () => new Cubic();

    /// <summary>Which options are offered and taken.</summary>
    public TcpFeatures Features { get; init; } = TcpFeatures.All;

    /// <summary>The connections, for a list of them; none may be opened or ended meanwhile.</summary>
    public IReadOnlyCollection<TcpConnection> Connections => _connections;

    /// <summary>The ports that wait for connections.</summary>
    public IReadOnlyList<TcpListener> Listeners => _listeners;

    /// <summary>How many connections are in TIME-WAIT.</summary>
    public int TimeWaitCount => _timeWaits.Count;

    /// <summary>The connections in TIME-WAIT.</summary>
    public IReadOnlyCollection<Flow> TimeWaits => _timeWaits.Flows;

    /// <summary>Takes a packet over whose data begins with a TCP header.</summary>
    public void Receive(PacketBuffer packet, in InternetHeader header)
    {
        try
        {
            ReceiveSegment(packet, header);
        }
        finally
        {
            Output.Pool.Return(packet);
        }
    }

    /// <summary>An ICMP error about a segment that was sent.</summary>
    /// <param name="flow">Its flow.</param>
    /// <param name="sequence">Its sequence number, as the error quotes it.</param>
    /// <param name="error">What is said: <see cref="TcpError.Refused"/>, or that network or host are not to be reached.</param>
    /// <param name="isHard">Whether it is a port or protocol that is not there, rather than a route that may come back.</param>
    public void OnError(in Flow flow, uint sequence, TcpError error, bool isHard)
    {
        if (_connections.TryGet(flow, out TcpConnection? connection))
        {
            connection.OnError(error, new SequenceNumber(sequence), isHard);
        }
    }

    /// <summary>
    /// The path to an address carries packets of another size: <see cref="IInternetOutput.PathMtu"/> answers the new one. Null for all.
    /// </summary>
    public void OnMtuChanged(InternetAddress? remote = null)
    {
        foreach (TcpConnection connection in Snapshot())
        {
            if (remote is null || connection.Flow.Remote.Address == remote)
            {
                Guard(connection, static each => each.OnMtuChanged());
            }
        }
    }

    /// <summary>The link has room again: those that found none go on, the first of them first.</summary>
    public void OnRoom()
    {
        TcpConnection? connection = _firstWaiting;
        _firstWaiting = _lastWaiting = null;
        while (connection is not null)
        {
            TcpConnection? next = connection.NextWaiting;
            connection.NextWaiting = null;
            connection.IsWaitingForRoom = false;
            Guard(connection, static each => each.OnRoom());
            connection = next;
        }
    }

    /// <summary>A local address has gone, or all of them with the stack (null): its connections end.</summary>
    public void OnAddressGone(InternetAddress? local, TcpError error)
    {
        foreach (TcpConnection connection in Snapshot())
        {
            if (local is null || connection.Flow.Local.Address == local)
            {
                Guard(connection, each => each.EndSilently(error));
            }
        }
    }

    /// <summary>Hears of exceptions after which a connection has ended.</summary>
    public Action<Exception>? Faulted { get; set; }

    /// <summary>An exception of the stack while it served a connection: that one ends, the others go on.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="error">The exception; null if the caller has told of it.</param>
    public void OnFault(TcpConnection connection, Exception? error = null)
    {
        Counters.Faults++;
        try
        {
            connection.Abort(TcpError.Reset);
        }
#pragma warning disable CA1031 // Not even the reset can be made: the connection goes without one.
        catch (Exception)
        {
            connection.EndSilently(TcpError.Reset);
        }
#pragma warning restore CA1031

        if (error is not null)
        {
            Faulted?.Invoke(error);
        }
    }

    /// <summary>Whether segments are received in a batch.</summary>
    public bool IsBatching { get; private set; }

    /// <summary>
    /// Several segments will be received one after the other: connections answer at the end, once for all. Optional; without it each
    /// segment is answered by itself.
    /// </summary>
    public void BeginBatch() => IsBatching = true;

    /// <summary>The last segment of the batch has been received.</summary>
    public void EndBatch()
    {
        IsBatching = false;
        for (int i = 0; i < _batchCount; i++)
        {
            TcpConnection connection = _batch[i]!;
            _batch[i] = null;
            connection.IsInBatch = false;
            Guard(connection, static each => each.EndBatch());
        }

        _batchCount = 0;
    }

    /// <summary>
    /// Has a connection answer at the end of the batch: those whose segments came first before the others. False if too many do already.
    /// </summary>
    public bool TryDefer(TcpConnection connection)
    {
        if (!connection.IsInBatch)
        {
            if (_batchCount == BatchLimit)
            {
                return false;
            }

            connection.IsInBatch = true;
            _batch[_batchCount++] = connection;
        }

        return true;
    }

    public bool Has(TcpFeatures feature) => (Features & feature) != 0;

    public void WaitForRoom(TcpConnection connection)
    {
        if (connection.IsWaitingForRoom)
        {
            return;
        }

        connection.IsWaitingForRoom = true;
        if (_lastWaiting is null)
        {
            _firstWaiting = connection;
        }
        else
        {
            _lastWaiting.NextWaiting = connection;
        }

        _lastWaiting = connection;
    }

    public void Remove(TcpConnection connection)
    {
        if (_connections.Remove(connection))
        {
            Ports.Release(connection.Binding);
        }
    }

    public void EnterTimeWait(TcpConnection connection, in TimeWaitEntry entry) => _timeWaits.Add(connection.Flow, entry);

    private TcpConnection[] Snapshot() => [.. _connections];

    private void ReceiveSegment(PacketBuffer packet, in InternetHeader header)
    {
        Counters.InSegs++;
        if (packet.Head.Length < TcpHeader.LargestSize)
        {
            packet.Settle();
        }

        if (!TcpHeader.TryRead(packet.Head, out TcpHeader tcp))
        {
            Counters.InErrs++;
            return;
        }

        // MUST-57 and MUST-63: nobody speaks TCP to or from a group.
        if (!header.Source.IsOneHost || !header.Destination.IsOneHost)
        {
            return;
        }

        if (packet.Offload is { IsChecksumPartial: false, IsChecksumVerified: false }
            && !TcpChecksum.IsRight(header.Source, header.Destination, packet.Data))
        {
            Counters.InErrs++;
            Counters.InCsumErrors++;
            return;
        }

        Flow flow = new(
            new Endpoint(header.Destination, tcp.DestinationPort), new Endpoint(header.Source, tcp.SourcePort));
        TcpOptions options = TcpOptions.Read(packet.Head[TcpHeader.FixedSize..tcp.HeaderSize]);
        if ((tcp.Flags & TcpFlags.Syn) != 0 && Features != TcpFeatures.All)
        {
            options.HasTimestamps &= Has(TcpFeatures.Timestamps);
            options.HasWindowScale &= Has(TcpFeatures.WindowScaling);
            options.IsSackPermitted &= Has(TcpFeatures.Sack);
        }

        TcpSegment segment = new(tcp, options, new(packet, tcp.HeaderSize, packet.Length - tcp.HeaderSize))
        {
            WayBack = header.Route,
        };
        if (_connections.TryGet(flow, out TcpConnection? connection))
        {
            Serve(connection, segment);
            return;
        }

        SequenceNumber? atLeast = null;
        if (_timeWaits.TryGet(flow, out TimeWaitEntry entry) && !EndsTimeWait(flow, segment, entry, out atLeast))
        {
            return;
        }

        if (FindListener(flow, header.InterfaceIndex) is TcpListener listener)
        {
            Serve(listener, flow, segment, atLeast);
        }
        else if (!segment.Has(TcpFlags.Rst))
        {
            SendReset(flow, segment);
        }
    }

    private void Serve(TcpConnection connection, in TcpSegment segment)
    {
        try
        {
            connection.Receive(segment);
        }
#pragma warning disable CA1031 // A fault of the stack ends the connection that it served, and no other.
        catch (Exception error)
        {
            OnFault(connection, error);
        }
#pragma warning restore CA1031
    }

    /// <summary>Has a listener take a segment, which an exception loses: the peer sends it again.</summary>
    private void Serve(TcpListener listener, in Flow flow, in TcpSegment segment, SequenceNumber? atLeast)
    {
        try
        {
            listener.Receive(flow, segment, atLeast);
        }
        catch (Exception error) when (Faulted is not null)
        {
            Counters.Faults++;
            Faulted(error);
        }
    }

    private void Guard(TcpConnection connection, Action<TcpConnection> action)
    {
        try
        {
            action(connection);
        }
#pragma warning disable CA1031 // A fault of the stack ends the connection that it served, and no other.
        catch (Exception error)
        {
            OnFault(connection, error);
        }
#pragma warning restore CA1031
    }

    /// <summary>
    /// Answers for a connection in TIME-WAIT. True when the segment is a SYN that may open a new one: with a later timestamp, or a sequence
    /// number behind all of the old ones (RFC 6191).
    /// </summary>
    private bool EndsTimeWait(in Flow flow, in TcpSegment segment, TimeWaitEntry entry, out SequenceNumber? atLeast)
    {
        atLeast = null;
        if (segment.Has(TcpFlags.Rst))
        {
            // RFC 1337: a reset does not cut TIME-WAIT short.
            return false;
        }

        bool hasBoth = entry.HasTimestamps && segment.Options.HasTimestamps;
        bool isLater = hasBoth
            ? (int)(segment.Options.TimestampValue - entry.RecentTimestamp) > 0
                || (segment.Options.TimestampValue == entry.RecentTimestamp && segment.Sequence > entry.ReceiveNext)
            : segment.Sequence > entry.ReceiveNext;
        if (segment.Has(TcpFlags.Syn) && !segment.Has(TcpFlags.Ack) && isLater)
        {
            atLeast = entry.SendNext + ushort.MaxValue;
            _timeWaits.Remove(flow);
            return true;
        }

        if (segment.Length == 0 || Clock.Now - entry.AnsweredAt < TcpTimes.LeastVariation)
        {
            return false;
        }

        bool isAgain = segment.Has(TcpFlags.Fin) && segment.End == entry.ReceiveNext;
        entry.AnsweredAt = Clock.Now;
        TcpOptions options = new()
        {
            HasTimestamps = entry.HasTimestamps,
            TimestampValue = TimestampNow(entry.TimestampOffset),
            TimestampEcho = entry.RecentTimestamp,
        };
        SendAlone(flow, entry.SendNext, entry.ReceiveNext, TcpFlags.Ack, entry.Window, options, route: segment.WayBack);
        if (isAgain)
        {
            _timeWaits.Add(flow, entry);
        }
        else
        {
            _timeWaits.Update(flow, entry);
        }

        return false;
    }
}
