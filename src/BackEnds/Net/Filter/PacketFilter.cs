using System.Globalization;
using Xenlet.BackEnds.Net.Filter;
using Xenlet.Net;
using Xenlet.Net.Base;
using Xenlet.Net.Tcp;

namespace Xenlet.BackEnds;

/// <summary>
/// Which packets go from one port of a <see cref="LearningSwitch"/> to another: what <see cref="Rules"/> accept, and what belongs to a
/// connection that they have accepted. It neither changes packets nor puts fragments together.
/// </summary>
/// <remarks>
/// <para>Connections of TCP, UDP, echo requests and other protocols are remembered with the port from which they were opened, which has a
/// limit of its own. Its answers pass, and so do ICMP errors about it. After a change of rules, each connection is held against the new
/// ones with its next packet.</para>
/// <para>A port is its hardware address: the connections of a front end that has left are kept for some minutes, so that they go on when
/// its domain is restored.</para>
/// <para>All members are thread-safe.</para>
/// </remarks>
public sealed class PacketFilter
{
    /// <summary>How long the connections of a front end are kept that has left, in nanoseconds.</summary>
    private const long KeptFor = 5 * StackTime.Minute;

    /// <summary>Of how many front ends they are kept.</summary>
    private const int MostKept = 16;

    private readonly Lock _lock = new();
    private readonly FilterOptions _options;
    private readonly KeyedHash _hash = new(new SystemRandom());
    private readonly Dictionary<MacAddress, FilterPort> _frontEnds = [];
    private readonly FilterCounters _counters = new();
    private readonly ConnectionTracker _tracker;
    private uint _lastNumber;

    /// <summary>Creates a filter.</summary>
    /// <param name="rules">Its rules; without, everything is dropped.</param>
    /// <param name="options">Its limits.</param>
    /// <exception cref="ArgumentOutOfRangeException">A limit is less than 1.</exception>
    public PacketFilter(FilterRules? rules = null, FilterOptions? options = null)
    {
        _tracker = new(_counters) { Rules = rules ?? FilterRules.None };
        _options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.ConnectionsPerFrontEnd, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.ConnectionsFromOutside, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.AnswersPerSecond, 1);
        Outside = new(0, _hash, _options.ConnectionsFromOutside, _options.AnswersPerSecond) { IsOutside = true };
    }

    /// <summary>The rules. New ones are in force from the next packet on, for established connections too.</summary>
    public FilterRules Rules
    {
        get
        {
            lock (_lock)
            {
                return _tracker.Rules;
            }
        }

        set
        {
            ArgumentNullException.ThrowIfNull(value);
            lock (_lock)
            {
                _tracker.Rules = value;
                _tracker.RulesChange++;
            }
        }
    }

    /// <summary>All ports that are no front ends'.</summary>
    internal FilterPort Outside { get; }

    /// <summary>A line for an administrator.</summary>
    public override string ToString()
    {
        lock (_lock)
        {
            int connections = Outside.Opened.Count + _frontEnds.Values.Sum(port => port.Opened.Count);
            return string.Create(CultureInfo.InvariantCulture, $"{_tracker.Rules.Count} rules, {connections} connections; {_counters}");
        }
    }

    /// <summary>The port of a front end.</summary>
    internal FilterPort Connect(ushort domain, MacAddress address, string bridge, long now)
    {
        lock (_lock)
        {
            ForgetOld(now);
            if (!_frontEnds.TryGetValue(address, out FilterPort? port))
            {
                port = new(++_lastNumber, _hash, _options.ConnectionsPerFrontEnd, _options.AnswersPerSecond) { Address = address };
                _frontEnds.Add(address, port);
            }

            port.LeftAt = null;
            if (port.FrontEnds++ == 0)
            {
                Describe(port, domain, bridge);
            }

            return port;
        }
    }

    /// <summary>Takes what the tool stack says of that one of a port's front ends which is in use.</summary>
    internal void Describe(FilterPort port, ushort domain, string bridge)
    {
        lock (_lock)
        {
            _tracker.RulesChange += port.Describe(domain, bridge) ? 1 : 0;
        }
    }

    /// <summary>A front end has left.</summary>
    internal void Disconnect(FilterPort port, long now)
    {
        lock (_lock)
        {
            if (--port.FrontEnds == 0)
            {
                port.LeftAt = now;
                ForgetOld(now);
            }
        }
    }

    /// <summary>What becomes of a packet.</summary>
    /// <param name="from">The port from which it comes.</param>
    /// <param name="to">The port to which it goes.</param>
    /// <param name="header">The frame's header.</param>
    /// <param name="frame">The frame, which nobody else can change.</param>
    /// <param name="now">The time, in nanoseconds.</param>
    internal FilterVerdict Judge(FilterPort from, FilterPort to, in EthernetHeader header, ReadOnlySpan<byte> frame, long now)
    {
        lock (_lock)
        {
            FilterPacket packet = FilterPacket.Read(header, frame);
            FilterVerdict verdict = packet.Kind switch
            {
                PacketKind.Link => FilterVerdict.Accept,
                PacketKind.Router when from.IsOutside => FilterVerdict.Accept,
                PacketKind.LaterFragment when from.Fragments.Passes(packet, to.Number, _tracker.RulesChange, now) => FilterVerdict.Accept,
                PacketKind.Whole or PacketKind.FirstFragment => _tracker.Judge(from, to, packet, frame, now),
                _ => FilterVerdict.Drop,
            };
            if (packet.Kind == PacketKind.FirstFragment)
            {
                from.Fragments.Note(packet, to.Number, _tracker.RulesChange, verdict == FilterVerdict.Accept, now);
            }

            _counters.Malformed += packet.Kind == PacketKind.Malformed ? 1 : 0;
            _counters.Count(verdict);
            return verdict;
        }
    }

    /// <summary>Whether a port may be told of one more rejected packet.</summary>
    internal bool MayAnswer(FilterPort port, long now)
    {
        lock (_lock)
        {
            return port.Answers.TryTake(now);
        }
    }

    /// <summary>Forgets front ends that have left long ago, or too many of them.</summary>
    private void ForgetOld(long now)
    {
        List<FilterPort> left = [.. _frontEnds.Values.Where(port => port.LeftAt is not null).OrderByDescending(port => port.LeftAt)];
        for (int i = 0; i < left.Count; i++)
        {
            if (i >= MostKept || now - left[i].LeftAt >= KeptFor)
            {
                _frontEnds.Remove(left[i].Address);
            }
        }
    }
}
