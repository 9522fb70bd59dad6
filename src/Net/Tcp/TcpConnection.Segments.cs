using System.Buffers.Binary;
using Xenlet.Net.Internet;

namespace Xenlet.Net.Tcp;

/// <content>How segments are made.</content>
internal sealed partial class TcpConnection
{
    private uint _firstSynTimestamp;

    private uint TimestampNow() => Layer.TimestampNow(_timestampOffset);

    private static TcpError ErrorOf(InternetSendResult result) => result switch
    {
        InternetSendResult.NoRoute => TcpError.NetworkUnreachable,
        InternetSendResult.NoNeighbour => TcpError.HostUnreachable,
        _ => TcpError.None,
    };

    private InternetSendResult SendSyn() => SendSyn(_send.Unacknowledged, TcpFlags.Syn);

    private InternetSendResult SendSynAcknowledgment() => SendSyn(_send.Unacknowledged, TcpFlags.Syn | TcpFlags.Ack);

    private InternetSendResult SendSyn(SequenceNumber sequence, TcpFlags flags)
    {
        bool isAnswer = (flags & TcpFlags.Ack) != 0;
        TcpOptions options = new()
        {
            MaximumSegmentSize = Layer.AnnouncedSegmentSize(Flow, Settings, Route),
            HasWindowScale = isAnswer ? HasScale : Layer.Has(TcpFeatures.WindowScaling),
            WindowScale = (byte)_receiveScale,
            IsSackPermitted = isAnswer ? IsSackPermitted : Layer.Has(TcpFeatures.Sack),
            HasTimestamps = isAnswer ? HasTimestamps : Layer.Has(TcpFeatures.Timestamps),
            TimestampValue = TimestampNow(),
            TimestampEcho = isAnswer ? _receive.RecentTimestamp : 0,
        };
        _sentAt = Now;
        if (_stalledSince == 0)
        {
            _stalledSince = _sentAt;
            _firstSynTimestamp = options.TimestampValue;
        }

        return Send(Layer.Output.Pool.Rent(0), sequence, flags, options);
    }

    /// <summary>Sends a segment with data of the send queue.</summary>
    private InternetSendResult SendSegment(SequenceNumber sequence, TcpFlags flags, int offset, int length)
    {
        PacketBuffer packet = Layer.Output.Pool.Rent(length);
        if (length > 0)
        {
            packet.AppendLater(_user.SendQueue, offset, length);
        }

        bool isWhole = length > _segmentSize;
        packet.Offload = new PacketOffload(true, false, isWhole ? _segmentSize : 0);

        // Blocks take the place of data: a full segment has none, and the acknowledgment goes alone.
        TcpOptions options = MakeOptions(isWhole ? 0 : (_segmentSize - length - 4) / 8);
        return Send(packet, sequence, flags, options);
    }

    private void SendAcknowledgment()
    {
        if (State is TcpState.SynSent or TcpState.SynReceived)
        {
            SendSynAcknowledgment();
            IsAcknowledgmentDue = false;
            return;
        }

        SendEmpty(_send.Next);
    }

    /// <summary>Sends a segment without data; one from before what was acknowledged last makes the peer answer.</summary>
    private void SendEmpty(SequenceNumber sequence)
    {
        PacketBuffer packet = Layer.Output.Pool.Rent(0);
        if (Send(packet, sequence, TcpFlags.Ack, MakeOptions(SackBlocks.Length)) == InternetSendResult.NoRoom)
        {
            IsAcknowledgmentDue = true;
            Layer.WaitForRoom(this);
        }
    }

    private void SendReset()
    {
        TcpOptions options = default;
        Send(Layer.Output.Pool.Rent(0), _send.Next, TcpFlags.Rst | TcpFlags.Ack, options);
        Layer.Counters.OutRsts++;
    }

    private TcpOptions MakeOptions(int sackRoom)
    {
        TcpOptions options = default;
        if (HasTimestamps)
        {
            options.HasTimestamps = true;
            options.TimestampValue = TimestampNow();
            options.TimestampEcho = _receive.RecentTimestamp;
        }

        int blocks = Math.Min(HasTimestamps ? SackBlocks.Length - 1 : SackBlocks.Length, sackRoom);
        if (!IsSackPermitted || blocks <= 0 || _incidents is null)
        {
            return options;
        }

        if (_incidents.Duplicate is SackBlock duplicate)
        {
            // RFC 2883, section 4: first what came twice, then, if it lies before a gap no longer, the block that holds it.
            _incidents.Duplicate = null;
            options.AddSack(duplicate);
        }

        _incidents.Early.AddTo(ref options, blocks);
        return options;
    }

    /// <summary>Puts the header before the data, and hands the packet on. Any segment with an acknowledgment is one.</summary>
    private InternetSendResult Send(PacketBuffer packet, SequenceNumber sequence, TcpFlags flags, in TcpOptions options)
    {
        bool isAcknowledgment = (flags & TcpFlags.Ack) != 0;
        int size = TcpHeader.FixedSize + options.Size;
        SequenceNumber advertised = _receive.Advertised;
        bool isSyn = (flags & TcpFlags.Syn) != 0;
        ushort window = State == TcpState.SynSent
            ? (ushort)Math.Min(_user.ReceiveQueue.Room, ushort.MaxValue)
            : AnnounceWindow(isScaled: !isSyn);
        ushort urgent = PointToUrgent(sequence, ref flags);
        TcpHeader header = new(
            Flow.Local.Port, Flow.Remote.Port, sequence, isAcknowledgment ? _receive.Next : default, flags, window, urgent, size);
        Span<byte> bytes = packet.Prepend(size);
        header.Write(bytes);
        options.Write(bytes[TcpHeader.FixedSize..]);
        BinaryPrimitives.WriteUInt16BigEndian(
            bytes[TcpHeader.ChecksumOffset..],
            TcpChecksum.OfPseudoHeader(Flow.Local.Address, Flow.Remote.Address, packet.Length));
        packet.Offload = packet.Offload with { IsChecksumPartial = true };
        InternetSendResult result = Layer.Output.Send(packet, TcpLayer.MakeHeader(Flow, Settings, Route));
        if (result == InternetSendResult.NoRoom)
        {
            _receive.Advertised = advertised;
            return result;
        }

        Layer.Counters.OutSegs++;
        if (isAcknowledgment)
        {
            _receive.LastAcknowledged = _receive.Next;
            _unacknowledgedData = 0;
            IsAcknowledgmentDue = false;
            IsAcknowledgmentUrgent = false;
            CancelTimer(TcpTimer.Acknowledge);
        }

        return result;
    }
}
