namespace Xenlet.Net.Tcp;

/// <content>
/// Loss recovery: RACK-TLP (RFC 8985), NewReno for peers without SACK (RFC 6582), PRR (RFC 6937), and the undoing of what was no loss, by
/// timestamps (RFC 3522), F-RTO (RFC 5682) and DSACK (RFC 3708).
/// </content>
internal sealed partial class TcpConnection
{
    private const int DuplicateThreshold = 3;

    private RecoveryState _recovery;
    private ProportionalRateReduction _reduction;
    private SequenceNumber _recoveryPoint;
    private SequenceNumber _probeEnd;
    private uint _retransmissionStamp;
    private int _undoRetransmissions;
    private int _duplicates;
    private FrtoStep _frto;
    private bool _hasRetransmissionStamp;
    private bool _isUndoPossible;
    private bool _isProbeOutstanding;
    private bool _isProbeRetransmission;
    private bool _isCongestionLimited;

    private enum RecoveryState : byte
    {
        Open,
        Recovery,
        Loss,
    }

    private enum FrtoStep : byte
    {
        None,

        /// <summary>The first segment was sent again: the next acknowledgment tells whether it was lost.</summary>
        Retransmitted,

        /// <summary>It has advanced, and new data was sent.</summary>
        NewDataSent,
    }

    /// <summary>Draws the conclusions of an acknowledgment.</summary>
    private void Recover(in AcknowledgmentSummary summary)
    {
        bool isAdvance = summary.Acknowledged > 0;
        _duplicates = isAdvance ? 0 : summary.IsDuplicate ? _duplicates + 1 : _duplicates;
        EndLossProbe(summary);
        if (TryUndo(summary))
        {
            return;
        }

        if (_recovery != RecoveryState.Open && _unacknowledged >= _recoveryPoint)
        {
            EndRecovery();
        }

        int lostBefore = _sent.ToBeRetransmitted;
        DetectLosses(isAdvance);
        switch (_recovery)
        {
            case RecoveryState.Open when _sent.ToBeRetransmitted > 0:
                BeginRecovery(summary);
                break;
            case RecoveryState.Recovery:
                int delivered = summary.Delivered == 0 && summary.IsDuplicate && !_isSackPermitted ? _segmentSize : summary.Delivered;
                bool isSafe = isAdvance && _sent.ToBeRetransmitted <= lostBefore;
                _control.Window = Math.Max(
                    _reduction.OnAcknowledged(delivered, _sent.InFlight, _control.Threshold, _segmentSize, isSafe), _segmentSize);
                break;
            default:
                bool isTesting = _frto != FrtoStep.None && IsFrtoAtNewData(summary);
                if (!isTesting && summary.Delivered > 0 && (_isCongestionLimited || _recovery == RecoveryState.Loss))
                {
                    _control.OnAcknowledged(summary.Delivered, Now, _path.Smoothed, _segmentSize);
                }

                break;
        }
    }

    /// <summary>Marks what is lost (RFC 8985, section 6.2, step 5; RFC 6582 without SACK).</summary>
    private void DetectLosses(bool isAdvance)
    {
        _timers.Cancel(TcpTimer.Reorder);
        if (_sent.Count == 0)
        {
            return;
        }

        if (!_isSackPermitted)
        {
            bool isPartial = _recovery == RecoveryState.Recovery && isAdvance;
            if ((isPartial || (_recovery == RecoveryState.Open && _duplicates >= DuplicateThreshold)) && !_sent[0].IsToBeRetransmitted)
            {
                MarkFirstSegmentLost();
            }

            return;
        }

        if (_rack.SentAt == 0 || (_sent.Sacked == 0 && _recovery == RecoveryState.Open))
        {
            return;
        }

        long now = Now;
        long bearable = _rack.RoundTrip
            + _rack.ReorderWindow(_path, _recovery != RecoveryState.Open, _sent.Sacked / Math.Max(_segmentSize, 1));
        long wait = 0;
        for (int i = 0; i < _sent.Count; i++)
        {
            ref readonly SentSegment segment = ref _sent[i];
            if (segment.Has(SentState.Sacked) || segment.IsToBeRetransmitted || !_rack.IsSentBefore(segment))
            {
                continue;
            }

            long left = segment.SentAt + bearable - now;
            if (left <= 0)
            {
                _sent.SetState(i, SentState.Lost, SentState.Retransmitted);
            }
            else
            {
                wait = Math.Max(wait, left);
            }
        }

        if (wait > 0)
        {
            _timers.Set(TcpTimer.Reorder, now + wait);
        }
    }

    /// <summary>Without SACK only the first segment is known to be missing, though more may have been sent with it.</summary>
    private void MarkFirstSegmentLost()
    {
        if (_sent[0].DataLength > _segmentSize)
        {
            _sent.Split(0, _segmentSize, _layer.Rings);
        }

        _sent.SetState(0, SentState.Lost, SentState.Retransmitted);
    }

    /// <summary>What seemed reordered has not arrived in time.</summary>
    private void OnReorderTimeout()
    {
        DetectLosses(isAdvance: false);
        if (_recovery == RecoveryState.Open && _sent.ToBeRetransmitted > 0)
        {
            BeginRecovery(default);
        }
        else if (_recovery == RecoveryState.Recovery)
        {
            _control.Window = Math.Max(
                _reduction.OnAcknowledged(0, _sent.InFlight, _control.Threshold, _segmentSize, isSafe: false), _segmentSize);
        }

        _isOutputDue = true;
    }

    private void BeginRecovery(in AcknowledgmentSummary summary)
    {
        _layer.Counters.Recoveries++;
        PrepareUndo();
        _control.OnLoss(_segmentSize);
        _recovery = RecoveryState.Recovery;
        _recoveryPoint = _next;
        _reduction.Start(_next - _unacknowledged + summary.Acknowledged);
        int delivered = Math.Max(summary.Delivered, _isSackPermitted ? 0 : _duplicates * _segmentSize);
        _control.Window = Math.Max(
            _reduction.OnAcknowledged(delivered, _sent.InFlight, _control.Threshold, _segmentSize, isSafe: false), _segmentSize);
        RestartRetransmission();
    }

    private void PrepareUndo()
    {
        _isUndoPossible = true;
        _hasRetransmissionStamp = false;
        _undoRetransmissions = 0;
        _isProbeOutstanding = false;
    }

    private void EndRecovery()
    {
        if (_recovery == RecoveryState.Recovery)
        {
            _control.Window = Math.Max(Math.Min(_control.Threshold, _sent.InFlight + InitialWindow), _segmentSize);
            _rack.OnRecovered();
        }

        _recovery = RecoveryState.Open;
        _frto = FrtoStep.None;
        _isUndoPossible = false;
        _hasRetransmissionStamp = false;
        _duplicates = 0;
    }

    /// <summary>
    /// All data in flight is taken for lost, but for what was sent so lately that it may still arrive (RFC 8985, section 6.3).
    /// </summary>
    private void EnterLoss()
    {
        bool isNew = _recovery == RecoveryState.Open || _unacknowledged >= _recoveryPoint;
        if (isNew)
        {
            PrepareUndo();
            _control.OnLoss(_segmentSize);
        }

        _frto = isNew ? FrtoStep.Retransmitted : FrtoStep.None;
        _recovery = RecoveryState.Loss;
        _recoveryPoint = _next;
        _duplicates = 0;
        _isProbeOutstanding = false;

        // RFC 2018, section 8: a peer may drop what it has told to have. It has, when the first gap is none.
        bool isReneged = _sent.Count > 0 && _sent[0].Has(SentState.Sacked);
        long bearable = _rack.RoundTrip + _rack.ReorderWindow(_path, isRecovering: false, 0);
        long now = Now;
        for (int i = 0; i < _sent.Count; i++)
        {
            if (isReneged)
            {
                _sent.SetState(i, SentState.None, SentState.Sacked);
            }

            bool isOld = i == 0 || _rack.SentAt == 0 || !_isSackPermitted || _sent[i].SentAt + bearable <= now;
            if (!_sent[i].Has(SentState.Sacked) && isOld)
            {
                _sent.SetState(i, SentState.Lost, SentState.Retransmitted);
            }
        }

        _control.Window = _sent.InFlight + _segmentSize;
    }

    /// <summary>
    /// F-RTO (RFC 5682, section 3): after the first advance new data is sent in place of old; if that brings the acknowledgment of
    /// something that was sent once, the time-out came of a delay.
    /// </summary>
    /// <returns>Whether new data is to be sent now, two segments at most.</returns>
    private bool IsFrtoAtNewData(in AcknowledgmentSummary summary)
    {
        if (_frto == FrtoStep.Retransmitted && summary.Acknowledged > 0 && Unsent > 0)
        {
            _frto = FrtoStep.NewDataSent;
            _recoveryPoint = _next;
            _control.Window = _sent.InFlight + (2 * _segmentSize);
            return true;
        }

        if (_frto != FrtoStep.NewDataSent || summary.IsDuplicate || summary.Sacked > 0 || summary.Acknowledged > 0)
        {
            // The loss is real (step 3a): three segments, of which two are the new ones under way.
            _control.Window = _frto == FrtoStep.NewDataSent ? Math.Max(_control.Window, 3 * _segmentSize) : _control.Window;
            _frto = FrtoStep.None;
        }

        return false;
    }

    private bool TryUndo(in AcknowledgmentSummary summary)
    {
        if (!_isUndoPossible || _recovery == RecoveryState.Open)
        {
            return false;
        }

        bool isByTimestamp = summary is { IsOfOriginal: true, Acknowledged: > 0 };
        bool isByFrto = _recovery == RecoveryState.Loss && _frto != FrtoStep.None && summary.HasOriginal
            && (_isSackPermitted || !summary.HasRetransmitted);
        bool isByDuplicates = summary.HasDuplicate && _undoRetransmissions == 0 && _hasRetransmissionStamp && _sent.ToBeRetransmitted == 0;
        if (!isByTimestamp && !isByFrto && !isByDuplicates)
        {
            return false;
        }

        if (_recovery == RecoveryState.Loss)
        {
            _layer.Counters.SpuriousTimeouts++;
        }
        else
        {
            _layer.Counters.RecoveriesUndone++;
        }

        for (int i = 0; i < _sent.Count; i++)
        {
            _sent.SetState(i, SentState.None, SentState.Lost);
        }

        _control.Undo();
        _path.ResetBackoff();
        _recovery = RecoveryState.Open;
        _frto = FrtoStep.None;
        _isUndoPossible = false;
        _hasRetransmissionStamp = false;
        _duplicates = 0;
        RestartRetransmission();
        return true;
    }

    /// <summary>Whether a tail loss probe was answered, and what its answer tells (RFC 8985, section 7.4).</summary>
    private void EndLossProbe(in AcknowledgmentSummary summary)
    {
        if (!_isProbeOutstanding || _unacknowledged < _probeEnd)
        {
            return;
        }

        if (!_isProbeRetransmission || summary.HasDuplicate)
        {
            _isProbeOutstanding = false;
        }
        else if (_unacknowledged > _probeEnd)
        {
            // The probe has repaired a loss that nothing else has told of.
            _isProbeOutstanding = false;
            if (_recovery == RecoveryState.Open)
            {
                _control.OnLoss(_segmentSize);
                _control.Window = Math.Min(_control.Window, _control.Threshold);
            }
        }
        else if (summary.IsDuplicate)
        {
            _isProbeOutstanding = false;
        }
    }
}
