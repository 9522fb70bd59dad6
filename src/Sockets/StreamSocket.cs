using Xenlet.Kernel.Sockets;
using Xenlet.Net;
using Xenlet.Net.Tcp;
using Xenlet.Net.Wire;
using Xenlet.Sockets.Files;

namespace Xenlet.Sockets;

/// <summary>A socket of streams: a port, a listener or a connection of TCP, whose data is in the kernel's rings.</summary>
internal sealed class StreamSocket(SocketTable table, SocketHandle handle, bool isIPv6)
    : StackSocket(table, handle, isIPv6), ITcpUser, ITcpSendQueue, ITcpReceiveQueue, ITcpListenUser
{
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const long NanosecondsPerMillisecond = 1_000_000;
    private const int Connecting = -1;

    private int _receiveBuffer = table.Host.ReadOptions(handle).ReceiveBuffer;
    private TcpConnection? _connection;
    private StreamPort? _port;

    // What the kernel's queues hold, as far as is known. Asking costs a system call, and TCP asks several times for each segment. The
    // program only adds to what is to be sent, and tells so; it only takes from what was received. Counts are modulo 2^32, since the
    // socket was made: a length would be wrong when something is released between the request that has it and its turn.
    private uint _written;
    private uint _released;

    // The send queue's size as far as is known; 0 before the first question, and the largest number for one that does not grow. While a
    // call waits for a connection it says so: a flag of its own would be a word for each of thousands of sockets.
    private int _sendLimit;
    private int _receiveRoom = -1;

    // Bytes that are released and not given back to the kernel yet.
    private int _owed;

    private bool IsConnecting
    {
        get => _sendLimit == Connecting;
        set => _sendLimit = value ? Connecting : 0;
    }

    private int SendLength => (int)(_written - _released);

    private TcpSettings Settings => _connection?.Settings ?? _port?.Settings ?? TcpSettings.Default;

    private StreamPort Port => _port ??= new StreamPort();

    public ITcpSendQueue SendQueue => this;

    public ITcpReceiveQueue ReceiveQueue => this;

    int ITcpSendQueue.Length => SendLength;

    int ITcpReceiveQueue.Room
    {
        get
        {
            if (IsClosed)
            {
                // Nobody reads any more. Data has to find room all the same: TCP answers it with a reset.
                return _receiveBuffer;
            }

            // What has changed since the last arrival matters only when there was not much room: the program has taken data, or the memory
            // of all sockets is short no more, of which nobody tells.
            if (_receiveRoom < _receiveBuffer / 4 * 3)
            {
                _receiveRoom = Host.GetReceiveRoom(Handle);
            }

            return _receiveRoom;
        }
    }

    int ITcpReceiveQueue.Capacity => _receiveBuffer;

    bool ITcpListenUser.HasRoom => Host.GetOfferRoom(Handle) > 0;

    int ITcpListenUser.ReceiveCapacity => _receiveBuffer;

    void IPacketPayload.CopyTo(int offset, Span<byte> destination) => Host.CopySent(Handle, _owed + offset, destination);

    void IPacketPayload.CopyTo(int offset, ReadOnlySpan<Memory<byte>> destinations) =>
        Host.CopySent(Handle, _owed + offset, destinations);

    void ITcpSendQueue.Release(int count)
    {
        _released += (uint)count;
        _owed += count;
    }

    void ITcpSendQueue.FinishRelease()
    {
        // A request acknowledges the answer before it, and has paid with its own data.
        if (TakeOwed() is int owed and > 0)
        {
            Host.ReleaseSent(Handle, owed);
        }
    }

    bool ITcpReceiveQueue.TryWrite(int offset, ReadOnlySpan<byte> data) => Host.TryWrite(Handle, offset, data);

    void ITcpReceiveQueue.Commit(int count)
    {
        Host.Commit(Handle, count);
        _receiveRoom = -1;
    }

    void ITcpReceiveQueue.MarkUrgent(int offset, int value) => Host.MarkUrgent(Handle, offset, value);

    bool ITcpReceiveQueue.TryAppend(SegmentData data)
    {
        int owed = TakeOwed();
        _receiveRoom = data.IsSettled ? Host.Append(Handle, data.Span, owed) : Table.Appender.Append(Handle, data, owed);
        return _receiveRoom >= 0;
    }

    void ITcpUser.OnConnected()
    {
        if (IsConnecting)
        {
            IsConnecting = false;
            Host.Complete(Handle, SocketErrno.None);
        }
    }

    void ITcpUser.OnPeerFinished() => Host.FinishReceive(Handle);

    void ITcpUser.OnEnded(TcpError error)
    {
        SendQueue.FinishRelease();
        _connection = null;
        if (IsConnecting)
        {
            IsConnecting = false;
            Host.Complete(Handle, Translation.ToErrno(error));
        }
        else if (error != TcpError.None)
        {
            Host.Fail(Handle, Translation.ToErrno(error));
        }

        if (IsClosed)
        {
            Finish();
        }
    }

    ITcpUser? ITcpListenUser.OnConnection(in Flow flow)
    {
        SocketEndpoint local = Translation.ToSocketEndpoint(flow.Local);
        if (!Host.TryOffer(Handle, local, Translation.ToSocketEndpoint(flow.Remote), out SocketHandle offered))
        {
            return null;
        }

        try
        {
            StreamSocket socket = new(Table, offered, IsIPv6);
            Table.Add(socket);
            return socket;
        }
        catch
        {
            // Its program may have it already, and would wait for ever.
            Host.Fail(offered, SocketErrno.ECONNRESET);
            throw;
        }
    }

    void ITcpListenUser.OnAccepted(ITcpUser user, TcpConnection connection) => ((StreamSocket)user)._connection = connection;

    public override SocketView? View
    {
        get
        {
            if (_connection is { } connection)
            {
                return new SocketView(
                    true,
                    IsIPv6,
                    connection.Flow.Local,
                    connection.Flow.Remote,
                    (int)connection.State,
                    Host.GetSendLength(Handle),
                    Host.GetReceiveLength(Handle))
                {
                    Inode = Inode,
                    Timer = connection.ViewTimer(),
                };
            }

            return _port?.Listener is not { } listener
                ? null
                : new SocketView(true, IsIPv6, listener.Binding.Local, SocketView.Nobody(IsIPv6), SocketView.Listening, 0, 0)
                {
                    Inode = Inode,
                };
        }
    }

    public override bool IsDelivered => _connection?.IsDelivered ?? true;

    public override void EndWithInterfaces()
    {
        if (_connection is { } connection && !Table.Stack.Internet.Addresses.IsOurs(connection.Flow.Remote.Address))
        {
            connection.Abort(TcpError.NetworkDown);
        }
    }

    public override int ReadOption(StackOption option, Span<byte> value)
    {
        if (option == StackOption.IPOptions)
        {
            ReadOnlySpan<byte> options = _port is null ? [] : _port.IPOptions;
            options.CopyTo(value);
            return options.Length;
        }

        TcpState state = _port?.Listener is null ? TcpState.Closed : TcpState.Listen;
        return _connection is { } connection ? TcpInfo.Write(value, connection.GetInfo()) : TcpInfo.Write(value, state);
    }

    public override SocketErrno WriteOption(StackOption option, ReadOnlySpan<byte> value)
    {
        if (!SourceRoute.TryParse(value, out SourceRoute? route))
        {
            return SocketErrno.EINVAL;
        }

        // As Linux: filled up to whole words.
        Port.IPOptions = new byte[(value.Length + 3) & ~3];
        value.CopyTo(Port.IPOptions);
        Change(settings => settings with { Route = route });
        return SocketErrno.None;
    }

    protected override void EndByFault()
    {
        // The call has its answer.
        IsConnecting = false;
        if (_connection is { } connection)
        {
            Table.Stack.Tcp.OnFault(connection);
        }
        else if (IsClosed)
        {
            Finish();
        }
    }

    protected override void OnSignals(in SocketRequest request)
    {
        if ((request.Signals & SocketSignals.OptionsChanged) != 0)
        {
            ReadOptions();
        }

        if ((request.Signals & SocketSignals.Urgent) != 0)
        {
            _connection?.OnUrgentWritten(Host.GetUrgentLength(Handle));
        }

        if ((request.Signals & SocketSignals.Written) != 0)
        {
            _written = request.Written;
            _connection?.OnWritten();
            GrowSendQueue();
        }

        if ((request.Signals & SocketSignals.Consumed) != 0)
        {
            _connection?.OnConsumed();
        }

        if ((request.Signals & SocketSignals.ReceiveShutDown) != 0)
        {
            CloseListener();
            _connection?.IsReadingOver = true;
        }

        if ((request.Signals & SocketSignals.SendShutDown) != 0)
        {
            _connection?.FinishSending();
        }
    }

    protected override SocketErrno? Answer(in SocketRequest request) => request.Call switch
    {
        SocketCall.Bind => Bind(request.Endpoint),
        SocketCall.Connect => Connect(in request),
        SocketCall.Disconnect => Disconnect(),
        SocketCall.Listen => Listen(request.Argument),
        _ => SocketErrno.EOPNOTSUPP,
    };

    protected override void Close(bool isAborted)
    {
        if (_connection is { } connection)
        {
            if (isAborted)
            {
                connection.Abort();
            }
            else
            {
                connection.Close();
            }
        }
        else
        {
            Finish();
        }
    }

    private SocketErrno Bind(SocketEndpoint endpoint)
    {
        if (_port?.Binding is not null)
        {
            return SocketErrno.EINVAL;
        }

        if (!IsBindable(endpoint))
        {
            return SocketErrno.EADDRNOTAVAIL;
        }

        SocketOptions options = Host.ReadOptions(Handle);
        bool isDual = IsIPv6 && !options.IsIPv6Only;
        TcpError error = Table.Stack.Tcp.Bind(
            Translation.ToEndpoint(endpoint), isDual, options.ReusesAddress, options.ReusesPort, out TcpBinding? binding);
        if (binding is not null)
        {
            Port.Binding = binding;
            Host.SetLocalEndpoint(Handle, Translation.ToSocketEndpoint(binding.Local));
        }

        return Translation.ToErrno(error);
    }

    private SocketErrno? Connect(in SocketRequest request)
    {
        if (_connection is not null)
        {
            return SocketErrno.EISCONN;
        }

        Endpoint remote = Translation.ToDestination(request.Endpoint);
        if (Check(remote.Address) is SocketErrno wrong and not SocketErrno.None)
        {
            return wrong;
        }

        ReadOptions();
        _written = request.Written;
        _released = _written - (uint)Host.GetSendLength(Handle);
        _receiveRoom = -1;
        IsConnecting = true;
        TcpError error = Table.Stack.Tcp.Connect(remote, this, _port?.Binding, Settings, out TcpConnection? made);
        if (error != TcpError.None)
        {
            IsConnecting = false;
            return Translation.ToErrno(error);
        }

        // The connection may have ended already, with the call answered: a host that was asked for in vain a moment ago.
        if (IsConnecting)
        {
            _connection = made;
            Host.SetLocalEndpoint(Handle, Translation.ToSocketEndpoint(made!.Flow.Local));
            Host.SetRemoteEndpoint(Handle, Translation.ToSocketEndpoint(made.Flow.Remote));
        }

        return null;
    }

    /// <summary>Whether a connection may go from the bound address to another.</summary>
    private SocketErrno Check(InternetAddress remote)
    {
        InternetAddress local = _port?.Binding?.Local.Address ?? InternetAddress.AnyIPv6;
        bool isWrong = !local.IsAny
            && (local.IsIPv4 != remote.IsIPv4 || (local.IsLoopback && !Table.Stack.Internet.Addresses.IsOurs(remote)));
        return isWrong ? SocketErrno.EINVAL
            : Table.Stack.Udp.IsBroadcast(remote) ? SocketErrno.ENETUNREACH
            : SocketErrno.None;
    }

    protected override void BindToDevice(int interfaceIndex) => Change(settings => settings with { BoundInterface = interfaceIndex });

    private SocketErrno Disconnect()
    {
        _connection?.Abort();
        CloseListener();
        Host.SetRemoteEndpoint(Handle, default);
        return SocketErrno.None;
    }

    private SocketErrno Listen(int backlog)
    {
        if (_port?.Listener is not null)
        {
            return SocketErrno.None;
        }

        if (_connection is not null)
        {
            return SocketErrno.EINVAL;
        }

        if (_port?.Binding is null
            && Bind(Translation.ToSocketEndpoint(new(IsIPv6 ? InternetAddress.AnyIPv6 : InternetAddress.AnyIPv4, 0)))
                is SocketErrno failure and not SocketErrno.None)
        {
            return failure;
        }

        ReadOptions();
        TcpError error = Table.Stack.Tcp.Listen(Port.Binding!, this, Settings, backlog, out TcpListener? listener);
        Port.Listener = listener;
        return Translation.ToErrno(error);
    }

    private int TakeOwed()
    {
        int owed = _owed;
        _owed = 0;
        return owed;
    }

    /// <summary>The program has filled its queue, and the path would take more.</summary>
    private void GrowSendQueue()
    {
        if (SendLength > _sendLimit / 3 * 2 && _connection is { IsLimitedByUser: true })
        {
            int size = Host.GrowSendQueue(Handle);
            _sendLimit = size == 0 ? int.MaxValue : size;
        }
    }

    private void CloseListener()
    {
        if (_port?.Listener is { } listener)
        {
            Table.Stack.Tcp.Close(listener);
            _port.Listener = null;
        }
    }

    private void ReadOptions()
    {
        SocketOptions options = Host.ReadOptions(Handle);
        _receiveBuffer = options.ReceiveBuffer;
        _sendLimit = IsConnecting ? Connecting : 0;
        _receiveRoom = -1;
        Set(Settings with
        {
            IsNoDelay = options.NoDelay,
            IsKeepAlive = options.KeepsAlive,
            KeepAliveIdle = options.KeepAliveTime * NanosecondsPerSecond,
            KeepAliveInterval = options.KeepAliveInterval * NanosecondsPerSecond,
            KeepAliveProbes = options.KeepAliveProbes,
            UserTimeout = options.UserTimeout * NanosecondsPerMillisecond,
            MaximumSegmentSize = options.MaximumSegment,
            TrafficClass = (byte)(IsIPv6 ? options.TrafficClass : options.TypeOfService),
            HopLimit = (byte)Math.Max(IsIPv6 ? options.HopLimit : options.TimeToLive, 0),
        });
    }

    /// <summary>Changes a setting of the connection, and of the next one.</summary>
    private void Change(Func<TcpSettings, TcpSettings> change)
    {
        Port.Settings = Table.Settings.Share(change(Port.Settings));
        Set(change(Settings));
    }

    private void Set(TcpSettings settings)
    {
        settings = Table.Settings.Share(settings);
        if (_connection is { } connection)
        {
            connection.Apply(settings);
            return;
        }

        Port.Settings = settings;
        Port.Listener?.Settings = settings;
    }

    private void Finish()
    {
        CloseListener();
        if (_port?.Binding is { } binding)
        {
            Table.Stack.Tcp.Release(binding);
            _port.Binding = null;
        }

        End();
    }
}
