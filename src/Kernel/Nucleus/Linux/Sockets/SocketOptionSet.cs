using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>
/// The options of a socket. Connections have those of the socket that has accepted them, and a program that changes them changes them alike
/// for all: equal ones are the same memory.
/// </summary>
internal unsafe struct SocketOptionSet
{
    // One for each kind of socket that a program has, and those that a socket passes on its way to them, option by option.
    private const int Kept = 8;

    private static Slab s_sets;
    private static Addresses s_lately;
    private static int s_next;

    private int _users;

    public SocketOptionValues Values;

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
            Forget(set);
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

    /// <summary>
    /// The values of a socket's own set have changed: if a set that was changed lately is equal, the socket has that one.
    /// </summary>
    public static void Settle(Socket* socket)
    {
        SocketOptionSet* own = socket->OptionSet;
        bool isKnown = false;
        for (int i = 0; i < Kept; i++)
        {
            SocketOptionSet* other = (SocketOptionSet*)s_lately[i];
            if (other == own)
            {
                isKnown = true;
            }
            else if (other != null && Bytes.AreEqual(BytesOf(own), BytesOf(other)))
            {
                socket->OptionSet = Share(other);
                Release(own);
                return;
            }
        }

        if (!isKnown)
        {
            s_lately[s_next] = (ulong)own;
            s_next = (s_next + 1) % Kept;
        }
    }

    private static void Forget(SocketOptionSet* set)
    {
        for (int i = 0; i < Kept; i++)
        {
            if (s_lately[i] == (ulong)set)
            {
                s_lately[i] = 0;
            }
        }
    }

    private static ReadOnlySpan<byte> BytesOf(SocketOptionSet* set) => new(&set->Values, sizeof(SocketOptionValues));

    [InlineArray(Kept)]
    private struct Addresses
    {
        private ulong _first;
    }
}
