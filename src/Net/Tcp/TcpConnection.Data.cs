namespace Xenlet.Net.Tcp;

/// <content>Data that arrives: order, windows, and when it is acknowledged.</content>
internal sealed partial class TcpConnection
{
    private const int QuickAcknowledgments = 16;

    private ReceiveVariables _receive;
    private TcpDisorder? _disorder;
    private int _unacknowledgedData;
    private ushort _receiveSegmentSize = 536;
    private byte _receiveScale;
    private byte _quickAcknowledgments;
    private bool _hasUnansweredData;
    private bool _hasFinArrived;
    private bool _hasPeerFinished;
    private bool _isAcknowledgmentDue;
    private bool _isAcknowledgmentUrgent;

    /// <summary>Takes data and FIN of a segment that begins in the window or before it.</summary>
    private void ReceiveData(in TcpSegment segment)
    {
        if (_hasPeerFinished)
        {
            // Behind a FIN there is nothing; what comes again is acknowledged again.
            _isAcknowledgmentDue = true;
            return;
        }

        bool isUnread = IsOrphaned || (IsReadingOver && _isFinDue);
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
                _isAcknowledgmentDue = true;
            }

            data = data[old..];
            start = _receive.Next;
        }

        int fits = Math.Min(_receive.Advertised - start, _user.ReceiveQueue.Room - (start - _receive.Next));
        if (data.Length > fits)
        {
            data = data[..Math.Max(fits, 0)];
            hasFin = false;
            _isAcknowledgmentDue = true;
        }

        if (hasFin && !_hasFinArrived)
        {
            _hasFinArrived = true;
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
            _isAcknowledgmentDue = true;
        }

        if (_hasFinArrived && _receive.Next >= _receive.Fin)
        {
            ReceiveFin();
        }
    }

    private void TakeInOrder(SegmentData data)
    {
        if (!_user.ReceiveQueue.TryAppend(data))
        {
            ForgetFin();
            _isAcknowledgmentDue = true;
            return;
        }

        bool hasEarly = _disorder is { Early.Count: > 0 };
        SequenceNumber whole = _receive.Next + data.Length;
        whole = hasEarly ? _disorder!.Early.TakeFrom(whole) : whole;
        int count = whole - _receive.Next;
        _receive.Next = whole;
        if (count > data.Length)
        {
            _user.ReceiveQueue.Commit(count - data.Length);
        }

        _unacknowledgedData += count;
        _receivedCount += count;
        _hasUnansweredData = true;
        _isAcknowledgmentUrgent |= hasEarly;
        if (hasEarly || _quickAcknowledgments > 0 || _unacknowledgedData >= 2 * _receiveSegmentSize)
        {
            // Every second full segment (MUST-58), what fills a gap (RFC 5681, section 4.2), and all at the start, when the peer's window
            // grows with each acknowledgment.
            _quickAcknowledgments -= (byte)(_quickAcknowledgments > 0 ? 1 : 0);
            _isAcknowledgmentDue = true;
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
        if (_hasUnansweredData && now - _receivedAt < TcpTimes.DelayedAcknowledgment)
        {
            _quickAcknowledgments = 0;
        }

        _hasUnansweredData = false;
    }

    private void TakeEarly(SequenceNumber start, SegmentData data)
    {
        AcknowledgeAtOnce();
        SequenceNumber end = start + data.Length;
        _disorder ??= new TcpDisorder();
        if (_disorder.Early.TryFind(start, end, out _))
        {
            SetDuplicate(start, end);
            return;
        }

        if (!_user.ReceiveQueue.TryWrite(start - _receive.Next, data.Span) || !_disorder.Early.TryAdd(start, end))
        {
            ForgetFin();
        }
    }

    private void AcknowledgeAtOnce()
    {
        _isAcknowledgmentDue = true;
        _isAcknowledgmentUrgent = true;
    }

    /// <summary>The data before the FIN was not taken: it comes again, and the FIN with it.</summary>
    private void ForgetFin() => _hasFinArrived = false;

    private void ReceiveFin()
    {
        _receive.Next += 1;
        _receivedCount++;
        _hasPeerFinished = true;
        _hasFinArrived = false;
        _disorder?.Early.Clear();
        _isAcknowledgmentDue = true;
        _isPeerFinishedDue = !IsOrphaned;
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

    private void BeginTimeWait() => _isTimeWaitDue = true;

    private void SetDuplicate(SequenceNumber start, SequenceNumber end)
    {
        if (_isSackPermitted && end > start)
        {
            _disorder ??= new TcpDisorder();
            _disorder.Duplicate = new SackBlock(start, end);
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
            _isAcknowledgmentDue = true;
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
