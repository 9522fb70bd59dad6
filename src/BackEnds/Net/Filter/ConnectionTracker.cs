using Xenlet.Net;
using Xenlet.Net.Tcp;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>
/// Judges packets by the connections to which they belong, and by the rules otherwise. It knows neither links nor fragments. The caller
/// serialises calls.
/// </summary>
internal sealed class ConnectionTracker(FilterCounters counters)
{
    /// <summary>The rules.</summary>
    public required FilterRules Rules { get; set; }

    /// <summary>Counts changes of rules, and of what they see of ports.</summary>
    public int RulesChange { get; set; }

    /// <summary>What becomes of a whole packet or of its first fragment.</summary>
    public FilterVerdict Judge(FilterPort from, FilterPort to, in FilterPacket packet, ReadOnlySpan<byte> frame, long now)
    {
        if (packet.IsToGroup)
        {
            return Rules.Judge(from, to, packet.Subject);
        }

        if (packet.IsIcmpError)
        {
            return IsRelated(from, to, packet, frame, now) ? FilterVerdict.Accept : Rules.Judge(from, to, packet.Subject);
        }

        Flow reverse = new(packet.Flow.Remote, packet.Flow.Local);
        bool isIcmp = packet.Protocol is ProtocolNumber.Icmp or ProtocolNumber.IcmpV6;
        bool mayOpen = !isIcmp || packet.IsEchoRequest;
        if (mayOpen && from.Opened.Find(packet.Protocol, packet.Flow, to.Number, now) is >= 0 and int own)
        {
            if (!BeginsAgain(from.Opened, own, packet))
            {
                return Continue(from, to, own, packet, isAnswer: false, now);
            }
        }
        else if ((!isIcmp || packet.IsEchoReply) && to.Opened.Find(packet.Protocol, reverse, from.Number, now) is >= 0 and int other
            && !BeginsAgain(to.Opened, other, packet))
        {
            return Continue(to, from, other, packet, isAnswer: true, now);
        }

        FilterVerdict verdict = Rules.Judge(from, to, packet.Subject);
        return verdict == FilterVerdict.Accept && mayOpen ? Open(from, to, packet, now) : verdict;
    }

    /// <summary>Remembers a connection that the rules accept.</summary>
    private FilterVerdict Open(FilterPort from, FilterPort to, in FilterPacket packet, long now)
    {
        const TcpFlags Opening = TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Rst;
        bool isTcp = packet.Protocol == ProtocolNumber.Tcp;
        if (isTcp && (packet.Tcp.Flags & Opening) != TcpFlags.Syn)
        {
            // It belongs to a connection that nobody here has seen the beginning of.
            return FilterVerdict.Drop;
        }

        Connection connection = new()
        {
            Protocol = packet.Protocol,
            Flow = packet.Flow,
            Peer = to.Number,
            IcmpType = packet.IcmpType,
            RulesChange = RulesChange,
            Age = isTcp ? ConnectionAge.Opening : ConnectionAge.Single,
            SeenAt = now,
            Tcp = isTcp ? TcpTrack.Begin(packet) : default,
        };
        if (!from.Opened.TryAdd(connection))
        {
            counters.Full++;
            return FilterVerdict.Drop;
        }

        return FilterVerdict.Accept;
    }

    /// <summary>Takes a packet of a known connection.</summary>
    private FilterVerdict Continue(FilterPort opener, FilterPort peer, int index, in FilterPacket packet, bool isAnswer, long now)
    {
        if (Recheck(opener, peer, index) is not FilterVerdict.Accept and FilterVerdict refusal)
        {
            return refusal;
        }

        ref Connection connection = ref opener.Opened[index];
        ConnectionAge age = connection.Age;
        if (connection.Protocol == ProtocolNumber.Tcp)
        {
            if (!connection.Tcp.TryTake(packet, isAnswer, ref age))
            {
                return FilterVerdict.Drop;
            }
        }
        else if (isAnswer && !packet.IsEchoReply)
        {
            age = ConnectionAge.Answered;
        }

        // One that was reset is over in a while, whoever does not believe it.
        if (age != ConnectionAge.Reset || connection.Age != ConnectionAge.Reset)
        {
            opener.Opened.Touch(index, age, now);
        }

        return FilterVerdict.Accept;
    }

    /// <summary>Holds a connection against new rules; it is forgotten if they do not accept it.</summary>
    private FilterVerdict Recheck(FilterPort opener, FilterPort peer, int index)
    {
        ref Connection connection = ref opener.Opened[index];
        if (connection.RulesChange != RulesChange)
        {
            FilterVerdict verdict = Rules.Judge(opener, peer, connection.Opening);
            if (verdict != FilterVerdict.Accept)
            {
                opener.Opened.Remove(index);
                return verdict;
            }

            connection.RulesChange = RulesChange;
        }

        return FilterVerdict.Accept;
    }

    /// <summary>Forgets a TCP connection that is over if a segment begins a new one between the same ends.</summary>
    private static bool BeginsAgain(ConnectionTable table, int index, in FilterPacket packet)
    {
        if (packet.Protocol != ProtocolNumber.Tcp || (packet.Tcp.Flags & (TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Rst)) != TcpFlags.Syn
            || table[index].Age is not (ConnectionAge.Closed or ConnectionAge.Reset))
        {
            return false;
        }

        table.Remove(index);
        return true;
    }

    /// <summary>Whether an ICMP error is about a packet that its receiver has sent in a known connection.</summary>
    private bool IsRelated(FilterPort from, FilterPort to, in FilterPacket error, ReadOnlySpan<byte> frame, long now)
    {
        ReadOnlySpan<byte> quoted = frame[(error.TransportOffset + IcmpHeader.Size)..error.End];
        if (!QuotedPacket.TryRead(quoted, error.Flow.Local.Address.IsIPv4, out QuotedPacket packet)
            || packet.Flow.Local.Address != error.Flow.Remote.Address)
        {
            return false;
        }

        Flow flow = FlowOf(packet);
        Flow reverse = new(flow.Remote, flow.Local);
        return to.Opened.Find(packet.Protocol, flow, from.Number, now) is >= 0 and int own
            ? IsAbout(to, from, own, packet, isAnswer: false)
            : from.Opened.Find(packet.Protocol, reverse, to.Number, now) is >= 0 and int other
                && IsAbout(from, to, other, packet, isAnswer: true);
    }

    private bool IsAbout(FilterPort opener, FilterPort peer, int index, in QuotedPacket packet, bool isAnswer) =>
        Recheck(opener, peer, index) == FilterVerdict.Accept
        && (packet.Protocol != ProtocolNumber.Tcp || opener.Opened[index].Tcp.HasSent(new(packet.SequenceNumber), isAnswer));

    /// <summary>The ends of a quoted packet as a connection has them, with an echo's identifier in the place of ports.</summary>
    private static Flow FlowOf(in QuotedPacket packet)
    {
        Flow flow = packet.Flow;
        ushort port = packet.Protocol is ProtocolNumber.Icmp or ProtocolNumber.IcmpV6 ? (ushort)(packet.SequenceNumber >> 16) : (ushort)0;
        return packet.Protocol is ProtocolNumber.Tcp or ProtocolNumber.Udp ? flow
            : new(flow.Local with { Port = port }, flow.Remote with { Port = port });
    }
}
