using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <content>What arrives: RFC 9293, section 3.10.7, with RFC 5961's defences and RFC 7323's timestamps.</content>
internal sealed partial class TcpConnection
{
    private long _receivedAt;

    // In seconds: a PAWS check of 24 days needs no more.
    private uint _recentTimestampAt;

    /// <summary>Takes a segment whose checksum is right.</summary>
    public void Receive(in TcpSegment segment)
    {
        Enter();
        if (State == TcpState.SynSent)
        {
            ReceiveInSynSent(segment);
        }
        else if (IsAcceptable(segment))
        {
            ReceiveAcceptable(segment);
        }

        if (Layer.IsBatching && State == TcpState.Established && _flight.Recovery == RecoveryState.Open && !IsAcknowledgmentUrgent
            && Layer.TryDefer(this))
        {
            // One acknowledgment, and one packet of many segments, for all that has arrived (RFC 9293, MUST-58). What tells of a gap is
            // sent for each segment, since a peer without SACK counts those.
            Notify();
            return;
        }

        Leave();
    }

    private void ReceiveInSynSent(in TcpSegment segment)
    {
        bool hasAcknowledgment = segment.Has(TcpFlags.Ack);
        if (hasAcknowledgment && (segment.Acknowledgment <= _send.Unacknowledged || segment.Acknowledgment > _send.Next))
        {
            if (!segment.Has(TcpFlags.Rst))
            {
                Layer.SendReset(Flow, segment);
            }

            return;
        }

        if (segment.Has(TcpFlags.Rst))
        {
            // Without an acknowledgment of the SYN anybody could have sent it.
            if (hasAcknowledgment)
            {
                End(TcpError.Refused);
            }

            return;
        }

        if (!segment.Has(TcpFlags.Syn))
        {
            return;
        }

        TakeSyn(segment.Sequence, segment.Options, segment.Header.Window);
        if (!hasAcknowledgment)
        {
            // Both ends open at once.
            State = TcpState.SynReceived;
            _retries = 0;
            SendSynAcknowledgment();
            SetTimer(TcpTimer.Retransmit, Now + _path.Timeout);
            return;
        }

        _send.Unacknowledged = segment.Acknowledgment;

        // As Linux counts: the SYN of an active open is acknowledged data, that of a passive one is not.
        _acknowledgedCount = 1;
        MeasureSyn(segment.Options);
        Establish();
        IsAcknowledgmentDue = true;
        TcpHeader header = segment.Header with
        {
            Sequence = segment.Sequence + 1,
            Flags = segment.Header.Flags & ~TcpFlags.Syn,
        };
        TcpSegment rest = new(header, segment.Options, segment.Data);
        if (rest.Length != 0)
        {
            ReceiveData(rest);
        }
    }

    /// <summary>The first checks: timestamps, sequence number, RST and SYN. False when the segment is done with.</summary>
    private bool IsAcceptable(in TcpSegment segment)
    {
        bool isReset = segment.Has(TcpFlags.Rst);
        if (State == TcpState.SynReceived && IsSynAcknowledgmentOfOurs(segment))
        {
            return true;
        }

        if (HasTimestamps && !isReset)
        {
            if (!segment.Options.HasTimestamps && !segment.Has(TcpFlags.Syn))
            {
                return false;
            }

            if (segment.Options.HasTimestamps && IsOldTimestamp(segment.Options.TimestampValue))
            {
                Layer.Counters.PawsDrops++;
                AnswerUnacceptable(segment);
                return false;
            }
        }

        if (!IsInWindow(segment))
        {
            if (!isReset)
            {
                AnswerUnacceptable(segment);
            }

            return false;
        }

        if (isReset)
        {
            ReceiveReset(segment);
            return false;
        }

        if (segment.Has(TcpFlags.Syn))
        {
            Challenge();
            return false;
        }

        return segment.Has(TcpFlags.Ack);
    }

    private void ReceiveAcceptable(in TcpSegment segment)
    {
        // RFC 5961, section 5: an acknowledgment of what was never sent, or of what is long past, is somebody else's guess.
        if (segment.Acknowledgment > _send.Next || segment.Acknowledgment < _send.Unacknowledged - Math.Max(_send.LargestWindow, 1))
        {
            if (State == TcpState.SynReceived)
            {
                Layer.SendReset(Flow, segment);
                return;
            }

            Challenge();
            return;
        }

        if (State == TcpState.SynReceived)
        {
            if (segment.Acknowledgment <= _send.Unacknowledged)
            {
                Layer.SendReset(Flow, segment);
                return;
            }

            _send.Unacknowledged = _send.Next;
            MeasureSyn(segment.Options);
            Establish();
            SetSendWindow(segment);
        }

        if (segment.WayBack is { } later && IsPassive && _incidents?.WayBack?.IsSameAs(later) != true)
        {
            // RFC 9293, SHLD-24.
            TakeWayBack(later);
            UpdateSegmentSize();
        }

        _receivedAt = Now;
        _keepAliveProbes = 0;
        TakeTimestamp(segment);
        ReceiveAcknowledgment(segment);
        if (State == TcpState.Closed || segment.Has(TcpFlags.Syn))
        {
            return;
        }

        if (IsUrgentByteMissing || segment.Has(TcpFlags.Urg))
        {
            ReceiveUrgent(segment);
        }

        if (segment.Length != 0)
        {
            ReceiveData(segment);
        }
    }

    /// <summary>RFC 5961, section 3: only a reset at exactly the next sequence number is one for certain.</summary>
    private void ReceiveReset(in TcpSegment segment)
    {
        if (segment.Sequence != _receive.Next)
        {
            Challenge();
            return;
        }

        End(State == TcpState.SynReceived && !IsPassive ? TcpError.Refused
            : State is TcpState.Closing or TcpState.LastAck ? TcpError.None
            : TcpError.Reset);
    }

    /// <summary>The four cases of RFC 9293, table 6; a segment without length may also stand at the end of the window.</summary>
    private bool IsInWindow(in TcpSegment segment)
    {
        int window = Math.Max(_receive.Advertised - _receive.Next, 0);
        int offset = segment.Sequence - _receive.Next;
        if (segment.Length == 0 || segment.Has(TcpFlags.Rst))
        {
            // A peer that has filled the window sends its acknowledgments from behind it.
            return offset >= 0 && offset <= window;
        }

        // With a window of 0 the data is not taken, but the acknowledgment in it is (MUST-66).
        return window == 0 ? offset == 0 : offset < window && offset + segment.Length > 0;
    }

    private bool IsSynAcknowledgmentOfOurs(in TcpSegment segment) =>
        segment.Has(TcpFlags.Syn) && segment.Has(TcpFlags.Ack) && !segment.Has(TcpFlags.Rst) && segment.Data.IsEmpty
        && segment.Sequence + 1 == _receive.Next && segment.Acknowledgment == _send.Next;

    private void AnswerUnacceptable(in TcpSegment segment)
    {
        if (segment.Data.Length > 0 && segment.Sequence < _receive.Next)
        {
            // Data that has arrived before: the peer learns so at once, and by DSACK what it sent in vain (RFC 2883).
            SetDuplicate(segment.Sequence, SequenceNumber.Min(segment.Sequence + segment.Data.Length, _receive.Next));
            AcknowledgeAtOnce();
            return;
        }

        Challenge();
    }

    /// <summary>
    /// Answers what should not have come, but not without end: two ends could keep each other busy, or serve an attacker.
    /// </summary>
    private void Challenge()
    {
        Incidents.Challenges ??= new(TcpTimes.ChallengeBurst, TcpTimes.ChallengeInterval);
        if (Incidents.Challenges.TryTake(Now))
        {
            Layer.Counters.ChallengeAcks++;
            AcknowledgeAtOnce();
        }
    }

    /// <summary>Takes what the peer's SYN says.</summary>
    private void TakeSyn(SequenceNumber sequence, in TcpOptions options, ushort window)
    {
        _receive.Next = sequence + 1;
        _receive.Advertised = SequenceNumber.Max(_receive.Next, _receive.Next + Math.Min(_user.ReceiveQueue.Room, ushort.MaxValue));
        _receive.LastAcknowledged = _receive.Next;
        _receivedAt = Now;
        _peerSegmentSize = options.MaximumSegmentSize;
        IsSackPermitted = options.IsSackPermitted;
        HasTimestamps = options.HasTimestamps;
        SetRecentTimestamp(options.TimestampValue);
        HasScale = options.HasWindowScale;
        if (HasScale)
        {
            // RFC 7323, section 2.3: more than 14 is taken for 14.
            _sendScale = Math.Min(options.WindowScale, (byte)14);
        }
        else
        {
            _receiveScale = 0;
        }

        _send.Window = window;
        _send.LargestWindow = window;
        _send.WindowSequence = sequence;
        _send.WindowAcknowledgment = _send.Unacknowledged;
        UpdateSegmentSize();
    }

    private void Establish()
    {
        State = IsFinDue ? TcpState.FinWait1 : TcpState.Established;
        CancelTimer(TcpTimer.Retransmit);
        _send.WindowAcknowledgment = _send.Unacknowledged;
        _send.SmallEnd = _send.Unacknowledged;
        _retries = 0;
        _sentAt = 0;
        _stalledSince = 0;
        UpdateSegmentSize();
        _quickAcknowledgments = QuickAcknowledgments;
        IsOutputDue = true;
        IsConnectedDue = true;
        StartKeepAlive();
    }

    private void MeasureSyn(in TcpOptions options)
    {
        if (_sentAt == 0)
        {
            return;
        }

        bool isOfFirst = HasTimestamps && options.HasTimestamps && options.TimestampEcho == _firstSynTimestamp && !IsPassive;
        if (_retries == 0 || isOfFirst)
        {
            _path.AddSample(Now - (isOfFirst ? _stalledSince : _sentAt), Now);
            return;
        }

        _path.OnSynLost();
    }

    /// <summary>Protection against wrapped sequence numbers (RFC 7323, section 5); the peer's clock is forgotten after 24 days.</summary>
    private bool IsOldTimestamp(uint value) =>
        (int)(value - _receive.RecentTimestamp) < 0 && NowInSeconds - _recentTimestampAt < TcpTimes.TimestampLife / StackTime.Second;

    private uint NowInSeconds => (uint)(Now / StackTime.Second);

    private void SetRecentTimestamp(uint value)
    {
        _receive.RecentTimestamp = value;
        _recentTimestampAt = NowInSeconds;
    }

    private void TakeTimestamp(in TcpSegment segment)
    {
        if (HasTimestamps && segment.Options.HasTimestamps && segment.Sequence <= _receive.LastAcknowledged)
        {
            SetRecentTimestamp(segment.Options.TimestampValue);
        }
    }
}
