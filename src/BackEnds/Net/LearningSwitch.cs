using System.Globalization;
using Xenlet.BackEnds.Net;
using Xenlet.BackEnds.Net.Filter;
using Xenlet.Drivers;
using Xenlet.Net;
using Xenlet.Net.Base;

namespace Xenlet.BackEnds;

/// <summary>
/// A switch that joins front ends to each other and to other networks. It bridges frames; it does not route, nor translate addresses.
/// </summary>
/// <remarks>
/// <para>A front end sends under its own hardware address alone, and under its IP addresses, if the tool stack gave it any. That hardware
/// address is known, so a frame to an unknown address goes to the ports of <see cref="AddPort"/> alone.</para>
/// <para>Frames go through as they are: the back end of each front end completes checksums and cuts frames as that needs it.</para>
/// <para>A port's frames wait in the memory of the port that they go to, which has its own limit. All members are thread-safe.</para>
/// </remarks>
public sealed class LearningSwitch : IFrameNetwork
{
    private readonly Lock _lock = new();
    private readonly SwitchOptions _options;
    private readonly AddressTable<SwitchPort> _addresses;
    private readonly Dictionary<IFramePort, SwitchPort> _frontEnds = [];
    private SwitchPort[] _ports = [];
    private long _forwarded;
    private long _flooded;
    private long _refused;
    private long _limited;
    private long _filtered;

    /// <summary>Creates a switch without ports.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A rate is less than 1, or a burst has no room for the largest frame.</exception>
    public LearningSwitch(SwitchOptions? options = null)
    {
        _options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.BytesPerSecond ?? 1, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.BurstBytes, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.CopiesPerSecond, 1);
        _addresses = new(_options.AddressesPerPort, (long)_options.AddressLifetime.TotalNanoseconds);
    }

    private long Now => (long)_options.TimeProvider.GetElapsedTime(0).TotalNanoseconds;

    /// <inheritdoc/>
    /// <remarks>
    /// The tool stack gives a domain that is migrated within this host two devices of one hardware address, for a moment. Frames to it go
    /// to that one which has sent last.
    /// </remarks>
    public IFramePort Connect(NetworkPortRequest request, IFramePort frontEnd)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(frontEnd);
        TokenBucket? rate = _options.BytesPerSecond is { } bytes
            ? new(_options.BurstBytes / SwitchPort.RateUnit, Math.Max(1, StackTime.Second * SwitchPort.RateUnit / bytes))
            : null;
        lock (_lock)
        {
            SwitchPort port = new(this, frontEnd, request, rate, NewCopies())
            {
                Filtered = _options.Filter?.Connect(request.Domain, request.Address, request.Bridge, Now),
            };
            if (!_ports.Any(other => other.Request?.Address == request.Address))
            {
                Lead(port, request);
            }

            _frontEnds.Add(frontEnd, port);
            _ports = [.. _ports, port];
            return port;
        }
    }

    /// <inheritdoc/>
    public void Disconnect(IFramePort frontEnd)
    {
        lock (_lock)
        {
            if (_frontEnds.Remove(frontEnd, out SwitchPort? port))
            {
                _ports = [.. _ports.Where(other => other != port)];
                _addresses.Remove(port);
                if (port is { IsLeading: true, Request: { } request }
                    && _ports.LastOrDefault(other => other.Request?.Address == request.Address) is { } next)
                {
                    Lead(next, next.Request!);
                }

                if (port is { Filtered: { IsOutside: false } filtered })
                {
                    _options.Filter!.Disconnect(filtered, Now);
                }
            }
        }
    }

    /// <summary>Adds a port to another network, whose addresses are learned. Nothing that comes from there is held to an address.</summary>
    /// <param name="behind">Takes frames for that network. <see cref="Disconnect"/> takes the port away.</param>
    /// <returns>Takes the frames of that network.</returns>
    public IFramePort AddPort(IFramePort behind)
    {
        ArgumentNullException.ThrowIfNull(behind);
        lock (_lock)
        {
            SwitchPort port = new(this, behind, request: null, rate: null, NewCopies()) { Filtered = _options.Filter?.Outside };
            _frontEnds.Add(behind, port);
            _ports = [.. _ports, port];
            return port;
        }
    }

    /// <summary>A line for an administrator.</summary>
    public override string ToString()
    {
        lock (_lock)
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{_ports.Length} ports, {_addresses.Count} addresses; {_forwarded} frames forwarded, {_flooded} to several ports, "
                    + $"{_refused} under a wrong address, {_limited} beyond a limit, {_filtered} stopped by the filter");
        }
    }

    /// <summary>Decides about a frame that came from a port.</summary>
    /// <param name="from">The port.</param>
    /// <param name="frame">The frame. What is behind the headers of TCP is not read.</param>
    internal FrameRoute Route(SwitchPort from, ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            if (!Accepts(from, frame, out EthernetHeader header, out long now))
            {
                return FrameRoute.Nowhere;
            }

            SwitchPort[] several = [];
            SwitchPort? only = header.Destination.IsMulticast ? null : _addresses.Find(header.Destination, now);
            if (only is null)
            {
                several = OthersFor(from, header.Destination);
                if (several.Length == 0 || !from.MayCopy(several.Length - 1, now))
                {
                    _limited += several.Length == 0 ? 0 : 1;
                    return FrameRoute.Nowhere;
                }

                _flooded++;
            }
            else if (only == from)
            {
                return FrameRoute.Nowhere;
            }

            FilterVerdict verdict = Filter(from, only, ref several, header, frame, now);
            _ = verdict == FilterVerdict.Accept ? _forwarded++ : _filtered++;
            return new(only, several, verdict, now);
        }
    }

    /// <summary>Forwards a frame that came from a port where <see cref="Route"/> said.</summary>
    internal void Forward(SwitchPort from, in FrameRoute route, FrameBuffer frame)
    {
        // What the sender of a rejected frame is told counts as its own frame.
        frame.Origin = from;
        if (route.Verdict != FilterVerdict.Accept)
        {
            Refuse(from, frame, route.Verdict, route.Time);
            return;
        }

        if (route.Only is not null)
        {
            route.Only.Behind.Send(frame);
            return;
        }

        foreach (SwitchPort port in route.Several.AsSpan(1))
        {
            if (TryCopy(frame) is { } copy)
            {
                port.Behind.Send(copy);
            }
        }

        route.Several[0].Behind.Send(frame);
    }

    /// <summary>
    /// The ports for a destination that no port alone has. Front ends' addresses are known: what is sent to another is not for them.
    /// </summary>
    private SwitchPort[] OthersFor(SwitchPort from, MacAddress destination) =>
        [.. _ports.Where(port => port != from && (destination.IsMulticast || port.Guard is null))];

    /// <summary>What becomes of a frame; of several ports, those are left to which it may go. Called under the lock.</summary>
    private FilterVerdict Filter(
        SwitchPort from, SwitchPort? only, ref SwitchPort[] several, EthernetHeader header, ReadOnlySpan<byte> frame, long now)
    {
        if (_options.Filter is not { } filter)
        {
            return FilterVerdict.Accept;
        }

        if (only is not null || several.Length == 1)
        {
            return filter.Judge(from.Filtered!, (only ?? several[0]).Filtered!, header, frame, now);
        }

        List<SwitchPort> left = [];
        foreach (SwitchPort port in several)
        {
            if (filter.Judge(from.Filtered!, port.Filtered!, header, frame, now) == FilterVerdict.Accept)
            {
                left.Add(port);
            }
        }

        several = [.. left];
        return left.Count > 0 ? FilterVerdict.Accept : FilterVerdict.Drop;
    }

    /// <summary>Drops a frame, and tells its sender if it is to know.</summary>
    private void Refuse(SwitchPort from, FrameBuffer frame, FilterVerdict verdict, long now)
    {
        if (verdict == FilterVerdict.Reject && _options.Filter!.MayAnswer(from.Filtered!, now) && Rejection.TryWrite(frame))
        {
            from.Behind.Send(frame);
        }
        else
        {
            frame.Dispose();
        }
    }

    /// <summary>A copy for one more port, or null without memory: that is no reason to end the sender's connection.</summary>
    private FrameBuffer? TryCopy(FrameBuffer frame)
    {
        try
        {
            return frame.Copy();
        }
        catch (OutOfMemoryException)
        {
            lock (_lock)
            {
                _limited++;
            }

            return null;
        }
    }

    /// <summary>Whether a port may send a frame now. Called under the lock.</summary>
    private bool Accepts(SwitchPort from, ReadOnlySpan<byte> frame, out EthernetHeader header, out long now)
    {
        now = Now;
        if (!EthernetHeader.TryRead(frame, out header) || header.Source.IsMulticast || Array.IndexOf(_ports, from) < 0)
        {
            _refused++;
            return false;
        }

        if (from.Guard is { } guard)
        {
            if (!guard.Allows(header, frame))
            {
                _refused++;
                return false;
            }

            if (!from.HasRate(frame.Length, now))
            {
                _limited++;
                return false;
            }

            if (!from.IsLeading)
            {
                Lead(from, from.Request!);
            }

            return true;
        }

        _addresses.Learn(header.Source, from, now);
        return true;
    }

    /// <summary>Has frames to a front end's hardware address go to it from now on. Called under the lock.</summary>
    private void Lead(SwitchPort port, NetworkPortRequest request)
    {
        foreach (SwitchPort other in _ports)
        {
            other.IsLeading = other.IsLeading && other.Request!.Address != request.Address;
        }

        port.IsLeading = true;
        _addresses.Fix(request.Address, port);
        if (port.Filtered is { } filtered)
        {
            _options.Filter!.Describe(filtered, request.Domain, request.Bridge);
        }
    }

    private TokenBucket NewCopies() => new(_options.CopiesPerSecond, Math.Max(1, StackTime.Second / _options.CopiesPerSecond));
}
