using Xenlet.Net.Internet;

namespace Xenlet.Net.Tcp;

/// <content>What is sent when: retransmissions first, then new data as far as windows, Nagle's rule and segment sizes allow.</content>
internal sealed partial class TcpConnection
{
    private long _sentAt;
    private long _stalledSince;

    /// <summary>Bytes that the user has written and that were never sent.</summary>
    private int Unsent => IsFinSent ? 0 : _user.SendQueue.Length - (_send.Next - _send.Unacknowledged);

    /// <summary>Whether all that the user has written is under way, and the windows would take more: the send queue is the limit.</summary>
    public bool IsLimitedByUser => State is TcpState.Established or TcpState.CloseWait && Unsent == 0 && !IsWaitingForRoom
        && OpenWindow >= _segmentSize && CongestionWindow - _flight.Sent.InFlight >= _segmentSize;

    private bool IsFinUnsent => IsFinDue && !IsFinSent;

    private int OpenWindow => _send.Unacknowledged + _send.Window - _send.Next;

    /// <summary>The link has room again.</summary>
    public void OnRoom() => OnWritten();

    /// <summary>Sends what may be sent.</summary>
    /// <param name="isForced">Whether a small segment is sent though it would wait otherwise: the window stays small for too long.</param>
    private void Output(bool isForced = false)
    {
        if (State is TcpState.SynSent or TcpState.SynReceived or TcpState.Closed)
        {
            return;
        }

        bool hasSent = false;
        IsCongestionLimited = false;
        while (!IsWaitingForRoom)
        {
            // A window that is less than a segment, since segments have grown, would stop all.
            int room = _flight.Sent.InFlight == 0 ? Math.Max(CongestionWindow, _segmentSize) : CongestionWindow - _flight.Sent.InFlight;
            bool isRetransmission = _flight.Sent.ToBeRetransmitted > 0 && _flight.Frto != FrtoStep.NewDataSent;
            if (isRetransmission ? !TryRetransmit(room) : !TrySendNew(room, isForced))
            {
                break;
            }

            hasSent = true;
            isForced = false;
        }

        bool isNothingNew = _flight.Frto == FrtoStep.NewDataSent && _send.Next == _flight.RecoveryPoint;
        if (isNothingNew && _flight.Sent.ToBeRetransmitted > 0 && !IsWaitingForRoom)
        {
            // There was nothing new that could be sent: the usual way then.
            _flight.Frto = FrtoStep.None;
            Output();
            return;
        }

        if (!HasTimer(TcpTimer.Retransmit) || (hasSent && _waitsFor != RetransmissionWait.Timeout))
        {
            RestartRetransmission();
        }
    }

    /// <summary>Sends the first piece again that is taken for lost.</summary>
    private bool TryRetransmit(int room)
    {
        int index = 0;
        while (!_flight.Sent[index].IsToBeRetransmitted)
        {
            index++;
        }

        int allowed = room < _segmentSize ? room : room / _segmentSize * _segmentSize;
        int least = Math.Min(_segmentSize, _flight.Sent[index].Length);
        if (allowed < least)
        {
            IsCongestionLimited = true;
            return false;
        }

        if (index > 0 && _flight.Sent[index].Start >= _send.Unacknowledged + _send.Window)
        {
            return false;
        }

        return TryResend(index, Math.Max(allowed, _segmentSize));
    }

    /// <summary>Sends an entry again, or its first part.</summary>
    private bool TryResend(int index, int allowed)
    {
        int most = Math.Min(allowed, LargestPacket());
        if (_flight.Sent[index].DataLength > most)
        {
            _flight.Sent.Split(index, most, Layer.Rings);
        }

        SentSegment segment = _flight.Sent[index];
        if (!TrySendData(segment.Start, segment.DataLength, segment.Has(SentState.HasFin)))
        {
            return false;
        }

        long now = Now;
        _flight.RetransmissionStamp ??= TimestampNow();
        _flight.UndoRetransmissions += segment.DataLength;
        Incidents.Retransmissions++;
        Layer.Counters.RetransSegs++;
        _flight.Sent.OnSentAgain(index, now, _segmentSize);
        _flight.Reduction.OnSent(segment.Length);
        return true;
    }

    private bool TrySendNew(int room, bool isForced)
    {
        if (IsFinSent || _flight.Sent.IsFull)
        {
            return false;
        }

        int available = Unsent;
        int window = OpenWindow;
        if (available == 0)
        {
            return IsFinDue && window > 0 && TryAddSegment(0, hasFin: true);
        }

        RestartAfterIdle(ref room);
        int size = SelectSize(available, Math.Min(available, window), room, isForced);
        return size > 0 && TryAddSegment(size, IsFinUnsent && size == available && window > size);
    }

    /// <summary>How much is sent at once now; 0 for nothing.</summary>
    /// <param name="available">Bytes never sent.</param>
    /// <param name="usable">As many of them as the peer's window takes.</param>
    /// <param name="room">What congestion control allows.</param>
    /// <param name="isForced">Whether a small segment does not wait.</param>
    private int SelectSize(int available, int usable, int room, bool isForced)
    {
        if (usable <= 0)
        {
            return 0;
        }

        int segment = _segmentSize;
        if (room < Math.Min(usable, segment))
        {
            IsCongestionLimited = true;
            return 0;
        }

        int size = Math.Min(usable, room);
        IsCongestionLimited |= room < usable;
        if (size < segment)
        {
            return isForced || (size == available ? MaySendSmall() : size >= _send.LargestWindow / 2) ? size : 0;
        }

        int most = LargestPacket();
        if (size > most || size < available || !MaySendSmall())
        {
            // Full segments only; the rest waits for its turn.
            size = Math.Min(size, most);
            size -= size % segment;
        }

        // Where the device cuts segments, few large packets cost least: wait until a quarter of the window is free, as long as plenty is
        // under way whose acknowledgments will free it.
        int whole = Math.Min(CongestionWindow, _send.Window);
        if (most > segment && size < available && size < most && size < whole / 4 && _flight.Sent.InFlight > whole / 2
            && _flight.Recovery == RecoveryState.Open && !isForced)
        {
            IsCongestionLimited = true;
            return 0;
        }

        return size;
    }

    /// <summary>
    /// Nagle's rule as Minshall has it, and Linux: a small segment waits only for a small one that is under way. With the FIN behind it
    /// there is nothing to wait for, and urgent data does not wait.
    /// </summary>
    private bool MaySendSmall() => Settings.IsNoDelay || IsFinDue || IsSendingUrgent || _send.SmallEnd <= _send.Unacknowledged;

    private void RestartAfterIdle(ref int room)
    {
        if (_flight.Sent.Count == 0 && _sentAt != 0 && Now - _sentAt > _path.Timeout)
        {
            _incidents?.Control?.OnIdle(InitialWindow);
            room = Math.Max(CongestionWindow, _segmentSize);
        }
    }

    private bool TryAddSegment(int size, bool hasFin)
    {
        if (!TrySendData(_send.Next, size, hasFin))
        {
            return false;
        }

        long now = Now;
        EndQuickAcknowledgments(now);
        SentSegment segment = new()
        {
            Start = _send.Next,
            Length = size + (hasFin ? 1 : 0),
            SegmentSize = _segmentSize,
            State = hasFin ? SentState.HasFin : SentState.None,
            SentAt = now,
        };
        if (_flight == TcpFlight.None)
        {
            _flight = Layer.Flights.Take();
        }

        _flight.Sent.Add(segment, Layer.Rings);
        _send.Next = segment.End;
        IsFinSent |= hasFin;
        if (size % _segmentSize != 0)
        {
            _send.SmallEnd = _send.Next;
        }

        if (_flight.Sent.Count == 1 || _stalledSince == 0)
        {
            _stalledSince = now;
        }

        _sentAt = now;
        _flight.Reduction.OnSent(segment.Length);
        return true;
    }

    /// <summary>
    /// Hands a data segment to the internet layer. False when it was not sent, and is to be sent when something has changed.
    /// </summary>
    private bool TrySendData(SequenceNumber start, int length, bool hasFin)
    {
        int offset = start - _send.Unacknowledged;
        bool isLast = offset + length == _user.SendQueue.Length;
        TcpFlags flags = TcpFlags.Ack | (hasFin ? TcpFlags.Fin : 0) | (isLast && length > 0 ? TcpFlags.Psh : 0);
        int segmentSize = _segmentSize;
        InternetSendResult result = SendSegment(start, flags, offset, length);
        switch (result)
        {
            case InternetSendResult.NoRoom:
                Layer.WaitForRoom(this);
                return false;
            case InternetSendResult.TooLarge:
                UpdateSegmentSize();

                // When the path has not told of a smaller size, the packet counts as lost, and a time-out finds one.
                IsOutputDue |= _segmentSize < segmentSize;
                return _segmentSize >= segmentSize;
            default:
                _softError = ErrorOf(result) is TcpError error and not TcpError.None ? error : _softError;
                return true;
        }
    }
}
