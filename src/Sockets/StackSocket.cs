using Xenlet.Kernel.Sockets;
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

    /// <summary>Whether no descriptor is left, so that the stack decides when the socket ends.</summary>
    protected bool IsClosed { get; private set; }

    /// <summary>What /proc/net shows of it; null when it has no port, or is of no kind that is shown.</summary>
    public virtual SocketView? View => null;

    /// <summary>Does what the socket wants.</summary>
    public void Serve(in SocketRequest request)
    {
        OnSignals(request.Signals);
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
        OnSignals(request.Signals);
        if (request.Call != SocketCall.None)
        {
            Call(in request);
        }
    }

    /// <summary>Makes a call, and answers it unless it takes time.</summary>
    private void Call(in SocketRequest request)
    {
        SocketErrno? result = Answer(in request);
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

    /// <summary>Takes signals other than that of the close.</summary>
    protected abstract void OnSignals(SocketSignals signals);

    /// <summary>Makes a call; null when its answer comes later.</summary>
    protected abstract SocketErrno? Answer(in SocketRequest request);

    /// <summary>The program has let go.</summary>
    /// <param name="isAborted">Whether a connection is to be reset.</param>
    protected abstract void Close(bool isAborted);

    /// <summary>Nothing of the socket is needed any more.</summary>
    protected void End() => table.Remove(this);

    /// <summary>Whether the address may be bound: any, or one of the guest's.</summary>
    protected bool IsBindable(SocketEndpoint endpoint)
    {
        Net.InternetAddress address = Translation.ToAddress(endpoint);
        return address.IsAny || address.IsMulticast || table.Stack.Internet.Addresses.IsOurs(address);
    }
}
