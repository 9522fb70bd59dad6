using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>How sockets begin and end.</summary>
internal static unsafe class SocketLife
{
    /// <summary>A new socket without a file; null if there is no memory.</summary>
    public static Socket* Create(SocketKind kind, bool isIPv6)
    {
        Socket* socket = SocketTable.Create();
        if (socket != null)
        {
            socket->Kind = kind;
            socket->IsIPv6 = isIPv6;
            socket->Local = EndpointRecord.Any(isIPv6);
            socket->Remote = socket->Local;
            SocketOptionTable.SetDefaults(socket);
        }

        return socket;
    }

    /// <summary>The last descriptor was closed. The stack releases what it knows of; the rest ends here.</summary>
    public static void Close(Socket* socket)
    {
        bool isUnread = socket->Kind == SocketKind.Stream && socket->Received.Count > 0;
        bool isReset = SocketOptionTable.Get(socket, SocketOptionIndex.LingerOn) != 0
            && SocketOptionTable.Get(socket, SocketOptionIndex.LingerSeconds) == 0;
        Close(socket, isUnread || isReset);
    }

    /// <summary>The stack needs a closed socket no more.</summary>
    public static void Release(Socket* socket)
    {
        ByteQueue.Clear(&socket->Sent);
        ByteQueue.Clear(&socket->Received);
        SocketTable.Free(socket);
    }

    /// <summary>The connection has ended with an error: what was received can be read, then the error comes once, then the end.</summary>
    public static void End(Socket* socket, int error)
    {
        socket->State = SocketState.Ended;
        socket->Error = error;
        socket->IsReceiveShutDown = true;
        socket->IsSendShutDown = true;
        ByteQueue.Clear(&socket->Sent);
        SocketReadiness.Notify(socket, EventPolls.AnyEvent);
    }

    /// <summary>The stack has ended: so have all sockets.</summary>
    public static void EndAll()
    {
        int count = SocketTable.Count;
        for (int number = 0; number < count; number++)
        {
            Socket* socket = SocketTable.At(number);
            if (socket == null)
            {
                continue;
            }

            if (socket->Call != SocketCall.None && !socket->IsCallAnswered)
            {
                SocketControl.Complete(socket, (int)Errno.ENETDOWN);
            }

            CloseOffered(socket);
        }

        for (int number = 0; number < count; number++)
        {
            Socket* socket = SocketTable.At(number);
            if (socket != null && socket->IsClosed)
            {
                Release(socket);
            }
            else if (socket != null)
            {
                End(socket, (int)Errno.ENETDOWN);
            }
        }
    }

    private static void Close(Socket* socket, bool isAborted)
    {
        socket->File = null;
        socket->IsClosed = true;
        WaitQueue.WakeAll(&socket->Callers);
        CloseOffered(socket);
        ByteQueue.Clear(&socket->Received);
        if (isAborted)
        {
            ByteQueue.Clear(&socket->Sent);
        }

        if (!socket->IsKnown || !StackRequests.IsServed)
        {
            Release(socket);
            return;
        }

        StackRequests.Add(socket, isAborted ? SocketSignals.Closed | SocketSignals.Aborted : SocketSignals.Closed);
    }

    private static void CloseOffered(Socket* listener)
    {
        while (listener->FirstOffered != null)
        {
            Socket* offered = listener->FirstOffered;
            listener->FirstOffered = offered->NextOffered;
            listener->OfferedCount--;
            Close(offered, isAborted: true);
        }

        listener->LastOffered = null;
    }
}
