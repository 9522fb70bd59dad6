using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>What a socket of datagrams has once the stack has told it of a route or an error. It stays until the socket ends.</summary>
internal unsafe struct DatagramState
{
    private static Slab s_states;

    /// <summary>What recvmsg takes with MSG_ERRQUEUE.</summary>
    public ByteQueue Errors;

    /// <summary>The last destination that the stack has found a route to, and for datagrams of which length; 0 for none.</summary>
    public EndpointRecord Routed;
    public uint RoutedLength;

    /// <summary>That of a socket of datagrams, which is made if there is none; null if there is no memory.</summary>
    public static DatagramState* Of(Socket* socket)
    {
        if (socket->Kind == SocketKind.Datagram && socket->Datagrams == null && s_states.TryReserve(1, sizeof(DatagramState)))
        {
            socket->Datagrams = (DatagramState*)s_states.Take(sizeof(DatagramState));
        }

        return socket->Datagrams;
    }

    /// <summary>A socket ends. Its queue of errors is empty.</summary>
    public static void Free(Socket* socket)
    {
        if (socket->Datagrams != null)
        {
            s_states.Return(socket->Datagrams, sizeof(DatagramState), spare: 0);
            socket->Datagrams = null;
        }
    }
}
