using System.Text;
using Xenlet.Kernel.Sockets;
using Xenlet.Net;
using Xenlet.Net.Internet;
using Xenlet.Sockets.Files;

namespace Xenlet.Sockets;

/// <summary>What the stack has of one socket of the kernel.</summary>
/// <param name="table">All sockets.</param>
/// <param name="handle">The socket.</param>
/// <param name="isIPv6">Whether it is one of IPv6, which serves IPv4 too unless an option says otherwise.</param>
internal abstract class StackSocket(SocketTable table, SocketHandle handle, bool isIPv6)
{
    public SocketHandle Handle => handle;

    protected SocketTable Table => table;

    protected ISocketHost Host => table.Host;

    protected bool IsIPv6 => isIPv6;

    /// <summary>The number by which the program's fstat knows it; 0 when no descriptor is left, as on Linux.</summary>
    protected uint Inode => IsClosed ? 0 : handle.Number;

    /// <summary>Whether no descriptor is left, so that the stack decides when the socket ends.</summary>
    protected bool IsClosed { get; private set; }

    /// <summary>What /proc/net shows of it; null when it has no port, or is of no kind that is shown.</summary>
    public virtual SocketView? View => null;

    /// <summary>Does what the socket wants.</summary>
    public void Serve(in SocketRequest request)
    {
        OnSignals(in request);
        if (request.Call != SocketCall.None)
        {
            Call(in request);
        }

        if ((request.Signals & SocketSignals.Closed) != 0)
        {
            IsClosed = true;
            Close((request.Signals & SocketSignals.Aborted) != 0);
        }
    }

    /// <summary>The guest has an address now, or the time to wait for one is over: does what found no route once more.</summary>
    public virtual void TryAgain(in SocketRequest request)
    {
        OnSignals(in request);
        if (request.Call != SocketCall.None)
        {
            Call(in request);
        }
    }

    /// <summary>Makes a call, and answers it unless it takes time.</summary>
    private void Call(in SocketRequest request)
    {
        SocketErrno? result = request.Call switch
        {
            SocketCall.FindInterface => FindInterface(in request) == 0 ? SocketErrno.ENODEV : SocketErrno.None,
            SocketCall.BindToDevice => BindToDevice(request.Endpoint),
            _ => Answer(in request),
        };
        if (result == SocketErrno.ENETUNREACH && table.TryWaitForAddress(this, request with { Signals = SocketSignals.None }))
        {
            return;
        }

        if (result is { } known)
        {
            Host.Complete(handle, known);
        }
    }

    /// <summary>An exception of the stack has kept the socket from something: a connection ends.</summary>
    /// <param name="isClosed">Whether it was the close.</param>
    public void EndByFault(bool isClosed)
    {
        IsClosed |= isClosed;
        EndByFault();
    }

    /// <summary>Ends a connection. A socket that is closed ends itself.</summary>
    protected abstract void EndByFault();

    /// <summary>Whether nothing of what the program has sent is still to be delivered.</summary>
    public abstract bool IsDelivered { get; }

    /// <summary>The interfaces go: a connection over one of them ends with a reset.</summary>
    public virtual void EndWithInterfaces()
    {
    }

    /// <summary>The value of an option that the stack has; a socket that is no stream has none.</summary>
    /// <param name="option">Which.</param>
    /// <param name="value">Receives its bytes; as long as the longest, and zero.</param>
    /// <returns>How many there are.</returns>
    public virtual int ReadOption(StackOption option, Span<byte> value) => 0;

    /// <summary>Sets an option that the stack keeps.</summary>
    public virtual SocketErrno WriteOption(StackOption option, ReadOnlySpan<byte> value) => SocketErrno.EOPNOTSUPP;

    /// <summary>Takes the signals of a request, other than that of the close.</summary>
    protected abstract void OnSignals(in SocketRequest request);

    /// <summary>Makes a call; null when its answer comes later.</summary>
    protected abstract SocketErrno? Answer(in SocketRequest request);

    /// <summary>Uses one interface alone, or any (0). A socket of netlink has none anyway.</summary>
    protected virtual void BindToDevice(int interfaceIndex)
    {
    }

    /// <summary>The interface with an index, or if that is 0 with an address; 0 for none.</summary>
    protected int FindInterface(int index, InternetAddress address)
    {
        if (index == InternetLayer.LoopbackIndex || (index == 0 && address.IsLoopback))
        {
            return InternetLayer.LoopbackIndex;
        }

        foreach (IpInterface each in table.Stack.Interfaces)
        {
            if (index != 0 ? each.Index == index : !address.IsAny && each.Addresses.Any(own => own.Address == address))
            {
                return each.Index;
            }
        }

        return 0;
    }

    /// <summary>The program has let go.</summary>
    /// <param name="isAborted">Whether a connection is to be reset.</param>
    protected abstract void Close(bool isAborted);

    /// <summary>Nothing of the socket is needed any more.</summary>
    protected void End() => table.Remove(this);

    /// <summary>Whether the address may be bound: any, one of the guest's, or one that many have.</summary>
    protected bool IsBindable(SocketEndpoint endpoint)
    {
        InternetAddress address = Translation.ToAddress(endpoint);
        return table.Stack.Udp.CanBind(address);
    }

    private int FindInterface(in SocketRequest request) => FindInterface(request.Argument, Translation.ToAddress(request.Endpoint));

    private SocketErrno BindToDevice(SocketEndpoint name)
    {
        Span<byte> bytes = stackalloc byte[16];
        name.WriteAddress(bytes);
        string device = Encoding.ASCII.GetString(bytes.TrimEnd((byte)0));
        int index = device switch
        {
            "" => 0,
            "lo" => InternetLayer.LoopbackIndex,
            _ => table.Stack.Interfaces.FirstOrDefault(each => each.Name == device)?.Index ?? -1,
        };
        if (index < 0)
        {
            return SocketErrno.ENODEV;
        }

        BindToDevice(index);
        return SocketErrno.None;
    }
}
