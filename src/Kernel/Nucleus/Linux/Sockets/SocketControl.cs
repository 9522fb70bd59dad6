using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>Calls that the stack answers. The caller waits; when it makes the call again, it finds the answer.</summary>
internal static unsafe class SocketControl
{
    public static long Bind(Thread* thread, Socket* socket, EndpointRecord endpoint)
    {
        bool isOwnAnswer = IsAnswered(thread, socket, SocketCall.Bind);
        if (!isOwnAnswer && socket->Local.Port != 0)
        {
            return -Errno.EINVAL;
        }

        bool isMulticast = endpoint.High >> 56 == 0xff;
        bool isOnlyIPv6 = socket->IsIPv6 && SocketOptionTable.Get(socket, SocketOptionIndex.IPv6Only) != 0;
        if ((isOnlyIPv6 && endpoint.IsIPv4)
            || (isMulticast && socket->Kind == SocketKind.Stream)
            || (endpoint.IsLinkLocal && endpoint.Scope == 0))
        {
            return -Errno.EINVAL;
        }

        return Ask(thread, socket, SocketCall.Bind, endpoint, default, 0, -Errno.EADDRNOTAVAIL);
    }

    public static long Listen(Thread* thread, Socket* socket, int backlog)
    {
        const int somaxconn = 4096;
        if (socket->Kind != SocketKind.Stream)
        {
            return -Errno.EOPNOTSUPP;
        }

        if (!IsAnswered(thread, socket, SocketCall.Listen) && socket->State is not (SocketState.Idle or SocketState.Listening))
        {
            return -Errno.EINVAL;
        }

        if (!OfferedConnections.TryAdd(socket))
        {
            return -Errno.ENOBUFS;
        }

        int most = (uint)backlog > somaxconn ? somaxconn : backlog;
        return Ask(thread, socket, SocketCall.Listen, default, default, most, -Errno.EADDRNOTAVAIL);
    }

    public static long Connect(Thread* thread, Socket* socket, EndpointRecord endpoint)
    {
        if (socket->IsIPv6 && endpoint.IsIPv4 && SocketOptionTable.Get(socket, SocketOptionIndex.IPv6Only) != 0)
        {
            return -Errno.ENETUNREACH;
        }

        return socket->Kind == SocketKind.Stream
            ? ConnectStream(thread, socket, endpoint)
            : Ask(thread, socket, SocketCall.Connect, endpoint, default, 0, -Errno.ENETUNREACH);
    }

    /// <summary>connect to AF_UNSPEC.</summary>
    public static long Disconnect(Thread* thread, Socket* socket) =>
        Ask(thread, socket, SocketCall.Disconnect, default, default, 0, 0);

    public static long ChangeGroup(
        Thread* thread, Socket* socket, bool joins, EndpointRecord group, EndpointRecord interfaceAddress, int interfaceIndex) =>
        Ask(
            thread,
            socket,
            joins ? SocketCall.JoinGroup : SocketCall.LeaveGroup,
            group,
            interfaceAddress,
            interfaceIndex,
            -Errno.ENODEV);

    /// <summary>0 if there is an interface with the index, or if that is 0 with the address; else -ENODEV.</summary>
    public static long FindInterface(Thread* thread, Socket* socket, EndpointRecord address, int index) =>
        Ask(thread, socket, SocketCall.FindInterface, address, default, index, -Errno.ENODEV);

    /// <summary>SO_BINDTODEVICE, with the interface's name in the bytes of the address; all 0 for none.</summary>
    public static long BindToDevice(Thread* thread, Socket* socket, EndpointRecord name) =>
        Ask(thread, socket, SocketCall.BindToDevice, name, default, 0, name.High == 0 ? 0 : -Errno.ENODEV);

    /// <summary>0 if a datagram of some length can be sent to an address now.</summary>
    public static long FindRoute(Thread* thread, Socket* socket, EndpointRecord remote, uint length) =>
        Ask(thread, socket, SocketCall.FindRoute, remote, default, (int)length, -Errno.ENETUNREACH);

    /// <summary>Whether the answer to <see cref="FindRoute"/> waits for this thread.</summary>
    public static bool HasFoundRoute(Thread* thread, Socket* socket) => IsAnswered(thread, socket, SocketCall.FindRoute);

    /// <summary>Gives a socket that sends without an address of its own one. 0 when it has one.</summary>
    public static long BindImplicitly(Thread* thread, Socket* socket) =>
        socket->Local.Port != 0 && !IsAnswered(thread, socket, SocketCall.Bind)
        ? 0
        : Ask(thread, socket, SocketCall.Bind, EndpointRecord.Any(socket->IsIPv6), default, 0, -Errno.ENETUNREACH);

    /// <summary>The stack has answered a socket's call.</summary>
    /// <param name="socket">A socket with a call that the stack has taken.</param>
    /// <param name="error">A positive errno, or 0.</param>
    public static void Complete(Socket* socket, int error)
    {
        SocketControlCall* call = socket->Call;
        if (error == 0)
        {
            Carry(socket, call);
        }

        if (call->Kind == SocketCall.Connect && socket->Kind == SocketKind.Stream)
        {
            if (error != 0)
            {
                SocketLife.End(socket, error);
            }
            else
            {
                socket->State = SocketState.Connected;
                socket->Error = 0;
                SocketReadiness.Notify(socket, EventPolls.AnyEvent);
            }

            SocketControlCall.End(socket);
            return;
        }

        call->IsAnswered = true;
        call->Result = -error;
        for (WaitEntry* entry = call->Waiters.First; entry != null; entry = entry->Next)
        {
            if (entry->Thread == call->Caller)
            {
                // It takes the answer before the others make their calls.
                Scheduler.WakeToRetry(entry->Thread);
                break;
            }
        }

        WaitQueue.WakeAll(&call->Waiters);
    }

    /// <summary>What a call changes in the socket when the stack has agreed.</summary>
    private static void Carry(Socket* socket, SocketControlCall* call)
    {
        if (call->Kind == SocketCall.Listen)
        {
            socket->State = SocketState.Listening;
            socket->Offered->Backlog = call->Argument;
        }
        else if (call->Kind == SocketCall.Disconnect)
        {
            socket->Remote = EndpointRecord.Any(socket->IsIPv6);
            if (socket->Kind == SocketKind.Stream)
            {
                SocketLife.CloseOffered(socket);
                MakeIdle(socket);
            }

            SocketReadiness.Notify(socket, EventPolls.AnyEvent);
        }
    }

    /// <summary>Makes a stream one without a connection.</summary>
    private static void MakeIdle(Socket* socket)
    {
        socket->State = SocketState.Idle;
        socket->IsConnectReported = false;
        socket->IsSpent = false;
        socket->IsReceiveShutDown = false;
        socket->HasPeerFinished = false;
        socket->IsSendShutDown = false;
        ByteQueue.Clear(&socket->Sent);
        ByteQueue.Clear(&socket->Received);
        socket->Urgent = default;
    }

    private static long ConnectStream(Thread* thread, Socket* socket, EndpointRecord endpoint)
    {
        switch (socket->State)
        {
            case SocketState.Connected:
                bool isNews = !socket->IsConnectReported;
                socket->IsConnectReported = true;
                return isNews ? 0 : -Errno.EISCONN;
            case SocketState.Listening:
            case SocketState.Ended when socket->IsConnectReported:
                return -Errno.EISCONN;
            case SocketState.Ended when socket->IsSpent:
                return -Errno.EINVAL;
            case SocketState.Ended:
                // As on Linux, whoever learns it here may try again.
                long error = socket->Error == 0 ? Errno.ECONNABORTED : socket->Error;
                socket->Error = 0;
                MakeIdle(socket);
                SocketReadiness.Notify(socket, EventPolls.AnyEvent);
                return -error;
            case SocketState.Connecting when socket->File->IsNonBlocking:
                return -Errno.EALREADY;
            case SocketState.Connecting:
                return WaitForConnection(thread, socket);
        }

        if (!StackRequests.IsServed)
        {
            return StackRequests.HasEnded ? -Errno.ENETDOWN : -Errno.ENETUNREACH;
        }

        if (SocketControlCall.IsUnderWay(socket))
        {
            return WaitForCall(thread, socket);
        }

        if (!TryBegin(null, socket, SocketCall.Connect, endpoint, default, 0))
        {
            return -Errno.ENOBUFS;
        }

        socket->State = SocketState.Connecting;
        socket->Error = 0;
        StackRequests.Add(socket, SocketSignals.None);
        return socket->File->IsNonBlocking ? -Errno.EINPROGRESS : WaitForConnection(thread, socket);
    }

    private static long WaitForConnection(Thread* thread, Socket* socket)
    {
        ulong limit = socket->Options->SendTimeout;
        ulong deadline = thread->IsRetry ? thread->Deadline : limit == 0 ? ulong.MaxValue : Clock.After(limit);
        WaitQueue.Join(&socket->File->Waiters, thread);
        Scheduler.Block(
            thread,
            WaitKind.Sockets,
            deadline,
            new WaitEnd { AtDeadline = -Errno.EINPROGRESS, OnSignal = -Errno.EINTR, RestartsAfterSignal = limit == 0 });
        return CallResult.None;
    }

    private static bool IsAnswered(Thread* thread, Socket* socket, SocketCall kind) => socket->Call != null
        && socket->Call->Kind == kind && socket->Call->Caller == thread && socket->Call->IsAnswered;

    /// <summary>
    /// Makes a call, or finds the answer of the one that this thread has made. A thread that a signal interrupted makes the same call
    /// again: it waits for the same answer.
    /// </summary>
    private static long Ask(
        Thread* thread,
        Socket* socket,
        SocketCall call,
        EndpointRecord endpoint,
        EndpointRecord interfaceAddress,
        int argument,
        long withoutStack)
    {
        if (IsAnswered(thread, socket, call))
        {
            long result = socket->Call->Result;
            SocketControlCall.End(socket);
            return result;
        }

        if (!StackRequests.IsServed)
        {
            return StackRequests.HasEnded ? -Errno.ENETDOWN : withoutStack;
        }

        if (!SocketControlCall.IsUnderWay(socket))
        {
            if (!TryBegin(thread, socket, call, endpoint, interfaceAddress, argument))
            {
                return -Errno.ENOBUFS;
            }

            StackRequests.Add(socket, SocketSignals.None);
        }

        return WaitForCall(thread, socket);
    }

    private static bool TryBegin(
        Thread* thread, Socket* socket, SocketCall call, EndpointRecord endpoint, EndpointRecord interfaceAddress, int argument)
    {
        if (!SocketControlCall.TryBegin(thread, socket, call, argument))
        {
            return false;
        }

        socket->Call->Endpoint = endpoint;
        socket->Call->Interface = interfaceAddress;
        return true;
    }

    private static long WaitForCall(Thread* thread, Socket* socket)
    {
        WaitQueue.Join(&socket->Call->Waiters, thread);
        Scheduler.Block(thread, WaitKind.Sockets, ulong.MaxValue, WaitEnd.Restartable);
        return CallResult.None;
    }
}
