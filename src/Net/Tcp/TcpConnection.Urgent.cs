namespace Xenlet.Net.Tcp;

/// <content>
/// Urgent data (RFC 9293, section 3.8.5). The pointer is behind the last urgent byte, as all systems have it (RFC 6093, section 3.1).
/// </content>
internal sealed partial class TcpConnection
{

    /// <summary>
    /// The user has written urgent data, the last byte of which ends so many bytes behind the first unacknowledged one.
    /// <see cref="OnWritten"/> follows.
    /// </summary>
    public void OnUrgentWritten(int length)
    {
        if (State == TcpState.Closed || length <= 0)
        {
            return;
        }

        SequenceNumber first = State is TcpState.SynSent or TcpState.SynReceived ? _send.Next : _send.Unacknowledged;
        _send.UrgentEnd = first + length;
        IsSendingUrgent = true;
    }

    /// <summary>The urgent pointer of a segment, whose flags get URG; 0 for none.</summary>
    private ushort PointToUrgent(SequenceNumber sequence, ref TcpFlags flags)
    {
        if (!IsSendingUrgent || sequence >= _send.UrgentEnd || (flags & (TcpFlags.Syn | TcpFlags.Rst)) != 0)
        {
            return 0;
        }

        int distance = _send.UrgentEnd - sequence;
        if (distance > ushort.MaxValue && sequence + ushort.MaxValue <= _send.Next)
        {
            // It cannot be said from here. What is sent later can.
            return 0;
        }

        flags |= TcpFlags.Urg;
        return (ushort)Math.Min(distance, ushort.MaxValue);
    }

    /// <summary>
    /// Takes the urgent pointer of a segment, and the urgent byte when it is in its data: before its turn too, since it is urgent. One mark
    /// counts, the furthest; what it names is at most a window and 65,535 bytes away, and costs nothing but a number.
    /// </summary>
    private void ReceiveUrgent(in TcpSegment segment)
    {
        if (HasPeerFinished || IsOrphaned)
        {
            return;
        }

        if (HasUrgentMark && _receive.UrgentMark < _receive.Next)
        {
            HasUrgentMark = false;
            IsUrgentByteMissing = false;
        }

        bool isNews = false;
        if (segment.Has(TcpFlags.Urg))
        {
            SequenceNumber mark = segment.Sequence + Math.Max(segment.Header.UrgentPointer - 1, 0);
            isNews = mark >= _receive.Next && (!HasUrgentMark || mark > _receive.UrgentMark);
            if (isNews)
            {
                _receive.UrgentMark = mark;
                HasUrgentMark = true;
                IsUrgentByteMissing = true;
            }
        }

        int place = _receive.UrgentMark - segment.Sequence;
        bool isHere = IsUrgentByteMissing && place >= 0 && place < segment.Data.Length;
        if (isNews || isHere)
        {
            IsUrgentByteMissing = !isHere;
            _user.ReceiveQueue.MarkUrgent(_receive.UrgentMark - _receive.Next, isHere ? segment.Data.Span[place] : -1);
        }
    }
}
