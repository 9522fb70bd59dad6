using Xenlet.Kernel.Sockets;
using Xenlet.Net;
using Xenlet.Sockets.Files;

namespace Xenlet.Sockets;

/// <summary>The sockets that the stack knows, and its calls that wait for an address.</summary>
internal sealed class SocketTable
{
    private readonly List<(StackSocket Socket, SocketRequest Request)> _waiting = [];
    private readonly StackTimer _addressTimer;
    private readonly TimeSpan _addressLimit;
    private readonly StackFiles _files;
    private StackSocket?[] _sockets = new StackSocket?[64];
    private bool _isTriedAgain;
    private bool _isLastTry;

    public SocketTable(ISocketHost host, IpStack stack, StackFiles files, TimeSpan addressLimit)
    {
        Host = host;
        Stack = stack;
        _addressLimit = addressLimit;
        _files = files;
        _addressTimer = new StackTimer(() => TryAgain(isLast: true));
        stack.Changed += () => TryAgain(isLast: false);
    }

    public ISocketHost Host { get; }

    public IpStack Stack { get; }

    /// <summary>Does what a socket wants.</summary>
    public void Serve(in SocketRequest request)
    {
        if (request.Kind == SocketKind.Query)
        {
            _files.Serve(request.Socket);
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
            StackSocket made = request.Kind == SocketKind.Stream
                ? new StreamSocket(this, request.Socket, request.IsIPv6)
                : new DatagramSocket(this, request.Socket, request.IsIPv6);
            Add(made);
            made.Serve(in request);
        }
    }

    /// <summary>Ends a socket whose request caused an exception.</summary>
    public void Abort(in SocketRequest request)
    {
        if (request.Call != SocketCall.None)
        {
            Host.Complete(request.Socket, SocketErrno.ECONNABORTED);
        }

        if (request.Kind == SocketKind.Query)
        {
            return;
        }

        Host.Fail(request.Socket, SocketErrno.ECONNABORTED);
        Find(request.Socket)?.EndByFault();
    }

    public void Add(StackSocket socket)
    {
        int index = socket.Handle.Index;
        if (index >= _sockets.Length)
        {
            Array.Resize(ref _sockets, Math.Max(index + 1, _sockets.Length * 2));
        }

        _sockets[index] = socket;
    }

    /// <summary>Lets the kernel end a socket that the program has closed.</summary>
    public void Remove(StackSocket socket)
    {
        _sockets[socket.Handle.Index] = null;
        _waiting.RemoveAll(each => each.Socket == socket);
        Host.Release(socket.Handle);
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
    public bool HasRoute(InternetAddress remote) => Stack.Internet.Output.TrySelectSource(remote, out _);

    private StackSocket? Find(SocketHandle handle) =>
        handle.Index < _sockets.Length && _sockets[handle.Index] is { } socket && socket.Handle == handle ? socket : null;

    private void TryAgain(bool isLast)
    {
        if (_waiting.Count == 0 || _isTriedAgain)
        {
            return;
        }

        _isTriedAgain = true;
        _isLastTry = isLast;
        (StackSocket Socket, SocketRequest Request)[] waiting = [.. _waiting];
        _waiting.Clear();
        foreach ((StackSocket socket, SocketRequest request) in waiting)
        {
            socket.TryAgain(in request);
        }

        _isTriedAgain = false;
        _isLastTry = false;
        if (_waiting.Count == 0)
        {
            Stack.Internet.Timers.Cancel(_addressTimer);
        }
    }
}
