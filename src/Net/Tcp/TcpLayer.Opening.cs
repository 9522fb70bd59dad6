using Xenlet.Net.Base;
using Xenlet.Net.Internet;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tcp;

/// <content>Binding, listening, connecting, accepting.</content>
internal sealed partial class TcpLayer
{
    /// <summary>Takes a local port for a user; port 0 is a free one.</summary>
    /// <param name="local">Address and port. That the address is one of this host's is the caller's to know.</param>
    /// <param name="isDual">Whether <c>::</c> means the addresses of IPv4 too.</param>
    /// <param name="canReuseAddress">SO_REUSEADDR.</param>
    /// <param name="canReusePort">SO_REUSEPORT.</param>
    /// <param name="binding">The hold on the port, until <see cref="Release"/>.</param>
    public TcpError Bind(Endpoint local, bool isDual, bool canReuseAddress, bool canReusePort, out TcpBinding? binding)
    {
        if (local.Port == 0)
        {
            ushort port = Ports.ChooseEphemeral(Ports.IsFree);
            if (port == 0)
            {
                binding = null;
                return TcpError.AddressInUse;
            }

            local = local with { Port = port };
        }

        binding = new TcpBinding(this, local, isDual, canReuseAddress, canReusePort);
        if (Ports.TryAdd(binding))
        {
            return TcpError.None;
        }

        binding = null;
        return TcpError.AddressInUse;
    }

    /// <summary>Gives a binding back. Connections that were accepted on it keep the port.</summary>
    public void Release(TcpBinding binding) => Ports.Release(binding);

    /// <summary>Waits for connections on a bound port. The listener holds the port too.</summary>
    public TcpError Listen(TcpBinding binding, ITcpListenUser user, TcpSettings settings, int backlog, out TcpListener? listener)
    {
        listener = null;
        if (!Ports.CanListen(binding))
        {
            return TcpError.AddressInUse;
        }

        binding.IsListening = true;
        binding.References++;
        listener = new TcpListener(this, binding, user, settings, backlog);
        _listeners.Add(listener);
        return TcpError.None;
    }

    /// <summary>Waits no more. Connections made before go on; those that nobody has accepted are their users' to abort.</summary>
    public void Close(TcpListener listener)
    {
        if (_listeners.Remove(listener))
        {
            listener.Close();
            listener.Binding.IsListening = false;
            Ports.Release(listener.Binding);
        }
    }

    /// <summary>Opens a connection. When there is an error none was opened, and the user is not told anything.</summary>
    /// <param name="remote">The peer.</param>
    /// <param name="user">Who owns the connection.</param>
    /// <param name="bound">What the user has bound before, or null; the connection holds the port too.</param>
    /// <param name="settings">What the connection begins with.</param>
    /// <param name="connection">The connection, whose SYN is on its way.</param>
    public TcpError Connect(Endpoint remote, ITcpUser user, TcpBinding? bound, TcpSettings? settings, out TcpConnection? connection)
    {
        connection = null;
        if (remote.Address.IsMulticast || remote.Address == InternetAddress.LimitedBroadcast)
        {
            return TcpError.NetworkUnreachable;
        }

        InternetAddress towards = remote.Address.IsIPv4 && settings?.Route is { } route ? route.FirstHop : remote.Address;
        if (!Output.TrySelectSource(towards, settings?.BoundInterface ?? 0, out InternetAddress source))
        {
            return TcpError.NetworkUnreachable;
        }

        if (bound is not null && !bound.Local.Address.IsAny)
        {
            source = bound.Local.Address;
        }

        TcpBinding? binding = bound;
        Flow flow;
        if (binding is null)
        {
            ushort port = Ports.ChooseEphemeral(port =>
                Ports.IsFreeForConnect(port) && IsUnused(new Flow(new Endpoint(source, port), remote)));
            binding = new TcpBinding(this, new Endpoint(source, port), false, true, true) { IsEphemeral = true };
            if (port == 0 || !Ports.TryAdd(binding))
            {
                return TcpError.AddressNotAvailable;
            }

            flow = new Flow(binding.Local, remote);
        }
        else
        {
            flow = new Flow(new Endpoint(source, binding.Local.Port), remote);
            if (!IsUnused(flow))
            {
                return TcpError.AddressNotAvailable;
            }

            binding.References++;
        }

        connection = TcpConnection.Connect(flow, user, binding, settings, InitialSequence(flow, null));
        _connections.Add(connection);
        Counters.ActiveOpens++;
        connection.Start();
        return TcpError.None;
    }

    /// <summary>Makes a connection of a SYN whose answer is acknowledged; false when its user takes none now.</summary>
    public bool TryAccept(SynRecord syn, in TcpSegment segment)
    {
        TcpListener listener = syn.Listener!;
        if (!listener.User.HasRoom || listener.User.OnConnection(syn.Flow) is not ITcpUser user)
        {
            Counters.ListenDrops++;
            return false;
        }

        TcpConnection connection;
        try
        {
            connection = TcpConnection.Accept(syn, user, listener.Binding, listener.Settings);
        }
        catch
        {
            // Its program may have it already, and would wait for ever.
            user.OnEnded(TcpError.Reset);
            throw;
        }

        listener.Binding.References++;
        _connections.Add(connection);
        Counters.PassiveOpens++;
        listener.User.OnAccepted(user, connection);
        Serve(connection, segment);
        return true;
    }

    /// <summary>
    /// An initial sequence number (RFC 6528): a clock of 4 µs, and a number that is another one for each flow.
    /// </summary>
    public SequenceNumber InitialSequence(in Flow flow, SequenceNumber? atLeast)
    {
        SequenceNumber number = new((uint)(Clock.Now / 4_000) + (uint)Hash.Of(flow, 0x4953_4E31));
        return atLeast is SequenceNumber least ? SequenceNumber.Max(number, least) : number;
    }

    /// <summary>The same for all connections of two hosts, so that the peer's TIME-WAIT sees timestamps go on (RFC 6191).</summary>
    public uint TimestampOffset(in Flow flow) => (uint)Hash.OfAddresses(flow);

    /// <summary>The clock of timestamps: milliseconds (RFC 7323, section 5.4).</summary>
    public uint TimestampNow(uint offset) => (uint)(Clock.Now / StackTime.Millisecond) + offset;

    /// <summary>By how much windows are shifted for a queue to be announced whole.</summary>
    public static int ScaleFor(int capacity)
    {
        int scale = 0;
        while (scale < 14 && capacity >> scale > ushort.MaxValue)
        {
            scale++;
        }

        return scale;
    }

    /// <summary>The segment size that a SYN announces.</summary>
    public ushort AnnouncedSegmentSize(in Flow flow, TcpSettings settings, SourceRoute? route)
    {
        int overhead = (flow.Remote.Address.IsIPv4 ? 20 : 40) + TcpHeader.FixedSize;
        int size = Output.PathMtu(route?.FirstHop ?? flow.Remote.Address, settings.BoundInterface) - overhead;
        size = settings.MaximumSegmentSize == 0 ? size : Math.Min(size, settings.MaximumSegmentSize);
        return (ushort)Math.Clamp(size, TcpConnection.LeastSegmentSize, ushort.MaxValue);
    }

    /// <summary>Refuses a segment (RFC 9293, section 3.10.7.1).</summary>
    public void SendReset(in Flow flow, in TcpSegment segment)
    {
        if (segment.Has(TcpFlags.Ack))
        {
            SendReset(flow, segment.Acknowledgment, segment.WayBack);
        }
        else
        {
            Counters.OutRsts++;
            SendAlone(flow, default, segment.End, TcpFlags.Rst | TcpFlags.Ack, 0, default, route: segment.WayBack);
        }
    }

    /// <summary>Resets a peer's connection.</summary>
    /// <param name="flow">Its flow.</param>
    /// <param name="sequence">The number that the peer expects.</param>
    /// <param name="wayBack">The way by which it came, if by a source route.</param>
    public void SendReset(in Flow flow, SequenceNumber sequence, SourceRoute? wayBack)
    {
        Counters.OutRsts++;
        SendAlone(flow, sequence, default, TcpFlags.Rst, 0, default, route: wayBack);
    }

    /// <summary>Sends a segment without data that belongs to no connection.</summary>
    public void SendAlone(
        in Flow flow,
        SequenceNumber sequence,
        SequenceNumber acknowledgment,
        TcpFlags flags,
        ushort window,
        in TcpOptions options,
        TcpSettings? settings = null,
        SourceRoute? route = null)
    {
        PacketBuffer packet = Output.Pool.Rent(0);
        int size = TcpHeader.FixedSize + options.Size;
        Span<byte> bytes = packet.Append(size);
        TcpHeader header = new(flow.Local.Port, flow.Remote.Port, sequence, acknowledgment, flags, window, 0, size);
        header.Write(bytes);
        options.Write(bytes[TcpHeader.FixedSize..]);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(
            bytes[TcpHeader.ChecksumOffset..], TcpChecksum.OfPseudoHeader(flow.Local.Address, flow.Remote.Address, size));
        packet.Offload = new PacketOffload(true, false, 0);
        Output.Send(packet, MakeHeader(flow, settings, route));
        Counters.OutSegs++;
    }

    /// <summary>The IP header of a segment.</summary>
    public static InternetHeader MakeHeader(in Flow flow, TcpSettings? settings, SourceRoute? route) => new(
        flow.Local.Address,
        flow.Remote.Address,
        TcpHeader.Protocol,
        settings?.HopLimit ?? 0,
        settings?.TrafficClass ?? 0,
        CanFragment: false)
    {
        InterfaceIndex = settings?.BoundInterface ?? 0,
        Route = route,
    };

    private bool IsUnused(in Flow flow) => !_connections.TryGet(flow, out _) && !_timeWaits.TryGet(flow, out _);

    /// <summary>
    /// The listener for a packet: one bound to its very address before one bound to all; of several that share a port, one chosen by the
    /// flow.
    /// </summary>
    private TcpListener? FindListener(in Flow flow, int interfaceIndex)
    {
        TcpListener? found = null;
        int best = 0;
        int count = 0;
        foreach (TcpListener listener in _listeners)
        {
            TcpBinding binding = listener.Binding;
            bool isOfInterface = listener.Settings.BoundInterface == 0 || listener.Settings.BoundInterface == interfaceIndex;
            if (binding.Local.Port != flow.Local.Port || !binding.Covers(flow.Local.Address) || !isOfInterface)
            {
                continue;
            }

            int fit = !binding.Local.Address.IsAny ? 3 : binding.Local.Address.IsIPv4 == flow.Local.Address.IsIPv4 ? 2 : 1;
            if (fit > best)
            {
                best = fit;
                count = 0;
            }

            // Each of the equals is taken with the same probability, and the same one for all segments of a flow.
            if (fit == best && (uint)Hash.Of(flow, 0x4752_5031) % (uint)++count == 0)
            {
                found = listener;
            }
        }

        return found;
    }
}
