using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <content>Acknowledgments: windows, the scoreboard, round trips.</content>
internal sealed partial class TcpConnection
{
    private const int PartialBlocksLimit = SentSegments.Limit / 2;

    private SendVariables _send;
    private RoundTripEstimator _path;
    private byte _sendScale;

    private void ReceiveAcknowledgment(in TcpSegment segment)
    {
        AcknowledgmentSummary summary = new() { InFlightBefore = _flight.Sent.InFlight };
        SequenceNumber acknowledged = segment.Acknowledgment;
        int windowBefore = _send.Window;
        if (acknowledged >= _send.Unacknowledged
            && (segment.Sequence > _send.WindowSequence
                || (segment.Sequence == _send.WindowSequence && acknowledged >= _send.WindowAcknowledgment)))
        {
            SetSendWindow(segment);
        }

        if (acknowledged < _send.Unacknowledged)
        {
            TakeSack(segment, ref summary);
            if (summary.Delivered > 0 || summary.HasDuplicate)
            {
                Recover(summary);
                IsOutputDue = true;
            }

            return;
        }

        _windowProbes = 0;
        summary.IsOfOriginal = HasTimestamps && _flight.RetransmissionStamp is uint stamp && segment.Options.HasTimestamps
            && (int)(segment.Options.TimestampEcho - stamp) < 0;
        TakeSack(segment, ref summary);
        bool isRepeated = acknowledged == _send.Unacknowledged && windowBefore == _send.Window;
        summary.IsDuplicate = isRepeated && _flight.Sent.Count > 0 && segment.Length == 0;
        if (acknowledged > _send.Unacknowledged)
        {
            Advance(segment, ref summary);
        }

        if (State == TcpState.Closed)
        {
            return;
        }

        Recover(summary);
        if (summary.Acknowledged > 0 || _flight.Sent.Count == 0)
        {
            RestartRetransmission();
        }

        IsOutputDue = true;
    }

    private void SetSendWindow(in TcpSegment segment)
    {
        _send.Window = segment.Header.Window << _sendScale;
        _send.LargestWindow = Math.Max(_send.LargestWindow, _send.Window);
        _send.WindowSequence = segment.Sequence;
        _send.WindowAcknowledgment = segment.Acknowledgment;
    }

    /// <summary>Takes off what is acknowledged in order.</summary>
    private void Advance(in TcpSegment segment, ref AcknowledgmentSummary summary)
    {
        SequenceNumber acknowledged = segment.Acknowledgment;
        long now = Now;
        int count = acknowledged - _send.Unacknowledged;
        bool isFinAcknowledged = IsFinSent && acknowledged == _send.Next;
        while (_flight.Sent.Count > 0 && _flight.Sent[0].Start < acknowledged)
        {
            SentSegment first = _flight.Sent[0];
            if (first.End <= acknowledged)
            {
                Deliver(first, now, ref summary);
            }

            if (first.Has(SentState.SentAgain))
            {
                summary.HasRetransmitted = true;
            }

            if (!first.Has(SentState.Sacked))
            {
                summary.Delivered += SequenceNumber.Min(first.End, acknowledged) - first.Start;
            }

            _flight.Sent.RemoveUpTo(acknowledged, Layer.Rings);
        }

        _send.Unacknowledged = acknowledged;
        IsSendingUrgent &= acknowledged < _send.UrgentEnd;
        summary.Acknowledged = count;
        _acknowledgedCount += count;
        _user.SendQueue.Release(isFinAcknowledged ? count - 1 : count);
        IsReleaseDue = true;
        Measure(segment, summary, now);
        _retries = 0;
        _stalledSince = _send.Next == acknowledged ? 0 : now;
        Layer.Output.ConfirmReachable(Towards, Settings.BoundInterface);
        OnSizeWorked();
        if (isFinAcknowledged)
        {
            OnFinAcknowledged();
        }
    }

    private void OnFinAcknowledged()
    {
        switch (State)
        {
            case TcpState.FinWait1:
                State = TcpState.FinWait2;
                break;
            case TcpState.Closing:
                BeginTimeWait();
                break;
            case TcpState.LastAck:
                End(TcpError.None);
                break;
        }
    }

    private void Measure(in TcpSegment segment, in AcknowledgmentSummary summary, long now)
    {
        if (summary.RoundTrip > 0)
        {
            _path.AddSample(summary.RoundTrip, now);
        }
        else if (HasTimestamps && segment.Options is { HasTimestamps: true, TimestampEcho: not 0 })
        {
            // What was sent again has a sample too: the timestamp says which transmission arrived.
            int milliseconds = (int)(TimestampNow() - segment.Options.TimestampEcho);
            if (milliseconds >= 0)
            {
                _path.AddSample(Math.Max(milliseconds, 1) * StackTime.Millisecond, now);
            }
        }
    }

    /// <summary>Marks what the peer has beyond a gap, and notices data that it got twice (RFC 2018, RFC 2883).</summary>
    private void TakeSack(in TcpSegment segment, ref AcknowledgmentSummary summary)
    {
        if (!IsSackPermitted || segment.Options.SackCount == 0)
        {
            return;
        }

        int first = 0;
        SackBlock block = segment.Options.Sack(0);
        bool isInside = segment.Options.SackCount > 1
            && block.Start >= segment.Options.Sack(1).Start && block.End <= segment.Options.Sack(1).End;
        if (block.End <= segment.Acknowledgment || isInside)
        {
            first = 1;
            if (block.Start < block.End && block.End <= _send.Next && block.End - block.Start <= _send.LargestWindow)
            {
                summary.HasDuplicate = true;
                _reordering.OnDuplicate(segment.Acknowledgment, _send.Next);
                if (_flight != TcpFlight.None)
                {
                    _flight.UndoRetransmissions = Math.Max(_flight.UndoRetransmissions - (block.End - block.Start), 0);
                }
            }
        }

        for (int i = first; i < segment.Options.SackCount; i++)
        {
            block = segment.Options.Sack(i);
            SequenceNumber least = SequenceNumber.Max(segment.Acknowledgment + 1, _send.Unacknowledged);
            if (block.Start < block.End && block.Start >= least && block.End <= _send.Next)
            {
                MarkSacked(block, ref summary);
            }
        }
    }

    private void MarkSacked(SackBlock block, ref AcknowledgmentSummary summary)
    {
        long now = Now;
        int index = FirstAtOrBehind(block.Start);
        for (; index < _flight.Sent.Count && _flight.Sent[index].Start < block.End; index++)
        {
            if (_flight.Sent[index].Has(SentState.Sacked))
            {
                continue;
            }

            // Part of what was sent at once: it is divided between segments, so that a peer cannot make it crumble into bytes.
            int size = Math.Max(_flight.Sent[index].SegmentSize, 1);
            int before = block.Start - _flight.Sent[index].Start;
            if (before > 0)
            {
                int whole = (before + size - 1) / size * size;
                if (whole >= _flight.Sent[index].DataLength || _flight.Sent.Count >= PartialBlocksLimit)
                {
                    continue;
                }

                _flight.Sent.Split(index++, whole, Layer.Rings);
            }

            if (_flight.Sent[index].End > block.End)
            {
                int whole = (block.End - _flight.Sent[index].Start) / size * size;
                if (whole <= 0 || whole >= _flight.Sent[index].DataLength || _flight.Sent.Count >= PartialBlocksLimit)
                {
                    continue;
                }

                _flight.Sent.Split(index, whole, Layer.Rings);
            }

            SentSegment segment = _flight.Sent[index];
            _flight.Sent.SetState(index, SentState.Sacked, SentState.Lost | SentState.Retransmitted);
            summary.Sacked += segment.Length;
            summary.Delivered += segment.Length;
            Deliver(segment, now, ref summary);
        }
    }

    /// <summary>The first entry that ends behind a sequence number.</summary>
    private int FirstAtOrBehind(SequenceNumber number)
    {
        int low = 0;
        int high = _flight.Sent.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_flight.Sent[middle].End <= number)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private void Deliver(in SentSegment segment, long now, ref AcknowledgmentSummary summary)
    {
        if (segment.Has(SentState.Sacked))
        {
            return;
        }

        if (!segment.Has(SentState.SentAgain))
        {
            if (summary.RoundTrip == 0)
            {
                summary.RoundTrip = Math.Max(now - segment.SentAt, 1);
            }

            summary.HasOriginal |= segment.End <= _flight.RecoveryPoint;
        }

        _reordering.HasReordering |= _flight.Rack.OnDelivered(segment, now, _path.Minimum, summary.IsOfOriginal);
    }
}
