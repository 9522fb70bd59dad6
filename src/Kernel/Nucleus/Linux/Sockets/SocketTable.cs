using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>
/// All sockets by number. A number is used again; a handle, which has a count in its upper half, is not.
/// </summary>
internal static unsafe class SocketTable
{
    private const int PerFrame = (int)(Pages.Size / sizeof(ulong));
    private const int MaximumSockets = PerFrame * PerFrame;

    private static Slab s_sockets;
    private static uint s_generation;

    // A frame of the addresses of frames, each of which has the addresses of sockets. An odd word is a free entry: the next one's number.
    private static ulong** s_directory;
    private static int s_entries;
    private static int s_firstFree;
    private static int s_count;

    /// <summary>The greatest number that a socket has had, plus 1.</summary>
    public static int Count => s_entries;

    /// <summary>A new socket, zeroed but for its handle and its queue's direction; null if there is no memory.</summary>
    public static Socket* Create()
    {
        if (!s_sockets.TryReserve(1, sizeof(Socket)) || (s_firstFree == s_entries && !TryGrow()))
        {
            return null;
        }

        int number = s_firstFree;
        ulong* entry = Entry(number);
        s_firstFree = number == s_entries ? ++s_entries : (int)(*entry >> 1);
        Socket* socket = (Socket*)s_sockets.Take(sizeof(Socket));
        *entry = (ulong)socket;
        s_count++;
        socket->Sent.Direction = SocketDirection.Sent;
        socket->Handle = ((ulong)++s_generation << 32) | (uint)number;
        return socket;
    }

    /// <summary>Frees a socket that nothing refers to any more.</summary>
    public static void Free(Socket* socket)
    {
        int number = (int)(uint)socket->Handle;
        *Entry(number) = ((ulong)s_firstFree << 1) | 1;
        s_firstFree = number;
        s_sockets.Return(socket, sizeof(Socket), spare: 0);
        if (--s_count == 0)
        {
            FreeTable();
        }
    }

    /// <summary>The socket with a number, or null.</summary>
    public static Socket* At(int number)
    {
        ulong word = number < s_entries ? *Entry(number) : 1;
        return (word & 1) != 0 ? null : (Socket*)word;
    }

    /// <summary>The socket with a handle, or null.</summary>
    public static Socket* Find(ulong handle)
    {
        Socket* socket = (uint)handle < (uint)s_entries ? At((int)(uint)handle) : null;
        return socket != null && socket->Handle == handle ? socket : null;
    }

    private static ulong* Entry(int number) => s_directory[number / PerFrame] + (number % PerFrame);

    private static bool TryGrow()
    {
        if (s_entries == MaximumSockets)
        {
            return false;
        }

        if (s_entries % PerFrame != 0)
        {
            return true;
        }

        if (s_directory == null)
        {
            ulong directory = MemoryCharge.AllocateForNucleus();
            if (directory == 0)
            {
                return false;
            }

            s_directory = (ulong**)DirectMap.Words(directory);
        }

        if (s_directory[s_entries / PerFrame] == null)
        {
            ulong frame = MemoryCharge.AllocateForNucleus();
            if (frame == 0)
            {
                return false;
            }

            s_directory[s_entries / PerFrame] = DirectMap.Words(frame);
        }

        return true;
    }

    private static void FreeTable()
    {
        for (int i = 0; i < PerFrame && s_directory[i] != null; i++)
        {
            FrameAllocator.FreeForNucleus(DirectMap.PhysicalOf(s_directory[i]));
        }

        FrameAllocator.FreeForNucleus(DirectMap.PhysicalOf(s_directory));
        s_directory = null;
        s_entries = 0;
        s_firstFree = 0;
    }
}
