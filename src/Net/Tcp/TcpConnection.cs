using Xenlet.Net.Internet;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tcp;

/// <summary>
/// A connection (RFC 9293). The files of this class have its concerns: what arrives (Input), data that arrives (Data), acknowledgments
/// (Acknowledgment), loss recovery (Recovery), what is sent (Output, Segments), urgent data (Urgent), timers (Timers), segment sizes
/// (SegmentSize), what it is or has (Flags), and what is to be seen of it (Info).
/// Its user is told of events when a segment has been dealt with whole, so that it may call any method here.
/// </summary>
internal sealed partial class TcpConnection
{
    private readonly uint _timestampOffset;
    private ITcpUser _user;
    private TcpIncidents? _incidents;
    private TcpConnection? _nextInChain;

    private TcpConnection(in Flow flow, ITcpUser user, TcpBinding binding, TcpSettings? settings, SequenceNumber initial)
    {
        _user = user;
        Flow = flow;
        Binding = binding;
        _timestampOffset = Layer.TimestampOffset(flow);
        _send.Unacknowledged = initial;
        _send.Next = initial + 1;
        _send.SmallEnd = _send.Unacknowledged;
        Settings = settings ?? TcpSettings.Default;
    }

    /// <summary>The two ends.</summary>
    public Flow Flow { get; }

    /// <summary>The hold on the local port.</summary>
    public TcpBinding Binding { get; }

    public TcpState State { get; private set; }

    /// <summary>What the user has set with <see cref="Apply"/>.</summary>
    public TcpSettings Settings { get; private set; }

    /// <summary>Whether the user has closed the connection, and only the stack keeps it.</summary>
    public bool IsOrphaned
    {
        get => Has(Flag.Orphaned);
        private set => Set(Flag.Orphaned, value);
    }

    /// <summary>
    /// Whether the user reads no more (<c>shutdown</c> of the receiving side). As on Linux, what arrives is still acknowledged until the
    /// user has ended its own direction too; from then on it resets the connection.
    /// </summary>
    public bool IsReadingOver
    {
        get => Has(Flag.ReadingOver);
        set => Set(Flag.ReadingOver, value);
    }

    /// <summary>The next connection of its chain in <see cref="ConnectionTable"/>.</summary>
    public ref TcpConnection? NextInChain => ref _nextInChain;

    /// <summary>The next connection of those that wait for room on the link.</summary>
    public TcpConnection? NextWaiting { get; set; }

    /// <summary>Whether it is among those.</summary>
    public bool IsWaitingForRoom
    {
        get => Has(Flag.WaitingForRoom);
        set => Set(Flag.WaitingForRoom, value);
    }

    /// <summary>Whether it answers at the end of the batch.</summary>
    public bool IsInBatch
    {
        get => Has(Flag.InBatch);
        set => Set(Flag.InBatch, value);
    }

    private TcpIncidents Incidents => _incidents ??= new TcpIncidents();

    private TcpLayer Layer => Binding.Layer;

    private long Now => Layer.Clock.Now;

    /// <summary>
    /// The hosts that segments go through: what the user has said comes before what the peer's segments have brought (RFC 9293, MUST-52).
    /// </summary>
    private SourceRoute? Route => Flow.Remote.Address.IsIPv4 ? Settings.Route ?? _incidents?.WayBack : null;

    /// <summary>Where segments go first.</summary>
    private InternetAddress Towards => Route?.FirstHop ?? Flow.Remote.Address;

    /// <summary>Opens a connection: the SYN is sent.</summary>
    public static TcpConnection Connect(
        in Flow flow, ITcpUser user, TcpBinding binding, TcpSettings? settings, SequenceNumber initial)
    {
        TcpConnection connection = new(flow, user, binding, settings, initial) { State = TcpState.SynSent };
        connection._receiveScale = (byte)TcpLayer.ScaleFor(user.ReceiveQueue.Capacity);
        return connection;
    }

    /// <summary>Makes a connection of a SYN that was answered before; the acknowledgment of that answer is received next.</summary>
    public static TcpConnection Accept(SynRecord syn, ITcpUser user, TcpBinding binding, TcpSettings settings)
    {
        // As on Linux, a listener's own route is none of its connections'.
        TcpSettings own = settings.Route is null ? settings : settings with { Route = null };
        TcpConnection connection = new(syn.Flow, user, binding, own, syn.LocalSequence) { State = TcpState.SynReceived };
        connection.IsPassive = true;
        connection.TakeWayBack(syn.WayBack);
        connection._receiveScale = (byte)syn.LocalScale;
        connection._retries = (byte)syn.Retries;
        connection._sentAt = syn.SentAt;
        connection._stalledSince = syn.SentAt;
        connection.TakeSyn(syn.RemoteSequence, syn.Options, syn.Window);
        connection._receive.Advertised = connection._receive.Next + syn.LocalWindow;
        connection.SetTimer(TcpTimer.Retransmit, connection.Now + TcpTimes.InitialTimeout);
        return connection;
    }

    /// <summary>Sends the SYN of <see cref="Connect"/>, when the layer knows the connection.</summary>
    public void Start()
    {
        IsBusy = true;
        InternetSendResult result = SendSyn();
        if (State != TcpState.Closed)
        {
            SetTimer(TcpTimer.Retransmit, Now + _path.Timeout);
        }

        Leave();
        if (State == TcpState.SynSent && ErrorOf(result) is TcpError error and not TcpError.None)
        {
            End(error);
        }
    }

    /// <summary>The user has written more into its send queue.</summary>
    public void OnWritten()
    {
        if (State == TcpState.Closed)
        {
            return;
        }

        IsOutputDue = true;
        if (!IsBusy)
        {
            Enter();
            Leave();
        }
    }

    /// <summary>The user has taken data: there may be a window to tell of.</summary>
    public void OnConsumed()
    {
        if (State is TcpState.Closed or TcpState.SynSent or TcpState.SynReceived || IsBusy || HasPeerFinished)
        {
            return;
        }

        Enter();
        UpdateWindow();
        Leave();
    }

    /// <summary>Has other settings from now on.</summary>
    public void Apply(TcpSettings settings)
    {
        Settings = settings;
        StartKeepAlive();
        if (State is not (TcpState.Closed or TcpState.SynSent))
        {
            UpdateSegmentSize();
        }

        OnWritten();
    }

    /// <summary>The user sends no more: a FIN follows what it has written. It may go on to receive.</summary>
    public void FinishSending()
    {
        if (State == TcpState.Closed || IsFinDue)
        {
            return;
        }

        IsFinDue = true;
        State = State switch
        {
            TcpState.Established => TcpState.FinWait1,
            TcpState.CloseWait => TcpState.LastAck,
            _ => State,
        };
        OnWritten();
    }

    /// <summary>
    /// The user neither sends nor receives any more. What it has written is delivered; what arrives from now on resets the connection, as
    /// on Linux. <see cref="ITcpUser.OnEnded"/> follows when the stack needs the queues no more: when the peer has acknowledged all, the
    /// end included. The connection itself goes on for a while without its user, in FIN-WAIT-2 or TIME-WAIT.
    /// </summary>
    /// <param name="hasUnread">
    /// Whether data was left unread: then the peer is told by a reset that it was lost (RFC 2525, section 2.17).
    /// </param>
    public void Close(bool hasUnread = false)
    {
        if (State == TcpState.Closed)
        {
            return;
        }

        if (hasUnread || State == TcpState.SynSent)
        {
            Abort();
            return;
        }

        IsOrphaned = true;
        FinishSending();
        if (State == TcpState.FinWait2)
        {
            LeaveUser();
        }
    }

    /// <summary>Ends the connection now: the peer gets a reset, what was not delivered is lost.</summary>
    public void Abort(TcpError error = TcpError.None)
    {
        if (State == TcpState.Closed)
        {
            return;
        }

        if (State != TcpState.SynSent)
        {
            SendReset();
        }

        End(error);
    }

    /// <summary>The interface has gone, or the stack ends: no packet can be sent.</summary>
    public void EndSilently(TcpError error)
    {
        if (State != TcpState.Closed)
        {
            End(error);
        }
    }

    /// <summary>Whether the peer has acknowledged all that the user has written, and the end if the user has ended.</summary>
    public bool IsDelivered => State == TcpState.Closed
        || (_user.SendQueue.Length == 0 && (!IsFinDue || (IsFinSent && _send.Unacknowledged == _send.Next)));

    private void Enter() => IsBusy = true;

    /// <summary>All that the user has written is acknowledged, and it has closed: only the peer's end is missing.</summary>
    private void LeaveUser()
    {
        SetTimer(TcpTimer.FinWait2, Now + TcpTimes.OrphanedFinWait2);
        ITcpUser user = _user;
        _user = NoUser.Instance;
        user.OnEnded(TcpError.None);
    }

    private TimeWaitEntry MakeTimeWaitEntry() => new()
    {
        ReceiveNext = _receive.Next,
        SendNext = _send.Next,
        RecentTimestamp = _receive.RecentTimestamp,
        TimestampOffset = _timestampOffset,
        HasTimestamps = HasTimestamps,
        Window = (ushort)Math.Min(Math.Max(_receive.Advertised - _receive.Next, 0) >> _receiveScale, ushort.MaxValue),
    };

    /// <summary>The batch has ended: sends what is due.</summary>
    public void EndBatch()
    {
        if (State != TcpState.Closed)
        {
            Enter();
            Leave();
        }
    }

    /// <summary>Ends a call from outside: sends what there is to send, and tells the user what has come of it.</summary>
    private void Leave()
    {
        if (IsOutputDue && State != TcpState.Closed)
        {
            IsOutputDue = false;
            Output();
        }

        if (IsAcknowledgmentDue && State != TcpState.Closed)
        {
            SendAcknowledgment();
        }

        Notify();
    }

    private void Notify()
    {
        IsBusy = false;
        const Flag due = Flag.ReleaseDue | Flag.ConnectedDue | Flag.PeerFinishedDue | Flag.Orphaned | Flag.TimeWaitDue;
        if ((_flags & due) == Flag.None)
        {
            return;
        }

        if (IsReleaseDue)
        {
            IsReleaseDue = false;
            _user.SendQueue.FinishRelease();
        }

        if (IsConnectedDue && State != TcpState.Closed)
        {
            IsConnectedDue = false;
            _user.OnConnected();
        }

        if (IsPeerFinishedDue && State != TcpState.Closed)
        {
            IsPeerFinishedDue = false;
            _user.OnPeerFinished();
        }

        if (IsOrphaned && State == TcpState.FinWait2 && _user != NoUser.Instance)
        {
            LeaveUser();
        }

        if (IsTimeWaitDue && State != TcpState.Closed)
        {
            Layer.EnterTimeWait(this, MakeTimeWaitEntry());
            End(TcpError.None);
        }
    }

    private void End(TcpError error)
    {
        if (State is TcpState.SynSent or TcpState.SynReceived)
        {
            Layer.Counters.AttemptFails++;
        }
        else if (State is TcpState.Established or TcpState.CloseWait && error != TcpError.None)
        {
            Layer.Counters.EstabResets++;
        }

        bool isPeerFinishedDue = IsPeerFinishedDue && error == TcpError.None;
        State = TcpState.Closed;
        _timers?.CancelAll();
        EndFlight();
        _incidents?.Early.Clear();
        Layer.Remove(this);
        ITcpUser user = _user;
        try
        {
            if (isPeerFinishedDue)
            {
                IsPeerFinishedDue = false;
                user.OnPeerFinished();
            }
        }
        finally
        {
            user.OnEnded(error);
        }
    }
}
