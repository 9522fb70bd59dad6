using Xenlet.Net.Internet;

namespace Xenlet.Net.Tcp;

/// <summary>
/// A port that waits for connections. SYNs wait in a queue as long as the backlog; when it is full, cookies take its place. Nothing is
/// answered while the queue of connections to be accepted is full.
/// </summary>
internal sealed class TcpListener
{
    private const int LeastBacklog = 8;
    private const int LargestBacklog = 1_024;

    private readonly TcpLayer _layer;
    private readonly Dictionary<Flow, SynRecord> _syns;
    private readonly Stack<SynRecord> _spare = new();
    private readonly SynCookies _cookies;
    private readonly int _backlog;

    public TcpListener(TcpLayer layer, TcpBinding binding, ITcpListenUser user, TcpSettings settings, int backlog)
    {
        _layer = layer;
        _syns = new Dictionary<Flow, SynRecord>(layer.Hash);
        _cookies = new SynCookies(layer.Hash, layer.Clock);
        _backlog = Math.Clamp(backlog, LeastBacklog, LargestBacklog);
        Binding = binding;
        User = user;
        Settings = settings;
    }

    public TcpBinding Binding { get; }

    public ITcpListenUser User { get; }

    /// <summary>What connections begin with.</summary>
    public TcpSettings Settings { get; set; }

    /// <summary>How many may.</summary>
    public int Backlog => _backlog;

    /// <summary>How many SYNs wait for the acknowledgment of their answer.</summary>
    public int SynCount => _syns.Count;

    private ushort FirstWindow => (ushort)Math.Min(User.ReceiveCapacity, ushort.MaxValue);

    /// <summary>Takes a segment that belongs to no connection.</summary>
    /// <param name="flow">Its flow.</param>
    /// <param name="segment">The segment.</param>
    /// <param name="atLeast">A new connection's sequence number must lie behind this one, of a connection before (RFC 6191).</param>
    public void Receive(in Flow flow, in TcpSegment segment, SequenceNumber? atLeast)
    {
        if (_syns.TryGetValue(flow, out SynRecord? record))
        {
            ReceiveAnswer(record, segment);
        }
        else if (segment.Has(TcpFlags.Rst))
        {
            // There is nothing to reset.
        }
        else if (segment.Has(TcpFlags.Ack))
        {
            ReceiveCookie(flow, segment);
        }
        else if (segment.Has(TcpFlags.Syn) && !segment.Has(TcpFlags.Fin))
        {
            ReceiveSyn(flow, segment, atLeast);
        }
    }

    /// <summary>Forgets the SYNs. The connections made before go on.</summary>
    public void Close()
    {
        foreach (SynRecord record in _syns.Values)
        {
            _layer.Timers.Cancel(record.Timer);
            if (record.IsComplete)
            {
                // Nothing else would tell a peer that only waits for data, and whose acknowledgment came while the socket was being closed.
                _layer.SendReset(record.Flow, record.LocalSequence + 1, record.WayBack);
            }
        }

        _syns.Clear();
    }

    private void ReceiveSyn(in Flow flow, in TcpSegment segment, SequenceNumber? atLeast)
    {
        if (!User.HasRoom)
        {
            _layer.Counters.ListenDrops++;
            return;
        }

        TcpOptions options = segment.Options;
        if (_syns.Count >= _backlog)
        {
            SendCookie(flow, segment);
            return;
        }

        SynRecord record = _spare.TryPop(out SynRecord? spare) ? spare : new SynRecord(OnExpired);
        record.Flow = flow;
        record.Listener = this;
        record.Options = options;
        record.RemoteSequence = segment.Sequence;
        record.LocalSequence = _layer.InitialSequence(flow, atLeast);
        record.Window = segment.Header.Window;
        record.LocalWindow = FirstWindow;
        record.LocalScale = options.HasWindowScale ? TcpLayer.ScaleFor(User.ReceiveCapacity) : 0;
        record.WayBack = segment.WayBack;
        record.IsComplete = false;
        record.Retries = 0;
        _syns.Add(flow, record);
        Answer(record);
        _layer.Timers.Set(record.Timer, _layer.Clock.Now + TcpTimes.InitialTimeout);
    }

    private void ReceiveAnswer(SynRecord record, in TcpSegment segment)
    {
        SequenceNumber next = record.RemoteSequence + 1;
        if (segment.Has(TcpFlags.Rst))
        {
            if (segment.Sequence == next)
            {
                Remove(record);
            }

            return;
        }

        if (segment.Has(TcpFlags.Syn))
        {
            if (segment.WayBack is { } later && segment.Sequence == record.RemoteSequence)
            {
                // RFC 9293, SHLD-24.
                record.WayBack = later;
            }

            // The answer was lost, or the peer has begun anew; which one, its reply to the answer tells (RFC 5961, section 4).
            if (_layer.Clock.Now - record.SentAt >= TcpTimes.ChallengeInterval)
            {
                Answer(record);
            }

            return;
        }

        bool isInWindow = segment.Sequence >= next && segment.Sequence <= next + record.LocalWindow;
        if (!segment.Has(TcpFlags.Ack) || !isInWindow)
        {
            return;
        }

        if (segment.Acknowledgment != record.LocalSequence + 1)
        {
            _layer.SendReset(record.Flow, segment);
            return;
        }

        record.IsComplete = true;
        if (_layer.TryAccept(record, segment))
        {
            Remove(record);
        }
    }

    private void ReceiveCookie(in Flow flow, in TcpSegment segment)
    {
        SequenceNumber remote = segment.Sequence - 1;
        SequenceNumber local = segment.Acknowledgment - 1;
        if (segment.Has(TcpFlags.Syn) || !_cookies.TryRead(flow, remote, local, out ushort segmentSize))
        {
            _layer.SendReset(flow, segment);
            return;
        }

        TcpOptions options = new() { MaximumSegmentSize = segmentSize };
        if (segment.Options.HasTimestamps)
        {
            options.HasTimestamps = true;
            options.TimestampValue = segment.Options.TimestampValue;
            SynCookies.ReadTimestamp(segment.Options.TimestampEcho - _layer.TimestampOffset(flow), ref options);
        }

        SynRecord record = _spare.TryPop(out SynRecord? spare) ? spare : new SynRecord(OnExpired);
        record.Flow = flow;
        record.Listener = this;
        record.Options = options;
        record.RemoteSequence = remote;
        record.LocalSequence = local;
        record.Window = segment.Header.Window;
        record.LocalWindow = FirstWindow;
        record.LocalScale = options.HasWindowScale ? TcpLayer.ScaleFor(User.ReceiveCapacity) : 0;

        record.WayBack = segment.WayBack;

        // When the SYN came is not known: no round trip is measured, but none was lost either.
        record.Retries = 0;
        record.SentAt = 0;
        if (_layer.TryAccept(record, segment))
        {
            _layer.Counters.SynCookiesReceived++;
        }

        _spare.Push(record);
    }

    private void SendCookie(in Flow flow, in TcpSegment segment)
    {
        _layer.Counters.SynCookiesSent++;
        TcpOptions peer = segment.Options;
        TcpOptions options = new()
        {
            MaximumSegmentSize = _layer.AnnouncedSegmentSize(flow, Settings, segment.WayBack),
            HasTimestamps = peer.HasTimestamps,
            HasWindowScale = peer.HasTimestamps && peer.HasWindowScale,
            WindowScale = (byte)TcpLayer.ScaleFor(User.ReceiveCapacity),
            IsSackPermitted = peer.HasTimestamps && peer.IsSackPermitted,
            TimestampEcho = peer.TimestampValue,
        };
        if (peer.HasTimestamps)
        {
            uint offset = _layer.TimestampOffset(flow);
            options.TimestampValue = SynCookies.MakeTimestamp(_layer.TimestampNow(0), peer) + offset;
        }

        ushort size = peer.MaximumSegmentSize == 0 ? (ushort)536 : peer.MaximumSegmentSize;
        SequenceNumber cookie = _cookies.Make(flow, segment.Sequence, size);
        const TcpFlags Flags = TcpFlags.Syn | TcpFlags.Ack;
        _layer.SendAlone(flow, cookie, segment.Sequence + 1, Flags, FirstWindow, options, Settings, segment.WayBack);
    }

    private void Answer(SynRecord record)
    {
        TcpOptions options = new()
        {
            MaximumSegmentSize = _layer.AnnouncedSegmentSize(record.Flow, Settings, record.WayBack),
            HasWindowScale = record.Options.HasWindowScale,
            WindowScale = (byte)record.LocalScale,
            IsSackPermitted = record.Options.IsSackPermitted,
            HasTimestamps = record.Options.HasTimestamps,
            TimestampValue = _layer.TimestampNow(_layer.TimestampOffset(record.Flow)),
            TimestampEcho = record.Options.TimestampValue,
        };
        record.SentAt = _layer.Clock.Now;
        const TcpFlags Flags = TcpFlags.Syn | TcpFlags.Ack;
        _layer.SendAlone(
            record.Flow,
            record.LocalSequence,
            record.RemoteSequence + 1,
            Flags,
            record.LocalWindow,
            options,
            Settings,
            record.WayBack);
    }

    private void OnExpired(SynRecord record)
    {
        if (++record.Retries > TcpTimes.SynAckRetries)
        {
            Remove(record);
            return;
        }

        _layer.Counters.RetransSegs++;
        Answer(record);
        _layer.Timers.Set(record.Timer, _layer.Clock.Now + (TcpTimes.InitialTimeout << record.Retries));
    }

    private void Remove(SynRecord record)
    {
        _layer.Timers.Cancel(record.Timer);
        _syns.Remove(record.Flow);
        _spare.Push(record);
    }
}
