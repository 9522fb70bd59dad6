using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;
using static Xenlet.Kernel.Nucleus.Linux.Files.PollEvents;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>What a socket is ready for (Linux's tcp_poll and datagram_poll), and who hears of a change.</summary>
internal static unsafe class SocketReadiness
{
    public static uint Of(Socket* socket)
    {
        uint error = socket->Error != 0 || ErrorQueue.HasAny(socket) ? EPOLLERR : 0;
        if (socket->State == SocketState.Listening)
        {
            return error | (socket->Offered->First != null ? Readable : 0);
        }

        uint conditions = error;
        if (socket->IsReceiveShutDown)
        {
            conditions |= Readable | EPOLLRDHUP;
        }

        bool isStream = socket->Kind == SocketKind.Stream;
        if ((socket->IsReceiveShutDown && socket->IsSendShutDown)
            || (isStream && socket->State is SocketState.Idle or SocketState.Ended))
        {
            conditions |= EPOLLHUP;
        }

        if (isStream && socket->State == SocketState.Connecting)
        {
            return conditions;
        }

        conditions |= (HasEnough(socket) ? Readable : 0) | (socket->Urgent.State == UrgentState.Arrived ? EPOLLPRI : 0);
        if (socket->IsSendShutDown || IsWritable(socket))
        {
            conditions |= Writable | (isStream ? 0 : EPOLLWRBAND);
        }
        else
        {
            socket->IsRoomWanted = true;
        }

        return conditions;
    }

    /// <summary>Whether there is room enough to be worth a write: a third, as Linux has it for streams.</summary>
    public static bool IsWritable(Socket* socket) =>
        socket->State == SocketState.Ended || (ulong)socket->Sent.Count * 3 <= (ulong)SocketOptionTable.SendLimit(socket) * 2;

    /// <summary>Whether there is as much to read as SO_RCVLOWAT asks for; half of a full queue is enough, or it would never be.</summary>
    public static bool HasEnough(Socket* socket)
    {
        uint count = socket->Received.Count;
        return socket->Kind == SocketKind.Stream
            ? count >= Math.Min(LowWater(socket), SocketOptionTable.ReceiveLimit(socket) / 2) + (UrgentData.IsNext(socket) ? 1 : 0)
            : count > 0;
    }

    public static uint LowWater(Socket* socket) => (uint)SocketOptionTable.Get(socket, SocketOptionIndex.ReceiveLowWater);

    /// <summary>Tells all who wait. <paramref name="events"/> is as for <see cref="EventPolls.Notify"/>.</summary>
    public static void Notify(Socket* socket, uint events)
    {
        if (socket->File != null)
        {
            WaitQueue.WakeAll(&socket->File->Waiters);
            EventPolls.Notify(socket->File, events);
        }
    }

    /// <summary>Bytes or datagrams were taken from the send queue.</summary>
    public static void NotifyRoom(Socket* socket)
    {
        if (socket->IsRoomWanted && IsWritable(socket))
        {
            socket->IsRoomWanted = false;
            Notify(socket, Writable | EPOLLWRBAND);
        }

        if (SocketMemory.TakeRelief())
        {
            NotifyRelief();
        }
    }

    /// <summary>There is memory again: all who found none look again. Rare, so the length of the table does not matter.</summary>
    private static void NotifyRelief()
    {
        for (int number = 0; number < SocketTable.Count; number++)
        {
            Socket* socket = SocketTable.At(number);
            if (socket != null && socket->IsRoomWanted && IsWritable(socket))
            {
                socket->IsRoomWanted = false;
                Notify(socket, Writable | EPOLLWRBAND);
            }
        }
    }
}
