using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>What a stream has that listens: the connections that wait to be accepted. It stays until the socket ends.</summary>
internal unsafe struct SocketListener
{
    private static Slab s_listeners;

    /// <summary>The oldest connection, or null.</summary>
    public Socket* FirstOffered;

    public Socket* LastOffered;
    public int OfferedCount;
    public int Backlog;

    /// <summary>Sees to it that a stream has one; false if there is no memory.</summary>
    public static bool TryAdd(Socket* socket)
    {
        if (socket->Listener == null)
        {
            if (!s_listeners.TryReserve(1, sizeof(SocketListener)))
            {
                return false;
            }

            socket->Listener = (SocketListener*)s_listeners.Take(sizeof(SocketListener));
        }

        return true;
    }

    /// <summary>The oldest connection of a listener waits no more.</summary>
    /// <returns>It.</returns>
    public static Socket* Remove(SocketListener* listener)
    {
        Socket* offered = listener->FirstOffered;
        listener->FirstOffered = Socket.Withdraw(offered);
        if (listener->FirstOffered == null)
        {
            listener->LastOffered = null;
        }

        listener->OfferedCount--;
        return offered;
    }

    /// <summary>Another connection waits to be accepted.</summary>
    public static void Add(SocketListener* listener, Socket* offered)
    {
        Socket.Offer(offered, listener->LastOffered);
        if (listener->LastOffered == null)
        {
            listener->FirstOffered = offered;
        }

        listener->LastOffered = offered;
        listener->OfferedCount++;
    }

    /// <summary>A socket ends. No connection waits any more.</summary>
    public static void Free(Socket* socket)
    {
        if (socket->Listener != null)
        {
            s_listeners.Return(socket->Listener, sizeof(SocketListener), spare: 0);
            socket->Listener = null;
        }
    }
}
