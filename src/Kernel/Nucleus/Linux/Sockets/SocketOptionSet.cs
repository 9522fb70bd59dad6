using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>
/// The options of a socket. Connections have those of the socket that has accepted them, and few programs change them: until one does, they
/// are the same memory.
/// </summary>
internal unsafe struct SocketOptionSet
{
    private static Slab s_sets;

    public SocketOptionValues Values;

    private int _users;

    /// <summary>A set of zeros for one socket; null if there is no memory.</summary>
    public static SocketOptionSet* Create()
    {
        if (!s_sets.TryReserve(1, sizeof(SocketOptionSet)))
        {
            return null;
        }

        SocketOptionSet* set = (SocketOptionSet*)s_sets.Take(sizeof(SocketOptionSet));
        set->_users = 1;
        return set;
    }

    /// <summary>The same set for one more socket.</summary>
    public static SocketOptionSet* Share(SocketOptionSet* set)
    {
        set->_users++;
        return set;
    }

    /// <summary>A socket needs its set no more.</summary>
    public static void Release(SocketOptionSet* set)
    {
        if (--set->_users == 0)
        {
            s_sets.Return(set, sizeof(SocketOptionSet), spare: 0);
        }
    }

    /// <summary>Sees to it that a socket's set is of no other socket; false if there is no memory.</summary>
    public static bool TryOwn(Socket* socket)
    {
        SocketOptionSet* shared = socket->OptionSet;
        if (shared->_users == 1)
        {
            return true;
        }

        SocketOptionSet* own = Create();
        if (own == null)
        {
            return false;
        }

        // Not an assignment: the compiler copies a structure of this size by calling the runtime.
        Machine.Copy(&own->Values, &shared->Values, (nuint)sizeof(SocketOptionValues));
        shared->_users--;
        socket->OptionSet = own;
        return true;
    }
}
