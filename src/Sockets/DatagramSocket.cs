using Xenlet.Kernel.Sockets;
using Xenlet.Net;
using Xenlet.Sockets.Files;

namespace Xenlet.Sockets;

/// <summary>A socket of datagrams: an endpoint of UDP, whose datagrams wait in the kernel's queues.</summary>
internal sealed class DatagramSocket : StackSocket, IUdpUser
{
    /// <summary>Bytes of a datagram that needs no fragments on an Ethernet.</summary>
    private const int SmallDatagram = 1_500;

    private readonly UdpEndpoint _endpoint;

    // A datagram that waits for the guest's first address, or for room in its interface, and the others behind it.
    private PacketBuffer? _held;
    private DatagramHeader _heldHeader;
    private bool _isBlocked;
    private bool _isWaitingForAddress;
    private bool _isFinishing;

    public DatagramSocket(SocketTable table, SocketHandle handle, bool isIPv6)
        : base(table, handle, isIPv6)
    {
        _endpoint = table.Stack.CreateUdpEndpoint(this, isIPv6);
        ReadOptions();
    }

    bool IUdpUser.TryReceive(in UdpOrigin origin, ReadOnlySpan<byte> data)
    {
        DatagramHeader header = new()
        {
            Remote = Translation.ToSocketEndpoint(origin.Remote, origin.InterfaceIndex),
            Local = Translation.ToSocketEndpoint(origin.Local, origin.InterfaceIndex),
            InterfaceIndex = origin.InterfaceIndex,
            HopLimit = origin.HopLimit,
            TrafficClass = origin.TrafficClass,
        };
        try
        {
            return Host.TryDeliver(Handle, in header, data);
        }
        catch (Exception error)
        {
            Table.OnFault(this, error);
            return false;
        }
    }

    void IUdpUser.OnError(NetworkError error) => Host.Fail(Handle, Translation.ToErrno(error));

    void IUdpUser.OnErrorReport(in UdpErrorReport report, ReadOnlySpan<byte> payload) => Host.QueueError(
        Handle,
        new SocketErrorReport
        {
            Reason = Translation.ToErrno(report.Reason),
            Remote = Translation.ToSocketEndpoint(report.Remote),
            Offender = Translation.ToSocketEndpoint(new Endpoint(report.Offender, 0)),
            Type = report.Type,
            Code = report.Code,
            Info = report.Mtu,
        },
        payload);

    void IUdpUser.OnWritable()
    {
        _isBlocked = false;
        try
        {
            SendAll();
            if (_isFinishing && !_isBlocked)
            {
                _endpoint.Close();
                Finish();
            }
        }
        catch (Exception error)
        {
            Table.OnFault(this, error);
        }
    }

    public override SocketView? View => _endpoint.Local.Port == 0
        ? null
        : new SocketView(
            false,
            IsIPv6,
            _endpoint.Local,
            _endpoint.Remote ?? SocketView.Nobody(IsIPv6),
            _endpoint.Remote is null ? SocketView.Closed : SocketView.Established,
            Host.GetSendLength(Handle),
            Host.GetReceiveLength(Handle))
        {
            Inode = Inode,
        };

    public override bool IsDelivered => !_isBlocked;

    /// <summary>There is no connection; what comes next may go well, and what waits to be sent is not announced again.</summary>
    protected override void EndByFault()
    {
        if (IsClosed)
        {
            _endpoint.Close();
            Finish();
        }
        else
        {
            SendAll();
        }
    }

    protected override void OnSignals(in SocketRequest request)
    {
        if ((request.Signals & SocketSignals.OptionsChanged) != 0)
        {
            ReadOptions();
        }

        if ((request.Signals & SocketSignals.Written) != 0)
        {
            SendAll();
        }
    }

    protected override SocketErrno? Answer(in SocketRequest request)
    {
        Endpoint endpoint = Translation.ToEndpoint(request.Endpoint);
        NetworkError error;
        switch (request.Call)
        {
            case SocketCall.Bind:
                error = _endpoint.Bind(endpoint);
                break;
            case SocketCall.Connect:
                error = _endpoint.Connect(endpoint, (int)request.Endpoint.Scope);
                break;
            case SocketCall.Disconnect:
                _endpoint.Disconnect();
                error = NetworkError.None;
                break;
            case SocketCall.JoinGroup:
                error = _endpoint.Join(endpoint.Address, InterfaceOf(in request));
                break;
            case SocketCall.FindRoute:
                return Translation.ToErrno(_endpoint.CanSend(endpoint, (int)request.Endpoint.Scope, request.Argument));
            case SocketCall.LeaveGroup:
                error = _endpoint.Leave(endpoint.Address, InterfaceOf(in request));
                break;
            default:
                return SocketErrno.EOPNOTSUPP;
        }

        if (error == NetworkError.None)
        {
            Host.SetLocalEndpoint(Handle, Translation.ToSocketEndpoint(_endpoint.Local));
            Host.SetRemoteEndpoint(Handle, _endpoint.Remote is { } remote ? Translation.ToSocketEndpoint(remote) : default);
        }

        return Translation.ToErrno(error);
    }

    protected override void Close(bool isAborted)
    {
        // What was sent before the close leaves, unless there is no way now. Where there is no room yet, the end waits for it.
        SendAll();
        if (_held is not null && !_isWaitingForAddress)
        {
            _isFinishing = true;
            return;
        }

        _endpoint.Close();
        Finish();
    }

    private void SendAll()
    {
        while (!_isBlocked)
        {
            PacketBuffer packet;
            DatagramHeader header;
            if (_held is not null)
            {
                (packet, header) = (_held, _heldHeader);
                _held = null;
            }
            else
            {
                // Nearly all datagrams are small. A large buffer for each would fill the loopback's queue with a few of them.
                PacketBuffer? taken = Take(SmallDatagram, out header, out int length);
                if (length == ISocketHost.TooLong)
                {
                    taken = Take(PacketBuffer.LargestPacket, out header, out _);
                }

                if (taken is null)
                {
                    return;
                }

                packet = taken;
            }

            if (!TrySend(packet, in header))
            {
                return;
            }
        }
    }

    /// <summary>Takes the next datagram into a buffer of a size; null when there is none, or it is longer.</summary>
    private PacketBuffer? Take(int size, out DatagramHeader header, out int length)
    {
        PacketBuffer packet = Table.Stack.Pool.Rent(size);
        length = Host.TakeDatagram(Handle, out header, packet.Append(size));
        if (length < 0)
        {
            packet.Return();
            return null;
        }

        packet.Truncate(length);
        return packet;
    }

    /// <summary>Sends a datagram; false when it waits for an address, or for room.</summary>
    private bool TrySend(PacketBuffer packet, in DatagramHeader header)
    {
        // A connected socket sends to its peer when the program names nobody.
        Endpoint? to = header.Remote.Port == 0 ? null : Translation.ToDestination(header.Remote);
        InternetAddress remote = (to ?? _endpoint.Remote)?.Address ?? InternetAddress.AnyIPv4;
        SocketRequest again = new() { Socket = Handle, Signals = SocketSignals.Written };
        if (!remote.IsMulticast && !IsClosed && !Table.HasRoute(remote) && Table.TryWaitForAddress(this, in again))
        {
            Hold(packet, in header);
            _isWaitingForAddress = true;
            return false;
        }

        int interfaceIndex = header.InterfaceIndex != 0 ? header.InterfaceIndex : (int)header.Remote.Scope;
        NetworkError error = _endpoint.Send(packet, to, interfaceIndex, Translation.ToAddress(header.Local));
        switch (error)
        {
            case NetworkError.None:
                break;
            case NetworkError.WouldBlock:
                Hold(packet, in header);
                return false;
            default:
                Host.Fail(Handle, Translation.ToErrno(error));
                break;
        }

        return true;
    }

    public override void TryAgain(in SocketRequest request)
    {
        if (request.Call == SocketCall.None)
        {
            _isBlocked = false;
            _isWaitingForAddress = false;
        }

        base.TryAgain(in request);
    }

    protected override void BindToDevice(int interfaceIndex) => _endpoint.Options.BoundInterface = interfaceIndex;

    /// <summary>The interface of a group; one that is not there has an index that none has.</summary>
    private int InterfaceOf(in SocketRequest request)
    {
        InternetAddress address = Translation.ToAddress(request.InterfaceAddress);
        bool isAnyInterface = request.Argument == 0 && address.IsAny;
        int found = FindInterface(request.Argument, address);
        return isAnyInterface || found != 0 ? found : -1;
    }

    private void ReadOptions()
    {
        SocketOptions options = Host.ReadOptions(Handle);
        UdpOptions udp = _endpoint.Options;
        udp.IsV6Only = options.IsIPv6Only;
        udp.CanReuseAddress = options.ReusesAddress;
        udp.CanReusePort = options.ReusesPort;
        udp.CanBroadcast = options.AllowsBroadcast;
        udp.IsDontFragment = options.DoesNotFragment;
        udp.ReceivesErrors4 = options.ReceivesErrors4;
        udp.ReceivesErrors6 = options.ReceivesErrors6;
        udp.HopLimit = (byte)Math.Max(IsIPv6 ? options.HopLimit : options.TimeToLive, 0);
        udp.MulticastHopLimit = (byte)Math.Max(IsIPv6 ? options.MulticastHopLimit : options.MulticastTimeToLive, 0);
        udp.TrafficClass = (byte)(IsIPv6 ? options.TrafficClass : options.TypeOfService);
        udp.IsMulticastLoop = options.LoopsMulticast;
        udp.MulticastInterface = FindInterface(options.MulticastInterface, Translation.ToAddress(options.MulticastAddress));
    }

    private void Hold(PacketBuffer packet, in DatagramHeader header)
    {
        (_held, _heldHeader) = (packet, header);
        _isBlocked = true;
    }

    private void Finish()
    {
        _held?.Return();
        _held = null;
        End();
    }
}
