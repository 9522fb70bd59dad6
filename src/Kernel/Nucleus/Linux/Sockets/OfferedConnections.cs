using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>The connections that wait to be accepted from a stream that listens. The record stays until that socket ends.</summary>
internal unsafe struct OfferedConnections
{
    private static Slab s_records;

    /// <summary>The oldest connection, or null.</summary>
    public Socket* First;

    public Socket* Last;
    public int Count;
    public int Backlog;

    /// <summary>Sees to it that a stream has the record; false if there is no memory.</summary>
    public static bool TryAdd(Socket* socket)
    {
        if (socket->Offered == null)
        {
            if (!s_records.TryReserve(1, sizeof(OfferedConnections)))
            {
                return false;
            }

            socket->Offered = (OfferedConnections*)s_records.Take(sizeof(OfferedConnections));
        }

        return true;
    }

    /// <summary>How many more may wait: as on Linux, one more than the backlog.</summary>
    public static int Room(OfferedConnections* list) => Math.Max(list->Backlog + 1 - list->Count, 0);

    /// <summary>Takes the oldest connection, of which there is one.</summary>
    public static Socket* Remove(OfferedConnections* list)
    {
        Socket* offered = list->First;
        list->First = Socket.Withdraw(offered);
        if (list->First == null)
        {
            list->Last = null;
        }

        list->Count--;
        return offered;
    }

    /// <summary>Another connection waits to be accepted.</summary>
    public static void Add(OfferedConnections* list, Socket* offered)
    {
        Socket.Offer(offered, list->Last);
        if (list->Last == null)
        {
            list->First = offered;
        }

        list->Last = offered;
        list->Count++;
    }

    /// <summary>A socket ends. No connection waits any more.</summary>
    public static void Free(Socket* socket)
    {
        if (socket->Offered != null)
        {
            s_records.Return(socket->Offered, sizeof(OfferedConnections), spare: 0);
            socket->Offered = null;
        }
    }
}
