using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>A request as the stack's thread takes it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RequestRecord
{
    public ulong Handle;
    public SocketKind Kind;
    public uint IsIPv6;
    public SocketSignals Signals;
    public SocketCall Call;
    public int Argument;
    public uint Written;
    public EndpointRecord Endpoint;
    public EndpointRecord Interface;
}

/// <summary>The sockets that want something of the stack, and the stack's thread, which waits for them.</summary>
internal static unsafe class StackRequests
{
    /// <summary>Added to the result of <see cref="Wait"/>: a watched port was signalled.</summary>
    public const long EventPending = 1L << 32;

    private static Socket* s_first;
    private static Socket* s_last;
    private static WaitQueue s_waiter;
    private static bool s_isWoken;
    private static bool s_hasRoute4;
    private static bool s_hasRoute6;

    /// <summary>Whether a stack serves the sockets.</summary>
    public static bool IsServed { get; private set; }

    /// <summary>Whether there was a stack, and it has ended.</summary>
    public static bool HasEnded { get; private set; }

    /// <summary>The stack tells whether every address of a family has a route.</summary>
    public static void SetRoutes(bool isIPv4, bool isIPv6)
    {
        s_hasRoute4 = isIPv4;
        s_hasRoute6 = isIPv6;
    }

    /// <summary>Whether every address of the family has a route; until the stack says otherwise, it is taken to.</summary>
    public static bool HasRoute(bool isIPv4) => isIPv4 ? s_hasRoute4 : s_hasRoute6;

    public static long Open()
    {
        if (IsServed)
        {
            return -Errno.EBUSY;
        }

        IsServed = true;
        HasEnded = false;
        SetRoutes(isIPv4: true, isIPv6: true);
        return 0;
    }

    /// <summary>No requests are taken any more, and none are left.</summary>
    public static void Close()
    {
        IsServed = false;
        HasEnded = true;
        while (s_first != null)
        {
            _ = Take();
        }

        Wake();
    }

    /// <summary>Queues a socket that has something new for the stack, and makes the stack's thread the next to run.</summary>
    public static void Add(Socket* socket, SocketSignals signals)
    {
        if (!IsServed)
        {
            return;
        }

        socket->Signals |= signals;
        socket->IsKnown = true;
        if (socket->IsQueued)
        {
            return;
        }

        socket->IsQueued = true;
        socket->NextRequest = null;
        if (s_first == null)
        {
            s_first = socket;
        }
        else
        {
            s_last->NextRequest = socket;
        }

        s_last = socket;
        if (Waiter->First != null)
        {
            Scheduler.WakeNext(Waiter->First->Thread, 0);
        }
    }

    /// <summary>Ends the stack's wait, or else its next one.</summary>
    public static void Wake()
    {
        if (Waiter->First != null)
        {
            Scheduler.Wake(Waiter->First->Thread, 0, urgent: true);
        }
        else
        {
            s_isWoken = true;
        }
    }

    /// <summary>
    /// Takes requests, or waits. A wait that has ended returns 0: what there is then is taken by the next call, when the thread runs, so
    /// that one batch has all of it.
    /// </summary>
    public static long Wait(Thread* thread, ulong address, ulong room, ulong deadline, bool isEventPending)
    {
        const ulong mostAtOnce = 1024;
        room = Math.Min(room, mostAtOnce);
        long error = ProgramMemory.PrepareWrite(address, room * (ulong)sizeof(RequestRecord));
        if (error < 0)
        {
            return error;
        }

        if (!IsServed)
        {
            return -Errno.ENETDOWN;
        }

        thread->RunsFirst = true;
        ulong count = 0;
        for (; count < room && s_first != null; count++)
        {
            Write((RequestRecord*)address + count, Take());
        }

        if (count > 0 || s_isWoken || isEventPending || s_first != null || deadline <= Platform.Clock.Now())
        {
            s_isWoken = false;
            return (long)count | (isEventPending ? EventPending : 0);
        }

        if (Waiter->First != null)
        {
            return -Errno.EBUSY;
        }

        WaitQueue.Join(Waiter, thread);
        Scheduler.Block(thread, WaitKind.Sockets, deadline, new WaitEnd { OnSignal = -Errno.EINTR });
        return CallResult.None;
    }

    private static WaitQueue* Waiter => (WaitQueue*)Unsafe.AsPointer(ref s_waiter);

    private static Socket* Take()
    {
        Socket* socket = s_first;
        s_first = socket->NextRequest;
        socket->IsQueued = false;
        return socket;
    }

    private static void Write(RequestRecord* record, Socket* socket)
    {
        SocketControlCall* call = socket->Call == null || socket->Call->IsTaken ? null : socket->Call;

        // Field by field: the compiler copies a structure of this size by calling the runtime.
        record->Handle = socket->Handle;
        record->Kind = socket->Kind;
        record->IsIPv6 = socket->IsIPv6 ? 1u : 0;
        record->Signals = socket->Signals;
        record->Written = (uint)socket->Sent.EndPosition;
        record->Call = call == null ? SocketCall.None : call->Kind;
        record->Argument = call == null ? 0 : call->Argument;
        record->Endpoint = call == null ? default : call->Endpoint;
        record->Interface = call == null ? default : call->Interface;
        socket->Signals = SocketSignals.None;
        if (call != null)
        {
            call->IsTaken = true;
        }
    }
}
