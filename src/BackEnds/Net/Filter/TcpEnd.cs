using Xenlet.Net.Tcp;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>What the filter knows of one end of a TCP connection.</summary>
internal struct TcpEnd
{
    /// <summary>How far an acknowledgment may lag behind, at least: a window without scaling, and some more.</summary>
    private const int LeastLag = 66_000;

    private SequenceNumber _start;
    private SequenceNumber _limit;
    private sbyte _scale;
    private bool _hasScale;

    /// <summary>Whether it has sent its SYN.</summary>
    public bool HasSent { get; private set; }

    /// <summary>Behind the last byte that it has sent.</summary>
    public SequenceNumber End { get; private set; }

    /// <summary>The largest window that it has offered, in bytes.</summary>
    public int LargestWindow { get; private set; }

    /// <summary>The last byte that it expects, as far as it has said.</summary>
    public SequenceNumber Acknowledged { get; set; }

    /// <summary>Whether it has sent its FIN.</summary>
    public bool HasClosed { get; private set; }

    /// <summary>Whether the other end has acknowledged that.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Begins with a SYN, with or without an acknowledgment. Its window is never scaled (RFC 7323, section 2.2).</summary>
    public void Begin(in FilterPacket syn)
    {
        HasSent = true;
        _start = syn.Tcp.Sequence + 1;
        End = _start + syn.DataLength;
        _limit = End;
        LargestWindow = Math.Max((int)syn.Tcp.Window, 1);
        _hasScale = syn.WindowScale >= 0;
        _scale = (sbyte)Math.Max(syn.WindowScale, 0);
    }

    /// <summary>Windows are scaled only if both ends have said so.</summary>
    public static void Agree(ref TcpEnd one, ref TcpEnd other)
    {
        if (!one._hasScale || !other._hasScale)
        {
            one._scale = 0;
            other._scale = 0;
        }
    }

    /// <summary>Whether a number acknowledges this end's SYN, and no more than it has sent with it.</summary>
    public readonly bool HasOpened(SequenceNumber acknowledgment) => acknowledgment >= _start && acknowledgment <= End;

    /// <summary>The other end has offered to take so many bytes behind a number.</summary>
    public void Offer(SequenceNumber from, int window) => _limit = SequenceNumber.Max(_limit, from + Math.Max(window, 1));

    /// <summary>Whether a segment of this end belongs to the connection.</summary>
    public readonly bool Fits(in FilterPacket packet, in TcpEnd receiver)
    {
        SequenceNumber end = EndOf(packet);
        if (packet.Tcp.Sequence > _limit || end < End - receiver.LargestWindow)
        {
            return false;
        }

        return (packet.Tcp.Flags & TcpFlags.Ack) == 0
            || (packet.Tcp.Acknowledgment <= receiver.End
                && packet.Tcp.Acknowledgment >= receiver.End - Math.Max(LargestWindow, LeastLag));
    }

    /// <summary>Whether this end has sent a number, lately: the other end has not offered more since, or not answered at all.</summary>
    public readonly bool MayBeUnanswered(SequenceNumber sequence, in TcpEnd receiver) =>
        sequence <= End && sequence >= (receiver.HasSent ? End - receiver.LargestWindow : _start - 1);

    /// <summary>Takes a segment that belongs to the connection.</summary>
    public void Take(in FilterPacket packet, ref TcpEnd receiver)
    {
        bool isSyn = (packet.Tcp.Flags & TcpFlags.Syn) != 0;
        int window = isSyn ? packet.Tcp.Window : packet.Tcp.Window << _scale;
        SequenceNumber acknowledgment = packet.Tcp.Acknowledgment;
        End = SequenceNumber.Max(End, EndOf(packet));
        HasClosed |= (packet.Tcp.Flags & TcpFlags.Fin) != 0;
        LargestWindow = Math.Max(LargestWindow, window);
        Acknowledged = SequenceNumber.Max(Acknowledged, acknowledgment);
        receiver.Offer(acknowledgment, window);
        receiver.IsClosed |= receiver.HasClosed && acknowledgment == receiver.End;
    }

    private static SequenceNumber EndOf(in FilterPacket packet) =>
        packet.Tcp.Sequence + packet.DataLength + ((packet.Tcp.Flags & (TcpFlags.Syn | TcpFlags.Fin)) != 0 ? 1 : 0);
}
