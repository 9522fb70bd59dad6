using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <content>Time-outs: retransmission (RFC 6298), loss probes (RFC 8985), closed windows, keep-alive.</content>
internal sealed partial class TcpConnection
{
    private const int LongestBackoff = 16;

    private TcpConnectionTimers? _timers;
    private RetransmissionWait _waitsFor;
    private TcpError _softError;
    private byte _retries;
    private byte _windowProbes;
    private byte _windowBackoff;
    private byte _keepAliveProbes;

    private enum RetransmissionWait : byte
    {
        /// <summary>All that is in flight is lost.</summary>
        Timeout,

        /// <summary>The end of what was sent may be lost.</summary>
        LossProbe,

        /// <summary>The peer's window is closed, or too small.</summary>
        Window,
    }

    /// <summary>An ICMP error about a segment of this connection.</summary>
    /// <param name="error">What it says.</param>
    /// <param name="sequence">The sequence number that it quotes: one that is not under way is a forger's guess (RFC 5927).</param>
    /// <param name="isHard">Whether nobody will ever answer there (RFC 1122, section 4.2.3.9).</param>
    public void OnError(TcpError error, SequenceNumber sequence, bool isHard)
    {
        if (State == TcpState.Closed || sequence < _send.Unacknowledged || sequence >= _send.Next)
        {
            return;
        }

        if (isHard && State is TcpState.SynSent or TcpState.SynReceived)
        {
            End(error);
            return;
        }

        // An established connection outlives it (MUST-56; RFC 5927, section 5.2); when it ends of a time-out, this is the reason given.
        _softError = error;
    }

    /// <summary>The timer to be seen of the connection.</summary>
    public TcpTimerView ViewTimer()
    {
        const int retransmission = 1;
        const int keepAlive = 2;
        const int window = 4;
        bool isOpening = State is TcpState.SynSent or TcpState.SynReceived;
        bool isRetransmission = HasTimer(TcpTimer.Retransmit);
        bool isWindow = _waitsFor == RetransmissionWait.Window && _flight.Sent.Count == 0 && !isOpening;
        int kind = isRetransmission ? (isWindow ? window : retransmission) : HasTimer(TcpTimer.KeepAlive) ? keepAlive : 0;
        long rest = kind == 0 ? 0 : _timers!.DueOf(isRetransmission ? TcpTimer.Retransmit : TcpTimer.KeepAlive) - Now;
        return new(kind, Math.Max(rest, 0), _retries, isWindow ? _windowProbes : _keepAliveProbes);
    }

    /// <summary>None of the timers is set any more: it has none, until one is.</summary>
    public void LeaveTimers() => _timers = null;

    public void OnTimer(TcpTimer timer)
    {
        if (State == TcpState.Closed)
        {
            return;
        }

        try
        {
            Enter();
            Expire(timer);
            if (State != TcpState.Closed)
            {
                Leave();
            }
        }
#pragma warning disable CA1031 // A fault of the stack ends the connection that it served, and no other.
        catch (Exception error)
        {
            Layer.OnFault(this, error);
        }
#pragma warning restore CA1031
    }

    private void SetTimer(TcpTimer kind, long due)
    {
        _timers ??= Layer.ConnectionTimers.Take(this);
        _timers.Set(kind, due);
    }

    private void CancelTimer(TcpTimer kind) => _timers?.Cancel(kind);

    private bool HasTimer(TcpTimer kind) => _timers is not null && _timers.Has(kind);

    private void Expire(TcpTimer timer)
    {
        switch (timer)
        {
            case TcpTimer.Retransmit when State is TcpState.SynSent or TcpState.SynReceived:
                OnSynTimeout();
                break;
            case TcpTimer.Retransmit:
                OnRetransmissionTimer();
                break;
            case TcpTimer.Reorder:
                OnReorderTimeout();
                break;
            case TcpTimer.Acknowledge:
                IsAcknowledgmentDue = true;
                break;
            case TcpTimer.KeepAlive:
                OnKeepAliveTimer();
                break;
            case TcpTimer.FinWait2:
                End(TcpError.None);
                break;
        }
    }

    private void OnSynTimeout()
    {
        bool isOut = Settings.UserTimeout > 0 && Now - _stalledSince >= Settings.UserTimeout;
        if (isOut || _retries >= (State == TcpState.SynSent ? TcpTimes.SynRetries : TcpTimes.SynAckRetries))
        {
            GiveUp();
            return;
        }

        _retries++;
        Incidents.Retransmissions++;
        Layer.Counters.RetransSegs++;
        _path.BackOff();
        if (State == TcpState.SynSent)
        {
            SendSyn();
        }
        else
        {
            SendSynAcknowledgment();
        }

        SetTimer(TcpTimer.Retransmit, Now + _path.Timeout);
    }

    private void OnRetransmissionTimer()
    {
        if (Settings.UserTimeout > 0 && _stalledSince != 0 && Now - _stalledSince >= Settings.UserTimeout)
        {
            GiveUp();
            return;
        }

        switch (_waitsFor)
        {
            case RetransmissionWait.LossProbe when _flight.Sent.Count > 0:
                SendLossProbe();
                break;
            case RetransmissionWait.Timeout when _flight.Sent.Count > 0:
                OnRetransmissionTimeout();
                break;
            default:
                OnWindowTimer();
                break;
        }
    }

    private void OnRetransmissionTimeout()
    {
        // A peer that has closed its window over data in flight and answers is alive, however often that data is sent. But it must not keep
        // for ever what no user waits for.
        bool isHeld = _send.Window == 0 && !IsOrphaned && Now - _receivedAt < TcpTimes.LongestTimeout;
        if (!isHeld && ++_retries > (IsOrphaned ? TcpTimes.OrphanRetries : TcpTimes.DataRetries))
        {
            GiveUp();
            return;
        }

        Layer.Counters.Timeouts++;
        EnterLoss();
        if (_retries == TcpTimes.RetriesBeforeBlackHole + 1 || _retries == (2 * TcpTimes.RetriesBeforeBlackHole) + 1)
        {
            ReduceSegmentSize();
        }

        if (_retries == TcpTimes.RetriesBeforeAdvice)
        {
            Layer.Output.Doubt(Towards, Settings.BoundInterface);
        }

        _path.BackOff();
        if (!IsWaitingForRoom)
        {
            TryResend(0, _segmentSize);
        }

        RestartRetransmission();
        IsOutputDue = true;
    }

    /// <summary>
    /// Sets the timer for what is to be waited for now: a loss probe or a time-out for data in flight, a window for data that cannot be
    /// sent.
    /// </summary>
    private void RestartRetransmission()
    {
        long now = Now;
        if (_flight.Sent.Count == 0)
        {
            if (Unsent == 0 && !IsFinUnsent)
            {
                _windowBackoff = 0;
                CancelTimer(TcpTimer.Retransmit);
                return;
            }

            if (_waitsFor == RetransmissionWait.Window && HasTimer(TcpTimer.Retransmit))
            {
                // The wait goes on: a peer that repeats that its window is closed would put the next probe off for ever.
                return;
            }

            _waitsFor = RetransmissionWait.Window;
            _stalledSince = _stalledSince == 0 ? now : _stalledSince;
            SetRetransmission(now, Math.Min(_path.Timeout << _windowBackoff, TcpTimes.LongestTimeout));
            return;
        }

        _windowBackoff = 0;
        _waitsFor = RetransmissionWait.Timeout;
        long wait = _path.Timeout;
        bool isQuiet = _flight.Recovery == RecoveryState.Open && !_flight.IsProbeOutstanding && _flight.Sent.Sacked == 0;
        if (isQuiet && IsSackPermitted && _path.Smoothed != 0)
        {
            bool isAlone = _send.Next - _send.Unacknowledged <= _segmentSize;
            long probe = (2 * _path.Smoothed) + (isAlone ? TcpTimes.WorstAcknowledgmentDelay : 2 * StackTime.Millisecond);
            if (probe < wait)
            {
                _waitsFor = RetransmissionWait.LossProbe;
                wait = probe;
            }
        }

        SetRetransmission(now, wait);
    }

    private void SetRetransmission(long now, long wait)
    {
        if (Settings.UserTimeout > 0 && _stalledSince != 0)
        {
            wait = Math.Min(wait, Math.Max(_stalledSince + Settings.UserTimeout - now, 0));
        }

        SetTimer(TcpTimer.Retransmit, now + wait);
    }

    /// <summary>Makes the peer tell of a loss at the end: by new data if there is any, by the last segment otherwise.</summary>
    private void SendLossProbe()
    {
        _flight.IsProbeOutstanding = true;
        int size = Math.Min(Math.Min(Unsent, _segmentSize), OpenWindow);
        _flight.IsProbeRetransmission = size <= 0 || _flight.Sent.IsFull;
        if (!IsWaitingForRoom)
        {
            Layer.Counters.LossProbes++;
            if (!_flight.IsProbeRetransmission)
            {
                TryAddSegment(size, IsFinUnsent && size == Unsent && OpenWindow > size);
            }
            else
            {
                int last = _flight.Sent.Count - 1;
                int before = (_flight.Sent[last].DataLength - 1) / _segmentSize * _segmentSize;
                if (before > 0)
                {
                    _flight.Sent.Split(last++, before, Layer.Rings);
                }

                TryResend(last, _segmentSize);
            }
        }

        _flight.ProbeEnd = _send.Next;
        RestartRetransmission();
    }

    private void OnWindowTimer()
    {
        if (Unsent == 0 && !IsFinUnsent)
        {
            return;
        }

        if (_windowProbes >= TcpTimes.DataRetries || (IsOrphaned && _windowBackoff >= TcpTimes.OrphanRetries))
        {
            GiveUp();
            return;
        }

        if (OpenWindow > 0)
        {
            Output(isForced: true);
        }

        if (State != TcpState.Closed && _flight.Sent.Count == 0)
        {
            _windowBackoff = (byte)Math.Min(_windowBackoff + 1, LongestBackoff);
            _windowProbes++;
            SendEmpty(_send.Unacknowledged - 1);
            RestartRetransmission();
        }
    }

    private void StartKeepAlive()
    {
        if (Settings.IsKeepAlive && State is not (TcpState.Closed or TcpState.SynSent or TcpState.SynReceived))
        {
            SetTimer(TcpTimer.KeepAlive, Math.Max(_receivedAt, 1) + Settings.KeepAliveIdle);
        }
        else
        {
            CancelTimer(TcpTimer.KeepAlive);
        }
    }

    private void OnKeepAliveTimer()
    {
        long now = Now;
        bool isBusy = _flight.Sent.Count > 0 || Unsent > 0;
        if (isBusy || now - _receivedAt < Settings.KeepAliveIdle)
        {
            SetTimer(TcpTimer.KeepAlive, (isBusy ? now : _receivedAt) + Settings.KeepAliveIdle);
            return;
        }

        bool isOut = Settings.UserTimeout > 0
            ? _keepAliveProbes > 0 && now - _receivedAt >= Settings.UserTimeout
            : _keepAliveProbes >= Settings.KeepAliveProbes;
        if (isOut)
        {
            SendReset();
            GiveUp();
            return;
        }

        _keepAliveProbes = (byte)Math.Min(_keepAliveProbes + 1, byte.MaxValue);
        SendEmpty(_send.Unacknowledged - 1);
        SetTimer(TcpTimer.KeepAlive, now + Settings.KeepAliveInterval);
    }

    /// <summary>The peer does not answer any more.</summary>
    private void GiveUp() => End(_softError == TcpError.None ? TcpError.TimedOut : _softError);
}
