using Xenlet.Kernel.Sockets;
using Xenlet.Net;
using Xenlet.Sockets.Files;

namespace Xenlet.Sockets;

/// <summary>The sockets that the stack knows, and its calls that wait for an address.</summary>
internal sealed class SocketTable
{
    private readonly List<(StackSocket Socket, SocketRequest Request)> _waiting = [];
    private readonly StackTimer _addressTimer;
    private readonly Action<Exception> _report;
    private readonly TimeSpan _addressLimit;
    private readonly QueryService _queries;
    private readonly OptionService _options;
    private readonly NetlinkSockets _netlink;
    private readonly SocketSlots _sockets = new();
    private bool _isTriedAgain;
    private bool _isLastTry;

    public SocketTable(
        ISocketHost host,
        IpStack stack,
        QueryService queries,
        NetlinkSockets netlink,
        Action<Exception> report,
        TimeSpan addressLimit)
    {
        Host = host;
        Appender = new PieceAppender(host);
        Stack = stack;
        _report = report;
        _addressLimit = addressLimit;
        _queries = queries;
        _options = new OptionService(host, Find);
        _netlink = netlink;
        _addressTimer = new StackTimer(() => TryAgain(isLast: true));
        stack.Changed += OnChanged;
        TellRoutes();
    }

    public ISocketHost Host { get; }

    public PieceAppender Appender { get; }

    public IpStack Stack { get; }

    public SharedSettings Settings { get; } = new();

    /// <summary>The sockets that have a port, as /proc/net shows them.</summary>
    public IEnumerable<SocketView> Views => _sockets.Select(each => each.View).OfType<SocketView>();

    /// <summary>Does what a socket wants. An exception ends that socket.</summary>
    public void Serve(in SocketRequest request)
    {
        try
        {
            ServeUnguarded(in request);
        }
        catch (Exception error)
        {
            _report(error);
            Abort(in request);
        }
    }

    /// <summary>An exception has kept a socket from something: its program gets ECONNRESET.</summary>
    public void OnFault(StackSocket socket, Exception error)
    {
        _report(error);
        Abort(new SocketRequest { Socket = socket.Handle });
    }

    private void ServeUnguarded(in SocketRequest request)
    {
        if (request.Kind == SocketKind.Query && request.Call is SocketCall.ReadOption or SocketCall.WriteOption)
        {
            _options.Serve(in request);
        }
        else if (request.Kind == SocketKind.Query)
        {
            _queries.Serve(in request);
        }
        else if (Find(request.Socket) is { } known)
        {
            known.Serve(in request);
        }
        else if ((request.Signals & SocketSignals.Closed) != 0)
        {
            Host.Release(request.Socket);
        }
        else
        {
            StackSocket made = request.Kind switch
            {
                SocketKind.Stream => new StreamSocket(this, request.Socket, request.IsIPv6),
                SocketKind.Netlink => new NetlinkSocket(this, request.Socket, _netlink),
                _ => new DatagramSocket(this, request.Socket, request.IsIPv6),
            };
            Add(made);
            made.Serve(in request);
        }
    }

    /// <summary>Ends a socket whose request caused an exception.</summary>
    private void Abort(in SocketRequest request)
    {
        try
        {
            if (request.Call != SocketCall.None)
            {
                Host.Complete(request.Socket, SocketErrno.ECONNRESET);
            }

            if (request.Kind == SocketKind.Query)
            {
                return;
            }

            Host.Fail(request.Socket, SocketErrno.ECONNRESET);
            bool isClosed = (request.Signals & SocketSignals.Closed) != 0;
            if (Find(request.Socket) is { } known)
            {
                known.EndByFault(isClosed);
            }
            else if (isClosed)
            {
                Host.Release(request.Socket);
            }
        }
        catch (Exception error)
        {
            _report(error);
        }
    }

    public void Add(StackSocket socket) => _sockets[socket.Handle.Index] = socket;

    /// <summary>Lets the kernel end a socket that the program has closed.</summary>
    public void Remove(StackSocket socket)
    {
        _sockets[socket.Handle.Index] = null;
        _waiting.RemoveAll(each => each.Socket == socket);
        Host.Release(socket.Handle);
    }

    /// <summary>Whether nothing of what the program has sent is still to be delivered.</summary>
    public bool IsAllDelivered => _sockets.All(each => each.IsDelivered)
        && !Stack.Interfaces.Any(each => each.HasWaiting);

    /// <summary>The interfaces go: connections over them end with resets.</summary>
    public void EndWithInterfaces()
    {
        foreach (StackSocket each in _sockets)
        {
            each.EndWithInterfaces();
        }
    }

    /// <summary>
    /// Has a call that found no route made again when the guest gets an address: a program begins before its interfaces have connected.
    /// False when the time for that is over.
    /// </summary>
    public bool TryWaitForAddress(StackSocket socket, in SocketRequest request)
    {
        if (_isLastTry || Stack.Interfaces.Any(each => each.Addresses.Any(address => address.IsUsable && !address.Address.IsLinkLocal)))
        {
            return false;
        }

        if (_waiting.Count == 0)
        {
            Stack.Internet.Timers.Set(_addressTimer, Stack.Internet.Clock.Now + (_addressLimit.Ticks * 100));
        }

        _waiting.Add((socket, request));
        return true;
    }

    /// <summary>Whether packets to an address can be sent.</summary>
    public bool HasRoute(InternetAddress remote) => Stack.Internet.Output.TrySelectSource(remote, 0, out _);

    private void OnChanged()
    {
        TellRoutes();
        TryAgain(isLast: false);
    }

    /// <summary>Where every address has a route, a sender of datagrams need not ask for one.</summary>
    private void TellRoutes() => Host.SetRoutes(
        Stack.Routes.Any(each => each.Prefix.Length == 0 && each.Prefix.Address.IsIPv4),
        Stack.Routes.Any(each => each.Prefix.Length == 0 && !each.Prefix.Address.IsIPv4));

    private StackSocket? Find(SocketHandle handle) =>
        _sockets[handle.Index] is { } socket && socket.Handle == handle ? socket : null;

    private void TryAgain(bool isLast)
    {
        if (_waiting.Count == 0 || _isTriedAgain)
        {
            return;
        }

        // First, since there may be no memory for it: nothing is lost then.
        (StackSocket Socket, SocketRequest Request)[] waiting = [.. _waiting];
        _isTriedAgain = true;
        _isLastTry = isLast;
        _waiting.Clear();
        foreach ((StackSocket socket, SocketRequest request) in waiting)
        {
            try
            {
                socket.TryAgain(in request);
            }
            catch (Exception error)
            {
                _report(error);
                Abort(in request);
            }
        }

        _isTriedAgain = false;
        _isLastTry = false;
        if (_waiting.Count == 0)
        {
            Stack.Internet.Timers.Cancel(_addressTimer);
        }
    }
}
