using Xenlet.Net.Tcp;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>What the filter knows of both ends of a TCP connection. Which segments belong to it follows from their windows.</summary>
/// <remarks>
/// The bounds are those of G. van Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (2001): a segment lies in what its receiver has
/// offered, is not older than the largest window that it ever offered, and acknowledges what its receiver has sent, lately.
/// </remarks>
internal struct TcpTrack
{
    private TcpEnd _opener;
    private TcpEnd _answerer;

    /// <summary>Begins with the segment that opens the connection.</summary>
    public static TcpTrack Begin(in FilterPacket syn)
    {
        TcpTrack track = default;
        track._opener.Begin(syn);
        return track;
    }

    /// <summary>Takes a segment.</summary>
    /// <param name="packet">The segment.</param>
    /// <param name="isAnswer">Whether it comes from the end that did not open the connection.</param>
    /// <param name="age">How far the connection has come, and comes by this segment.</param>
    /// <returns>Whether it belongs to the connection.</returns>
    public bool TryTake(in FilterPacket packet, bool isAnswer, ref ConnectionAge age)
    {
        TcpTrack before = this;
        ref TcpEnd sender = ref isAnswer ? ref before._answerer : ref before._opener;
        ref TcpEnd receiver = ref isAnswer ? ref before._opener : ref before._answerer;
        if (!TryTake(packet, isAnswer, ref sender, ref receiver, ref age))
        {
            return false;
        }

        this = before;
        return true;
    }

    /// <summary>Whether an ICMP error may quote this sequence number: it was sent lately (RFC 5927, section 4.1).</summary>
    /// <param name="sequence">What is quoted.</param>
    /// <param name="isAnswer">Whether the end that did not open the connection has sent what is quoted.</param>
    public readonly bool HasSent(SequenceNumber sequence, bool isAnswer)
    {
        TcpEnd sender = isAnswer ? _answerer : _opener;
        TcpEnd receiver = isAnswer ? _opener : _answerer;
        return sender.HasSent && sender.MayBeUnanswered(sequence, receiver);
    }

    private static bool TryTake(in FilterPacket packet, bool isAnswer, ref TcpEnd sender, ref TcpEnd receiver, ref ConnectionAge age)
    {
        const TcpFlags Mask = TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Rst;
        bool isOpen = age is ConnectionAge.Established or ConnectionAge.Closing or ConnectionAge.Closed;
        switch (packet.Tcp.Flags & Mask)
        {
            case TcpFlags.Syn:
                // An opener that begins again is answered by an acknowledgment, which makes it reset the old connection (RFC 5961).
                if (age == ConnectionAge.Opening && !isAnswer && !receiver.HasSent)
                {
                    sender.Begin(packet);
                }

                return !isAnswer && age != ConnectionAge.Reset;
            case TcpFlags.Syn | TcpFlags.Ack when !isAnswer:
                return false;
            case TcpFlags.Syn | TcpFlags.Ack when !sender.HasSent:
                if (age != ConnectionAge.Opening || !receiver.HasOpened(packet.Tcp.Acknowledgment))
                {
                    return false;
                }

                sender.Begin(packet);
                TcpEnd.Agree(ref sender, ref receiver);
                receiver.Offer(packet.Tcp.Acknowledgment, sender.LargestWindow);
                sender.Offer(sender.End, receiver.LargestWindow);
                sender.Acknowledged = packet.Tcp.Acknowledgment;
                receiver.Acknowledged = sender.End;
                return true;
            case TcpFlags.Rst or (TcpFlags.Rst | TcpFlags.Ack):
                return TryTakeReset(packet, isAnswer, sender, receiver, ref age);
            case TcpFlags.Ack when !sender.HasSent || !receiver.HasSent:
                // A server that still has an older connection answers so, and is reset by the opener.
                return isAnswer && packet.DataLength == 0 && age == ConnectionAge.Opening;
        }

        if (!sender.Fits(packet, receiver))
        {
            return false;
        }

        sender.Take(packet, ref receiver);
        if (age == ConnectionAge.Reset)
        {
            return true;
        }

        if (!isOpen && !isAnswer)
        {
            age = ConnectionAge.Established;
        }

        if (age != ConnectionAge.Opening)
        {
            age = sender.IsClosed && receiver.IsClosed ? ConnectionAge.Closed
                : sender.HasClosed || receiver.HasClosed ? ConnectionAge.Closing
                : age;
        }

        return true;
    }

    /// <summary>
    /// A reset is for the receiver to judge as well, which obeys the number that it expects alone (RFC 5961): only by that the connection
    /// ends here.
    /// </summary>
    private static bool TryTakeReset(
        in FilterPacket packet, bool isAnswer, in TcpEnd sender, in TcpEnd receiver, ref ConnectionAge age)
    {
        bool hasAcknowledgment = (packet.Tcp.Flags & TcpFlags.Ack) != 0;
        if (!sender.HasSent)
        {
            if (!isAnswer || !hasAcknowledgment || !receiver.HasOpened(packet.Tcp.Acknowledgment))
            {
                return false;
            }

            age = ConnectionAge.Reset;
            return true;
        }

        if (!receiver.HasSent)
        {
            // It answers the acknowledgment of an older connection, whose numbers nobody here knows.
            return true;
        }

        if (!sender.Fits(packet, receiver))
        {
            return false;
        }

        if (packet.Tcp.Sequence == receiver.Acknowledged || packet.Tcp.Sequence == sender.End)
        {
            age = ConnectionAge.Reset;
        }

        return true;
    }
}
