namespace Xenlet.Net.Tcp;

/// <content>Data that arrives: order, windows, and when it is acknowledged.</content>
internal sealed partial class TcpConnection
{
    private const int QuickAcknowledgments = 16;

    private ReceiveVariables _receive;
    private int _unacknowledgedData;
    private ushort _receiveSegmentSize = 536;
    private byte _receiveScale;
    private byte _quickAcknowledgments;

    /// <summary>Takes data and FIN of a segment that begins in the window or before it.</summary>
    private void ReceiveData(in TcpSegment segment)
    {
        if (HasPeerFinished)
        {
            // Behind a FIN there is nothing; what comes again is acknowledged again.
            IsAcknowledgmentDue = true;
            return;
        }

        bool isUnread = IsOrphaned || (IsReadingOver && IsFinDue);
        if (isUnread && segment.Sequence + segment.Data.Length > _receive.Next)
        {
            // Nobody will read it: the peer must not take it for delivered. Whether there is room for it does not matter.
            SendReset();
            End(TcpError.Reset);
            return;
        }

        SequenceNumber start = segment.Sequence;
        SegmentData data = segment.Data;
        bool hasFin = segment.Has(TcpFlags.Fin);
        if (start < _receive.Next)
        {
            int old = Math.Min(_receive.Next - start, data.Length);
            if (old > 0)
            {
                SetDuplicate(start, start + old);
                IsAcknowledgmentDue = true;
            }

            data = data[old..];
            start = _receive.Next;
        }

        int fits = Math.Min(_receive.Advertised - start, _user.ReceiveQueue.Room - (start - _receive.Next));
        if (data.Length > fits)
        {
            data = data[..Math.Max(fits, 0)];
            hasFin = false;
            IsAcknowledgmentDue = true;
        }

        if (hasFin && !HasFinArrived)
        {
            HasFinArrived = true;
            _receive.Fin = start + data.Length;
        }

        if (data.Length > 0)
        {
            _receiveSegmentSize = (ushort)Math.Max(_receiveSegmentSize, Math.Min(data.Length, _pathSegmentSize));
            if (start == _receive.Next)
            {
                TakeInOrder(data);
            }
            else
            {
                TakeEarly(start, data);
            }
        }
        else if (hasFin && start != _receive.Next)
        {
            IsAcknowledgmentDue = true;
        }

        if (HasFinArrived && _receive.Next >= _receive.Fin)
        {
            ReceiveFin();
        }
    }

    private void TakeInOrder(SegmentData data)
    {
        if (!_user.ReceiveQueue.TryAppend(data))
        {
            ForgetFin();
            IsAcknowledgmentDue = true;
            return;
        }

        bool hasEarly = _incidents is { Early.Count: > 0 };
        SequenceNumber whole = _receive.Next + data.Length;
        whole = hasEarly ? _incidents!.Early.TakeFrom(whole) : whole;
        int count = whole - _receive.Next;
        _receive.Next = whole;
        if (count > data.Length)
        {
            _user.ReceiveQueue.Commit(count - data.Length);
        }

        _unacknowledgedData += count;
        _receivedCount += count;
        HasUnansweredData = true;
        IsAcknowledgmentUrgent |= hasEarly;
        if (hasEarly || _quickAcknowledgments > 0 || _unacknowledgedData >= 2 * _receiveSegmentSize)
        {
            // Every second full segment (MUST-58), what fills a gap (RFC 5681, section 4.2), and all at the start, when the peer's window
            // grows with each acknowledgment.
            _quickAcknowledgments -= (byte)(_quickAcknowledgments > 0 ? 1 : 0);
            IsAcknowledgmentDue = true;
        }
        else if (!HasTimer(TcpTimer.Acknowledge))
        {
            SetTimer(TcpTimer.Acknowledge, Now + TcpTimes.DelayedAcknowledgment);
        }
    }

    /// <summary>
    /// Data is sent. When it soon follows what has arrived, the two sides take turns: answers carry the acknowledgments, and others would
    /// be segments that both sides pay for and nobody needs. Linux goes by the same sign.
    /// </summary>
    private void EndQuickAcknowledgments(long now)
    {
        if (HasUnansweredData && now - _receivedAt < TcpTimes.DelayedAcknowledgment)
        {
            _quickAcknowledgments = 0;
        }

        HasUnansweredData = false;
    }

    private void TakeEarly(SequenceNumber start, SegmentData data)
    {
        AcknowledgeAtOnce();
        SequenceNumber end = start + data.Length;
        if (Incidents.Early.TryFind(start, end, out _))
        {
            SetDuplicate(start, end);
            return;
        }

        if (!_user.ReceiveQueue.TryWrite(start - _receive.Next, data.Span) || !Incidents.Early.TryAdd(start, end))
        {
            ForgetFin();
        }
    }

    private void AcknowledgeAtOnce()
    {
        IsAcknowledgmentDue = true;
        IsAcknowledgmentUrgent = true;
    }

    /// <summary>The data before the FIN was not taken: it comes again, and the FIN with it.</summary>
    private void ForgetFin() => HasFinArrived = false;

    private void ReceiveFin()
    {
        _receive.Next += 1;
        _receivedCount++;
        HasPeerFinished = true;
        HasFinArrived = false;
        _incidents?.Early.Clear();
        IsAcknowledgmentDue = true;
        IsPeerFinishedDue = !IsOrphaned;
        switch (State)
        {
            case TcpState.Established:
                State = TcpState.CloseWait;
                break;
            case TcpState.FinWait1:
                State = TcpState.Closing;
                break;
            case TcpState.FinWait2:
                BeginTimeWait();
                break;
        }
    }

    private void BeginTimeWait() => IsTimeWaitDue = true;

    private void SetDuplicate(SequenceNumber start, SequenceNumber end)
    {
        if (IsSackPermitted && end > start)
        {
            Incidents.Duplicate = new SackBlock(start, end);
        }
    }

    /// <summary>
    /// The window to announce, in bytes: never less than what was announced (MUST-34 of the sender must not be put to the test), and more
    /// only when it is worth a segment (MUST-39).
    /// </summary>
    private int ReceiveWindow()
    {
        int announced = Math.Max(_receive.Advertised - _receive.Next, 0);
        int room = UsableRoom();
        return room - announced >= WorthwhileOpening() ? room : announced;
    }

    /// <summary>The room, less what rounding to the scale may promise beyond it.</summary>
    private int UsableRoom() => Math.Max(_user.ReceiveQueue.Room - ((1 << _receiveScale) - 1), 0);

    private int WorthwhileOpening() => Math.Max(Math.Min(_user.ReceiveQueue.Capacity / 2, _receiveSegmentSize), 1);

    /// <summary>The user has taken data. The peer is told when the window has opened far enough for it to matter.</summary>
    private void UpdateWindow()
    {
        int announced = Math.Max(_receive.Advertised - _receive.Next, 0);
        int room = UsableRoom();
        if (room - announced >= Math.Max(Math.Min(_user.ReceiveQueue.Capacity / 2, 2 * _receiveSegmentSize), 1)
            && (room >= 2 * announced || room - announced >= _user.ReceiveQueue.Capacity / 4))
        {
            IsAcknowledgmentDue = true;
        }
    }

    /// <summary>Takes the window for a segment that is sent now, as its header has it.</summary>
    private ushort AnnounceWindow(bool isScaled)
    {
        int window = ReceiveWindow();
        int scale = isScaled ? _receiveScale : 0;
        int field = Math.Min(window >> scale, ushort.MaxValue);
        if (_receive.Next + (field << scale) < _receive.Advertised && field < ushort.MaxValue)
        {
            field++;
        }

        _receive.Advertised = SequenceNumber.Max(_receive.Advertised, _receive.Next + (field << scale));
        return (ushort)field;
    }
}
