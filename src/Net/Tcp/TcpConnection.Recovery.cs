namespace Xenlet.Net.Tcp;

/// <content>
/// Loss recovery: RACK-TLP (RFC 8985), NewReno for peers without SACK (RFC 6582), PRR (RFC 6937), and the undoing of what was no loss, by
/// timestamps (RFC 3522), F-RTO (RFC 5682) and DSACK (RFC 3708).
/// </content>
internal sealed partial class TcpConnection
{
    private const int DuplicateThreshold = 3;

    private TcpFlight _flight = TcpFlight.None;
    private ReorderTolerance _reordering;

    /// <summary>Made when it has something to keep: most connections have lost nothing, and have sent less than the window.</summary>
    private ICongestionControl Control
    {
        get
        {
            if (Incidents.Control is null)
            {
                Incidents.Control = Layer.CongestionControl();
                Incidents.Control.Window = FirstWindow;
            }

            return Incidents.Control;
        }
    }

    private int CongestionWindow => _incidents?.Control?.Window ?? FirstWindow;

    private int CongestionThreshold => _incidents?.Control?.Threshold ?? ICongestionControl.LargestWindow;

    /// <summary>The congestion window of a new connection, in bytes (RFC 5681, section 3.1; RFC 6928).</summary>
    private int FirstWindow => _path.IsSynLost ? _segmentSize : InitialWindow;

    /// <summary>Draws the conclusions of an acknowledgment; of none when nothing is under way.</summary>
    private void Recover(in AcknowledgmentSummary summary)
    {
        if (_flight != TcpFlight.None)
        {
            Conclude(summary);
            if (_flight.IsOver)
            {
                EndFlight();
            }
        }
    }

    private void EndFlight()
    {
        if (_flight != TcpFlight.None)
        {
            TcpFlight flight = _flight;
            _flight = TcpFlight.None;
            CancelTimer(TcpTimer.Reorder);
            Layer.Flights.Return(flight);
        }
    }

    private void Conclude(in AcknowledgmentSummary summary)
    {
        bool isAdvance = summary.Acknowledged > 0;
        _flight.Duplicates = isAdvance ? 0 : summary.IsDuplicate ? _flight.Duplicates + 1 : _flight.Duplicates;
        EndLossProbe(summary);
        if (TryUndo(summary))
        {
            return;
        }

        if (_flight.Recovery != RecoveryState.Open && _send.Unacknowledged >= _flight.RecoveryPoint)
        {
            EndRecovery();
        }

        int lostBefore = _flight.Sent.ToBeRetransmitted;
        DetectLosses(isAdvance);
        switch (_flight.Recovery)
        {
            case RecoveryState.Open when _flight.Sent.ToBeRetransmitted > 0:
                BeginRecovery(summary);
                break;
            case RecoveryState.Recovery:
                int delivered = summary.Delivered == 0 && summary.IsDuplicate && !IsSackPermitted ? _segmentSize : summary.Delivered;
                bool isSafe = isAdvance && _flight.Sent.ToBeRetransmitted <= lostBefore;
                Reduce(delivered, isSafe);
                break;
            default:
                bool isTesting = _flight.Frto != FrtoStep.None && IsFrtoAtNewData(summary);
                if (!isTesting && summary.Delivered > 0 && (IsCongestionLimited || _flight.Recovery == RecoveryState.Loss))
                {
                    Control.OnAcknowledged(summary.Delivered, Now, _path.Smoothed, _segmentSize);
                }

                break;
        }
    }

    private void Reduce(int delivered, bool isSafe)
    {
        int window = _flight.Reduction.OnAcknowledged(delivered, _flight.Sent.InFlight, CongestionThreshold, _segmentSize, isSafe);
        Control.Window = Math.Max(window, _segmentSize);
    }

    /// <summary>Marks what is lost (RFC 8985, section 6.2, step 5; RFC 6582 without SACK).</summary>
    private void DetectLosses(bool isAdvance)
    {
        CancelTimer(TcpTimer.Reorder);
        if (_flight.Sent.Count == 0)
        {
            return;
        }

        if (!IsSackPermitted)
        {
            bool isPartial = _flight.Recovery == RecoveryState.Recovery && isAdvance;
            bool isRepeated = _flight.Recovery == RecoveryState.Open && _flight.Duplicates >= DuplicateThreshold;
            if ((isPartial || isRepeated) && !_flight.Sent[0].IsToBeRetransmitted)
            {
                MarkFirstSegmentLost();
            }

            return;
        }

        if (_flight.Rack.SentAt == 0 || (_flight.Sent.Sacked == 0 && _flight.Recovery == RecoveryState.Open))
        {
            return;
        }

        long now = Now;
        long bearable = _flight.Rack.RoundTrip
            + _reordering.Window(_path, _flight.Recovery != RecoveryState.Open, _flight.Sent.Sacked / Math.Max((int)_segmentSize, 1));
        long wait = 0;
        for (int i = 0; i < _flight.Sent.Count; i++)
        {
            ref readonly SentSegment segment = ref _flight.Sent[i];
            if (segment.Has(SentState.Sacked) || segment.IsToBeRetransmitted || !_flight.Rack.IsSentBefore(segment))
            {
                continue;
            }

            long left = segment.SentAt + bearable - now;
            if (left <= 0)
            {
                _flight.Sent.SetState(i, SentState.Lost, SentState.Retransmitted);
            }
            else
            {
                wait = Math.Max(wait, left);
            }
        }

        if (wait > 0)
        {
            SetTimer(TcpTimer.Reorder, now + wait);
        }
    }

    /// <summary>Without SACK only the first segment is known to be missing, though more may have been sent with it.</summary>
    private void MarkFirstSegmentLost()
    {
        if (_flight.Sent[0].DataLength > _segmentSize)
        {
            _flight.Sent.Split(0, _segmentSize, Layer.Rings);
        }

        _flight.Sent.SetState(0, SentState.Lost, SentState.Retransmitted);
    }

    /// <summary>What seemed reordered has not arrived in time.</summary>
    private void OnReorderTimeout()
    {
        DetectLosses(isAdvance: false);
        if (_flight.Recovery == RecoveryState.Open && _flight.Sent.ToBeRetransmitted > 0)
        {
            BeginRecovery(default);
        }
        else if (_flight.Recovery == RecoveryState.Recovery)
        {
            Reduce(0, isSafe: false);
        }

        IsOutputDue = true;
    }

    private void BeginRecovery(in AcknowledgmentSummary summary)
    {
        Layer.Counters.Recoveries++;
        PrepareUndo();
        Control.OnLoss(_segmentSize);
        _flight.Recovery = RecoveryState.Recovery;
        _flight.RecoveryPoint = _send.Next;
        _flight.Reduction.Start(_send.Next - _send.Unacknowledged + summary.Acknowledged);
        int delivered = Math.Max(summary.Delivered, IsSackPermitted ? 0 : _flight.Duplicates * _segmentSize);
        Reduce(delivered, isSafe: false);
        RestartRetransmission();
    }

    private void PrepareUndo()
    {
        _flight.IsUndoPossible = true;
        _flight.RetransmissionStamp = null;
        _flight.UndoRetransmissions = 0;
        _flight.IsProbeOutstanding = false;
    }

    private void EndRecovery()
    {
        if (_flight.Recovery == RecoveryState.Recovery)
        {
            Control.Window = Math.Max(Math.Min(CongestionThreshold, _flight.Sent.InFlight + InitialWindow), _segmentSize);
            _reordering.OnRecovered();
        }

        _flight.EndRecovery();
    }

    /// <summary>
    /// All data in flight is taken for lost, but for what was sent so lately that it may still arrive (RFC 8985, section 6.3).
    /// </summary>
    private void EnterLoss()
    {
        bool isNew = _flight.Recovery == RecoveryState.Open || _send.Unacknowledged >= _flight.RecoveryPoint;
        if (isNew)
        {
            PrepareUndo();
            Control.OnLoss(_segmentSize);
        }

        _flight.Frto = isNew ? FrtoStep.Retransmitted : FrtoStep.None;
        _flight.Recovery = RecoveryState.Loss;
        _flight.RecoveryPoint = _send.Next;
        _flight.Duplicates = 0;
        _flight.IsProbeOutstanding = false;

        // RFC 2018, section 8: a peer may drop what it has told to have. It has, when the first gap is none.
        bool isReneged = _flight.Sent.Count > 0 && _flight.Sent[0].Has(SentState.Sacked);
        long roundTrip = _flight.Rack.SentAt == 0 ? _path.Smoothed : _flight.Rack.RoundTrip;
        long bearable = roundTrip + _reordering.Window(_path, isRecovering: false, 0);
        long now = Now;
        for (int i = 0; i < _flight.Sent.Count; i++)
        {
            if (isReneged)
            {
                _flight.Sent.SetState(i, SentState.None, SentState.Sacked);
            }

            bool isOld = i == 0 || roundTrip == 0 || !IsSackPermitted || _flight.Sent[i].SentAt + bearable <= now;
            if (!_flight.Sent[i].Has(SentState.Sacked) && isOld)
            {
                _flight.Sent.SetState(i, SentState.Lost, SentState.Retransmitted);
            }
        }

        Control.Window = _flight.Sent.InFlight + _segmentSize;
    }

    /// <summary>
    /// F-RTO (RFC 5682, section 3): after the first advance new data is sent in place of old; if that brings the acknowledgment of
    /// something that was sent once, the time-out came of a delay.
    /// </summary>
    /// <returns>Whether new data is to be sent now, two segments at most.</returns>
    private bool IsFrtoAtNewData(in AcknowledgmentSummary summary)
    {
        if (_flight.Frto == FrtoStep.Retransmitted && summary.Acknowledged > 0 && Unsent > 0)
        {
            _flight.Frto = FrtoStep.NewDataSent;
            _flight.RecoveryPoint = _send.Next;
            Control.Window = _flight.Sent.InFlight + (2 * _segmentSize);
            return true;
        }

        if (_flight.Frto != FrtoStep.NewDataSent || summary.IsDuplicate || summary.Sacked > 0 || summary.Acknowledged > 0)
        {
            // The loss is real (step 3a): three segments, of which two are the new ones under way.
            Control.Window = _flight.Frto == FrtoStep.NewDataSent ? Math.Max(CongestionWindow, 3 * _segmentSize) : CongestionWindow;
            _flight.Frto = FrtoStep.None;
        }

        return false;
    }

    private bool TryUndo(in AcknowledgmentSummary summary)
    {
        if (!_flight.IsUndoPossible || _flight.Recovery == RecoveryState.Open)
        {
            return false;
        }

        bool isByTimestamp = summary is { IsOfOriginal: true, Acknowledged: > 0 };
        bool isByFrto = _flight.Recovery == RecoveryState.Loss && _flight.Frto != FrtoStep.None && summary.HasOriginal
            && (IsSackPermitted || !summary.HasRetransmitted);
        bool isResent = _flight.RetransmissionStamp is not null && _flight.Sent.ToBeRetransmitted == 0;
        bool isByDuplicates = summary.HasDuplicate && _flight.UndoRetransmissions == 0 && isResent;
        if (!isByTimestamp && !isByFrto && !isByDuplicates)
        {
            return false;
        }

        if (_flight.Recovery == RecoveryState.Loss)
        {
            Layer.Counters.SpuriousTimeouts++;
        }
        else
        {
            Layer.Counters.RecoveriesUndone++;
        }

        for (int i = 0; i < _flight.Sent.Count; i++)
        {
            _flight.Sent.SetState(i, SentState.None, SentState.Lost);
        }

        Control.Undo();
        _path.ResetBackoff();
        _flight.EndRecovery();
        RestartRetransmission();
        return true;
    }

    /// <summary>Whether a tail loss probe was answered, and what its answer tells (RFC 8985, section 7.4).</summary>
    private void EndLossProbe(in AcknowledgmentSummary summary)
    {
        if (!_flight.IsProbeOutstanding || _send.Unacknowledged < _flight.ProbeEnd)
        {
            return;
        }

        if (!_flight.IsProbeRetransmission || summary.HasDuplicate)
        {
            _flight.IsProbeOutstanding = false;
        }
        else if (_send.Unacknowledged > _flight.ProbeEnd)
        {
            // The probe has repaired a loss that nothing else has told of.
            _flight.IsProbeOutstanding = false;
            if (_flight.Recovery == RecoveryState.Open)
            {
                Control.OnLoss(_segmentSize);
                Control.Window = Math.Min(CongestionWindow, CongestionThreshold);
            }
        }
        else if (summary.IsDuplicate)
        {
            _flight.IsProbeOutstanding = false;
        }
    }
}
