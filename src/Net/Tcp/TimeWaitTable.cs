namespace Xenlet.Net.Tcp;

/// <summary>What is kept of a connection in TIME-WAIT.</summary>
internal struct TimeWaitEntry
{
    /// <summary>The sequence number behind the peer's FIN.</summary>
    public SequenceNumber ReceiveNext;

    /// <summary>The sequence number behind our FIN.</summary>
    public SequenceNumber SendNext;

    /// <summary>The peer's last timestamp.</summary>
    public uint RecentTimestamp;

    /// <summary>The offset of our timestamps.</summary>
    public uint TimestampOffset;

    public ushort Window;

    public bool HasTimestamps;

    /// <summary>When it ends, in nanoseconds.</summary>
    public long Due;

    /// <summary>When it has answered last.</summary>
    public long AnsweredAt;
}

/// <summary>
/// Connections in TIME-WAIT: small entries, with one timer for all. Their number is bounded: then the oldest goes, whose late segments are
/// the least likely to come.
/// </summary>
internal sealed class TimeWaitTable
{
    private readonly Dictionary<Flow, TimeWaitEntry> _entries;
    private readonly Queue<(Flow Flow, long Due)> _order = new();
    private readonly StackTimers _timers;
    private readonly StackTimer _timer;
    private readonly IStackClock _clock;
    private readonly int _limit;

    public TimeWaitTable(StackTimers timers, IStackClock clock, KeyedHash hash, int limit)
    {
        _entries = new Dictionary<Flow, TimeWaitEntry>(hash);
        _timers = timers;
        _clock = clock;
        _limit = limit;
        _timer = new StackTimer(OnExpired);
    }

    public int Count => _entries.Count;

    public IReadOnlyCollection<Flow> Flows => _entries.Keys;

    public void Add(in Flow flow, TimeWaitEntry entry)
    {
        // Entries that were renewed or reused stand in the order more than once; the order is bounded all the same.
        while (_entries.Count >= _limit || _order.Count >= 2 * _limit)
        {
            RemoveOldest();
        }

        entry.Due = _clock.Now + TcpTimes.TimeWait;
        _entries[flow] = entry;
        _order.Enqueue((flow, entry.Due));
        if (!_timer.IsSet)
        {
            _timers.Set(_timer, entry.Due);
        }
    }

    public bool TryGet(in Flow flow, out TimeWaitEntry entry) => _entries.TryGetValue(flow, out entry);

    /// <summary>Keeps a changed entry, for as long as it has left.</summary>
    public void Update(in Flow flow, in TimeWaitEntry entry) => _entries[flow] = entry;

    public void Remove(in Flow flow)
    {
        _entries.Remove(flow);
        if (_entries.Count == 0)
        {
            _order.Clear();
            _timers.Cancel(_timer);
        }
    }

    private void RemoveOldest()
    {
        (Flow flow, long due) = _order.Dequeue();
        if (_entries.TryGetValue(flow, out TimeWaitEntry entry) && entry.Due == due)
        {
            _entries.Remove(flow);
        }
    }

    private void OnExpired()
    {
        long now = _clock.Now;
        while (_order.TryPeek(out (Flow Flow, long Due) oldest) && oldest.Due <= now)
        {
            RemoveOldest();
        }

        if (_order.TryPeek(out (Flow Flow, long Due) next))
        {
            _timers.Set(_timer, next.Due);
        }
    }
}
