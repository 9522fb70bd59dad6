using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>How sockets begin and end.</summary>
internal static unsafe class SocketLife
{
    private static WaitQueue s_closers;

    /// <summary>Whether the program has ended as far as its sockets go: <see cref="EndProgram"/>.</summary>
    public static bool HasProgramEnded { get; private set; }

    /// <summary>A new socket without a file; null if there is no memory.</summary>
    public static Socket* Create(SocketKind kind, bool isIPv6)
    {
        SocketOptionSet* options = SocketOptionSet.Create();
        Socket* socket = options == null ? null : Create(kind, isIPv6, options);
        if (socket != null)
        {
            SocketOptionTable.SetDefaults(socket);
            SocketOptionSet.Settle(socket);
        }

        return socket;
    }

    /// <summary>A new socket with the options of one that listens; null if there is no memory.</summary>
    public static Socket* Accept(Socket* listener) =>
        Create(SocketKind.Stream, listener->IsIPv6, SocketOptionSet.Share(listener->OptionSet));

    /// <summary>A new socket with a set of options that is its own now; it is given back if there is no memory.</summary>
    private static Socket* Create(SocketKind kind, bool isIPv6, SocketOptionSet* options)
    {
        Socket* socket = SocketTable.Create();
        if (socket == null)
        {
            SocketOptionSet.Release(options);
            return null;
        }

        socket->OptionSet = options;
        socket->Kind = kind;
        socket->IsIPv6 = isIPv6;
        socket->Local = EndpointRecord.Any(isIPv6);
        socket->Remote = socket->Local;
        return socket;
    }

    /// <summary>The last descriptor was closed. The stack releases what it knows of; the rest ends here.</summary>
    /// <param name="closer">The thread that closes; null for one that does not wait.</param>
    /// <param name="socket">The socket.</param>
    /// <returns>
    /// 0; <see cref="CallResult.None"/> if SO_LINGER has the thread wait until all is delivered, or the time is over. As on Linux, it waits
    /// on a non-blocking socket too, and the end of the wait is no error, whatever ended it.
    /// </returns>
    public static long Close(Thread* closer, Socket* socket)
    {
        if (socket->IsClosed)
        {
            // The program's end has closed it before its descriptor.
            return 0;
        }

        bool isStream = socket->Kind == SocketKind.Stream;
        bool lingers = isStream && SocketOptionTable.Get(socket, SocketOptionIndex.LingerOn) != 0;
        int seconds = SocketOptionTable.Get(socket, SocketOptionIndex.LingerSeconds);
        bool isUnread = isStream && (socket->Received.Count > 0 || UrgentData.IsAhead(socket));
        bool isAborted = isUnread || (lingers && seconds == 0);
        bool isConnected = socket->State == SocketState.Connected;
        if (!TryLeaveToStack(socket, isAborted) || closer == null || !lingers || isAborted || !isConnected)
        {
            return 0;
        }

        // On Linux a negative time is one without end.
        ulong deadline = seconds < 0 ? ulong.MaxValue : Clock.After((ulong)seconds * 1_000_000_000);
        WaitQueue.Join(Closers, closer)->Key = socket->Handle;
        socket->IsAwaitedByClose = true;
        Scheduler.Block(closer, WaitKind.Sockets, deadline, default);
        return CallResult.None;
    }

    /// <summary>The stack needs a closed socket no more.</summary>
    public static void Release(Socket* socket)
    {
        WakeClosers(socket);
        SocketControlCall.End(socket);
        ByteQueue.Clear(&socket->Sent);
        ByteQueue.Clear(&socket->Received);
        ErrorQueue.Clear(socket);
        if (!HasProgramEnded)
        {
            OfferedConnections.Free(socket);
            DatagramState.Free(socket);
            SocketOptionSet.Release(socket->OptionSet);
            SocketTable.Free(socket);
        }
    }

    /// <summary>
    /// The program ends, while its threads still run: its sockets close as with their last descriptors, so that the stack delivers what was
    /// written, and no call of the program for a socket returns any more. The sockets' memory stays, since their files do.
    /// </summary>
    public static void EndProgram()
    {
        HasProgramEnded = true;
        for (int number = 0; number < SocketTable.Count; number++)
        {
            Socket* socket = SocketTable.At(number);
            if (socket != null && socket->File != null)
            {
                OpenFile* file = socket->File;
                _ = Close(null, socket);
                WaitQueue.WakeAll(&file->Waiters);
            }
        }
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

    /// <summary>Whether a stream's connection has ended: with an error, or as both ends have sent all that they ever will.</summary>
    public static bool IsOver(Socket* socket) => socket->State == SocketState.Ended
        || (socket->State == SocketState.Connected && socket->HasPeerFinished && socket->IsSendShutDown && socket->Sent.Count == 0);

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

            if (SocketControlCall.IsUnderWay(socket))
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

    /// <summary>Closes a socket, which ends when the stack releases it; false if it has ended now.</summary>
    private static bool TryLeaveToStack(Socket* socket, bool isAborted)
    {
        socket->File = null;
        socket->IsClosed = true;
        if (socket->Call != null)
        {
            WaitQueue.WakeAll(&socket->Call->Waiters);
        }

        CloseOffered(socket);
        ByteQueue.Clear(&socket->Received);
        ErrorQueue.Clear(socket);

        // What was written is left to the stack, whatever the end: on Linux it would have been on its way already.
        if (!socket->IsKnown || !StackRequests.IsServed)
        {
            Release(socket);
            return false;
        }

        StackRequests.Add(socket, isAborted ? SocketSignals.Closed | SocketSignals.Aborted : SocketSignals.Closed);
        return true;
    }

    /// <summary>Resets the connections that nobody has accepted.</summary>
    public static void CloseOffered(Socket* listener)
    {
        while (listener->Offered != null && listener->Offered->First != null)
        {
            _ = TryLeaveToStack(OfferedConnections.Remove(listener->Offered), isAborted: true);
        }
    }

    // The threads that linger in close, which are few, by the handles of their sockets. A queue of each socket's own would be there for all
    // that never linger.
    private static WaitQueue* Closers => (WaitQueue*)Unsafe.AsPointer(ref s_closers);

    /// <summary>Who lingers in close goes on. The call is not made again, since its descriptor may be another file's now.</summary>
    private static void WakeClosers(Socket* socket)
    {
        WaitEntry* entry = socket->IsAwaitedByClose ? Closers->First : null;
        while (entry != null)
        {
            WaitEntry* next = entry->Next;
            if (entry->Key == socket->Handle)
            {
                Scheduler.Wake(entry->Thread, 0, urgent: true);
            }

            entry = next;
        }
    }
}
