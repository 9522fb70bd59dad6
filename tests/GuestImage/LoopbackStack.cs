using Xenlet.Kernel;
using Xenlet.Kernel.Sockets;

namespace Xenlet.GuestImage;

/// <summary>
/// The smallest stack that .NET's sockets can be tried with: what one socket of the guest sends, another one receives. It has one thread,
/// as the real one.
/// </summary>
internal sealed class LoopbackStack : IDisposable
{
    private readonly ISocketHost _host = Guest.Sockets.Open();
    private readonly System.Threading.Thread _thread;
    private readonly Dictionary<SocketHandle, Entry> _sockets = [];
    private readonly byte[] _buffer = new byte[ushort.MaxValue];
    private ushort _nextPort = 40_000;
    private volatile bool _isEnding;

    public LoopbackStack()
    {
        _thread = new System.Threading.Thread(Run) { IsBackground = true, Name = "loopback stack" };
        _thread.Start();
    }

    public void Dispose()
    {
        _isEnding = true;
        _host.Wake();
        _thread.Join();
        _host.Dispose();
    }

    private void Run()
    {
        SocketRequest[] requests = new SocketRequest[16];
        while (!_isEnding)
        {
            int count = _host.Wait(requests, long.MaxValue);
            foreach (SocketRequest request in requests.AsSpan(0, count))
            {
                if (!_sockets.TryGetValue(request.Socket, out Entry? socket))
                {
                    socket = _sockets[request.Socket] = new Entry(request.Socket, request.Kind);
                }

                Answer(socket, request);
                if (socket.Kind == SocketKind.Datagram)
                {
                    PassDatagrams(socket);
                }

                socket.IsFinished |= (request.Signals & (SocketSignals.SendShutDown | SocketSignals.Closed)) != 0;
                PassBytes(socket);
                PassBytes(socket.Peer);
                if ((request.Signals & SocketSignals.Closed) != 0)
                {
                    _host.Release(socket.Handle);
                    _sockets.Remove(socket.Handle);
                }
            }
        }
    }

    private void Answer(Entry socket, SocketRequest request)
    {
        switch (request.Call)
        {
            case SocketCall.None:
                return;
            case SocketCall.Bind:
            case SocketCall.Listen when socket.Port == 0:
                Bind(socket, request.Endpoint);
                break;
            case SocketCall.Connect:
                if (socket.Port == 0)
                {
                    Bind(socket, default);
                }

                _host.SetRemoteEndpoint(socket.Handle, request.Endpoint);
                if (socket.Kind == SocketKind.Stream && !TryConnect(socket, request.Endpoint))
                {
                    _host.Complete(socket.Handle, SocketErrno.ECONNREFUSED);
                    return;
                }

                break;
        }

        _host.Complete(socket.Handle, SocketErrno.None);
    }

    private void Bind(Entry socket, SocketEndpoint wanted)
    {
        socket.Port = wanted.Port == 0 || Find(socket.Kind, wanted.Port) is not null ? _nextPort++ : wanted.Port;
        socket.Endpoint = SocketEndpoint.Read([127, 0, 0, 1], socket.Port);
        _host.SetLocalEndpoint(socket.Handle, socket.Endpoint);
    }

    private bool TryConnect(Entry socket, SocketEndpoint to)
    {
        if (Find(SocketKind.Stream, to.Port) is not { } listener
            || !_host.TryOffer(listener.Handle, to, socket.Endpoint, out SocketHandle offered))
        {
            return false;
        }

        Entry peer = _sockets[offered] = new Entry(offered, SocketKind.Stream) { Peer = socket };
        socket.Peer = peer;
        return true;
    }

    private void PassDatagrams(Entry socket)
    {
        int length;
        while ((length = _host.TakeDatagram(socket.Handle, out DatagramHeader header, _buffer)) >= 0)
        {
            if (Find(SocketKind.Datagram, header.Remote.Port) is { } receiver)
            {
                DatagramHeader received = new() { Remote = socket.Endpoint, Local = receiver.Endpoint, InterfaceIndex = 1 };
                _host.TryDeliver(receiver.Handle, received, _buffer.AsSpan(0, length));
            }
        }
    }

    /// <summary>Passes what fits of a stream's bytes to its peer, and then the end.</summary>
    private void PassBytes(Entry? socket)
    {
        if (socket?.Peer is not { } peer || !_sockets.ContainsKey(socket.Handle))
        {
            return;
        }

        bool isPeerThere = _sockets.ContainsKey(peer.Handle);
        int length;
        while ((length = _host.GetSendLength(socket.Handle)) > 0)
        {
            length = Math.Min(Math.Min(length, _buffer.Length), isPeerThere ? _host.GetReceiveRoom(peer.Handle) : length);
            if (length == 0)
            {
                return;
            }

            _host.CopySent(socket.Handle, 0, _buffer.AsSpan(0, length));
            if (isPeerThere && !_host.TryWrite(peer.Handle, 0, _buffer.AsSpan(0, length)))
            {
                return;
            }

            if (isPeerThere)
            {
                _host.Commit(peer.Handle, length);
            }

            _host.ReleaseSent(socket.Handle, length);
        }

        if (socket.IsFinished && isPeerThere && !socket.IsEndPassed)
        {
            socket.IsEndPassed = true;
            _host.FinishReceive(peer.Handle);
        }
    }

    private Entry? Find(SocketKind kind, ushort port)
    {
        foreach (Entry entry in _sockets.Values)
        {
            if (entry.Kind == kind && entry.Port == port)
            {
                return entry;
            }
        }

        return null;
    }

    private sealed class Entry(SocketHandle handle, SocketKind kind)
    {
        public SocketHandle Handle => handle;

        public SocketKind Kind => kind;

        public ushort Port { get; set; }

        public SocketEndpoint Endpoint { get; set; }

        public Entry? Peer { get; set; }

        /// <summary>It sends nothing more.</summary>
        public bool IsFinished { get; set; }

        public bool IsEndPassed { get; set; }
    }
}
