using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>Which options there are, by Linux's numbers (asm-generic/socket.h, linux/in.h, linux/in6.h, linux/tcp.h).</summary>
internal static unsafe class SocketOptionTable
{
    public const int SOL_IP = 0;
    public const int SOL_SOCKET = 1;
    public const int SOL_TCP = 6;
    public const int SOL_IPV6 = 41;

    /// <summary>net.core.rmem_default and wmem_default.</summary>
    private const int DatagramBuffer = 212_992;

    private const int StreamBuffer = 262_144;

    /// <summary>As much as a send queue grows to by itself.</summary>
    private const int LargestGrown = 4 * StreamBuffer;

    /// <summary>Linux doubles what the program asks for, for its bookkeeping, and has a least and a greatest value.</summary>
    public static int BufferFor(int wanted, int least) =>
        (int)Math.Min(Math.Max((long)Math.Max(wanted, 0) * 2, least), ByteQueue.MaximumSize);

    /// <summary>How many bytes of its queue a sender may fill.</summary>
    public static uint SendLimit(Socket* socket) => (uint)Get(socket, SocketOptionIndex.SendBuffer);

    /// <summary>
    /// Doubles the send queue of a stream whose program writes more than it takes, when all of it is under way: it is the queue that limits
    /// the connection. As on Linux not when the program has set its size, and not when the memory of all sockets is short.
    /// </summary>
    /// <returns>The queue's size; 0 if it will not grow.</returns>
    public static int GrowSendQueue(Socket* socket)
    {
        int size = Get(socket, SocketOptionIndex.SendBuffer);
        if (socket->Options->IsSendBufferSet || size >= LargestGrown)
        {
            return 0;
        }

        bool isLimit = socket->IsRoomWanted && !SocketReadiness.IsWritable(socket);
        if (isLimit && SocketMemory.Left(SocketDirection.Sent) > SocketMemory.Budget / 2 && SocketOptionSet.TryOwn(socket))
        {
            size = Math.Min(size * 2, LargestGrown);
            Set(socket, SocketOptionIndex.SendBuffer, size);
            SocketReadiness.NotifyRoom(socket);
        }

        return size;
    }

    public static uint ReceiveLimit(Socket* socket) => (uint)Get(socket, SocketOptionIndex.ReceiveBuffer);

    public static int Get(Socket* socket, SocketOptionIndex index) => socket->Options->Values[(int)index];

    /// <summary>Sets an option. The socket owns its set (<see cref="SocketOptionSet.TryOwn"/>).</summary>
    public static void Set(Socket* socket, SocketOptionIndex index, int value) => socket->Options->Values[(int)index] = value;

    public static void SetDefaults(Socket* socket)
    {
        int buffer = socket->Kind == SocketKind.Stream ? StreamBuffer : DatagramBuffer;
        Set(socket, SocketOptionIndex.ReceiveBuffer, buffer);
        Set(socket, SocketOptionIndex.SendBuffer, buffer);
        Set(socket, SocketOptionIndex.ReceiveLowWater, 1);
        Set(socket, SocketOptionIndex.KeepAliveTime, 7200);
        Set(socket, SocketOptionIndex.KeepAliveInterval, 75);
        Set(socket, SocketOptionIndex.KeepAliveProbes, 9);
        Set(socket, SocketOptionIndex.TimeToLive, -1);
        Set(socket, SocketOptionIndex.HopLimit, -1);
        Set(socket, SocketOptionIndex.MtuDiscover4, 1);
        Set(socket, SocketOptionIndex.MtuDiscover6, 1);
        Set(socket, SocketOptionIndex.MulticastTimeToLive, 1);
        Set(socket, SocketOptionIndex.MulticastHopLimit, 1);
        Set(socket, SocketOptionIndex.MulticastLoop4, 1);
        Set(socket, SocketOptionIndex.MulticastLoop6, 1);
    }

    /// <summary>
    /// The place of an option whose value is a number; Count if there is none. Options of IPv6 are for its sockets alone.
    /// </summary>
    public static SocketOptionIndex Find(Socket* socket, int level, int name) => level switch
    {
        SOL_SOCKET => FindGeneral(name),
        SOL_IP => FindIPv4(name),
        SOL_IPV6 when socket->IsIPv6 => FindIPv6(name),
        SOL_TCP when socket->Kind == SocketKind.Stream => FindTcp(name),
        _ => SocketOptionIndex.Count,
    };

    /// <summary>Whether an option may be set to a value; others are EINVAL.</summary>
    public static bool IsInRange(SocketOptionIndex index, int value) => index switch
    {
        SocketOptionIndex.TimeToLive => value is -1 or (>= 1 and <= 255),
        SocketOptionIndex.HopLimit or SocketOptionIndex.MulticastHopLimit or SocketOptionIndex.MulticastTimeToLive
            or SocketOptionIndex.TrafficClass => value is >= -1 and <= 255,
        SocketOptionIndex.MulticastLoop6 => value is 0 or 1,
        SocketOptionIndex.MtuDiscover4 or SocketOptionIndex.MtuDiscover6 => value is >= 0 and <= 5,
        SocketOptionIndex.KeepAliveTime or SocketOptionIndex.KeepAliveInterval => value is >= 1 and <= 32_767,
        SocketOptionIndex.KeepAliveProbes => value is >= 1 and <= 127,
        SocketOptionIndex.UserTimeout => value >= 0,
        SocketOptionIndex.MaximumSegment => value is 0 or (>= 88 and <= 32_767),
        _ => true,
    };

    /// <summary>What an option reads as when it was set to a number that is in its range.</summary>
    public static int Kept(Socket* socket, SocketOptionIndex index, int number)
    {
        const int leastReceiveBuffer = 2304;
        const int leastSendBuffer = 4608;

        // The bits of ECN (RFC 3168), which are TCP's own.
        const int congestion = 3;
        return index switch
        {
            SocketOptionIndex.ReceiveBuffer => BufferFor(number, leastReceiveBuffer),
            SocketOptionIndex.SendBuffer => BufferFor(number, leastSendBuffer),
            SocketOptionIndex.ReceiveLowWater => number < 0 ? int.MaxValue : Math.Max(number, 1),
            SocketOptionIndex.TypeOfService =>
                (byte)number & (socket->Kind == SocketKind.Stream ? byte.MaxValue & ~congestion : byte.MaxValue),
            SocketOptionIndex.TrafficClass => Math.Max(number, 0),
            SocketOptionIndex.MulticastTimeToLive or SocketOptionIndex.MulticastHopLimit => number < 0 ? 1 : number,
            _ => IsSwitch(index) && number != 0 ? 1 : number,
        };
    }

    private static bool IsSwitch(SocketOptionIndex index) => index is SocketOptionIndex.ReuseAddress or SocketOptionIndex.ReusePort
        or SocketOptionIndex.Broadcast or SocketOptionIndex.KeepAlive or SocketOptionIndex.DontRoute or SocketOptionIndex.OutOfBandInline
        or SocketOptionIndex.NoDelay or SocketOptionIndex.PacketInfo4 or SocketOptionIndex.MulticastLoop4
        or SocketOptionIndex.ReceiveErrors4 or SocketOptionIndex.ReceiveErrors6
        or SocketOptionIndex.MulticastLoop6 or SocketOptionIndex.IPv6Only or SocketOptionIndex.PacketInfo6;

    private static SocketOptionIndex FindGeneral(int name) => name switch
    {
        2 => SocketOptionIndex.ReuseAddress,
        5 => SocketOptionIndex.DontRoute,
        6 => SocketOptionIndex.Broadcast,
        7 => SocketOptionIndex.SendBuffer,
        8 => SocketOptionIndex.ReceiveBuffer,
        9 => SocketOptionIndex.KeepAlive,
        10 => SocketOptionIndex.OutOfBandInline,
        12 => SocketOptionIndex.Priority,
        15 => SocketOptionIndex.ReusePort,
        18 => SocketOptionIndex.ReceiveLowWater,
        _ => SocketOptionIndex.Count,
    };

    private static SocketOptionIndex FindIPv4(int name) => name switch
    {
        1 => SocketOptionIndex.TypeOfService,
        2 => SocketOptionIndex.TimeToLive,
        8 => SocketOptionIndex.PacketInfo4,
        10 => SocketOptionIndex.MtuDiscover4,
        11 => SocketOptionIndex.ReceiveErrors4,
        33 => SocketOptionIndex.MulticastTimeToLive,
        34 => SocketOptionIndex.MulticastLoop4,
        _ => SocketOptionIndex.Count,
    };

    private static SocketOptionIndex FindIPv6(int name) => name switch
    {
        16 => SocketOptionIndex.HopLimit,
        17 => SocketOptionIndex.MulticastInterface,
        18 => SocketOptionIndex.MulticastHopLimit,
        19 => SocketOptionIndex.MulticastLoop6,
        23 => SocketOptionIndex.MtuDiscover6,
        25 => SocketOptionIndex.ReceiveErrors6,
        26 => SocketOptionIndex.IPv6Only,
        49 => SocketOptionIndex.PacketInfo6,
        67 => SocketOptionIndex.TrafficClass,
        _ => SocketOptionIndex.Count,
    };

    private static SocketOptionIndex FindTcp(int name) => name switch
    {
        1 => SocketOptionIndex.NoDelay,
        2 => SocketOptionIndex.MaximumSegment,
        4 => SocketOptionIndex.KeepAliveTime,
        5 => SocketOptionIndex.KeepAliveInterval,
        6 => SocketOptionIndex.KeepAliveProbes,
        18 => SocketOptionIndex.UserTimeout,
        _ => SocketOptionIndex.Count,
    };
}
