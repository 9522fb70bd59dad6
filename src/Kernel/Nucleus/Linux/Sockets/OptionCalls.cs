using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>getsockopt and setsockopt.</summary>
internal static unsafe class OptionCalls
{
    // asm-generic/socket.h
    private const int SO_TYPE = 3;
    private const int SO_ERROR = 4;
    private const int SO_LINGER = 13;
    private const int SO_RCVTIMEO = 20;
    private const int SO_SNDTIMEO = 21;
    private const int SO_ACCEPTCONN = 30;
    private const int SO_PROTOCOL = 38;
    private const int SO_DOMAIN = 39;

    // linux/in.h, linux/in6.h
    private const int IP_MULTICAST_IF = 32;
    private const int IP_ADD_MEMBERSHIP = 35;
    private const int IP_DROP_MEMBERSHIP = 36;
    private const int IPV6_ADD_MEMBERSHIP = 20;
    private const int IPV6_DROP_MEMBERSHIP = 21;

    private const int LeastReceiveBuffer = 2304;
    private const int LeastSendBuffer = 4608;
    private const int DefaultTimeToLive = 64;

    public static long Get(Socket* socket, int level, int name, ulong address, ulong lengthAddress)
    {
        long error = ProgramMemory.PrepareWrite(lengthAddress, sizeof(int));
        if (error < 0)
        {
            return error;
        }

        int room = *(int*)lengthAddress;
        if (room < 0)
        {
            return -Errno.EINVAL;
        }

        ulong* value = stackalloc ulong[2];
        int size = Value(socket, level, name, value);
        if (size < 0)
        {
            return -Errno.ENOPROTOOPT;
        }

        size = Math.Min(size, room);
        error = ProgramMemory.PrepareWrite(address, (ulong)size);
        if (error < 0)
        {
            return error;
        }

        Machine.Copy((void*)address, value, (nuint)size);
        *(int*)lengthAddress = size;
        if (level == SocketOptionTable.SOL_SOCKET && name == SO_ERROR)
        {
            socket->Error = 0;
        }

        return 0;
    }

    public static long Set(Thread* thread, Socket* socket, int level, int name, ulong address, uint length)
    {
        const uint longest = 64;
        long error = length > longest ? 0 : ProgramMemory.PrepareRead(address, length);
        if (error < 0)
        {
            return error;
        }

        byte* value = (byte*)address;
        switch (level)
        {
            case SocketOptionTable.SOL_SOCKET when name is SO_RCVTIMEO or SO_SNDTIMEO:
                return length < 16 ? -Errno.EINVAL : SetTimeout(socket, name, *(long*)value, *(long*)(value + 8));
            case SocketOptionTable.SOL_SOCKET when name == SO_LINGER:
                if (length < 8)
                {
                    return -Errno.EINVAL;
                }

                SocketOptionTable.Set(socket, SocketOptionIndex.LingerOn, *(int*)value != 0 ? 1 : 0);
                SocketOptionTable.Set(socket, SocketOptionIndex.LingerSeconds, *(int*)(value + 4));
                return 0;
            case SocketOptionTable.SOL_IP when name is IP_ADD_MEMBERSHIP or IP_DROP_MEMBERSHIP:
                return length < 8 ? -Errno.EINVAL : SocketControl.ChangeGroup(
                    thread,
                    socket,
                    name == IP_ADD_MEMBERSHIP,
                    EndpointRecord.FromIPv4(SocketAddresses.ReadIPv4(value), 0),
                    EndpointRecord.FromIPv4(SocketAddresses.ReadIPv4(value + 4), 0),
                    length >= 12 ? *(int*)(value + 8) : 0);
            case SocketOptionTable.SOL_IP when name == IP_MULTICAST_IF:
                if (length < 4)
                {
                    return -Errno.EINVAL;
                }

                // An address, an ip_mreq or an ip_mreqn.
                SocketOptionTable.Set(
                    socket, SocketOptionIndex.MulticastAddress, (int)SocketAddresses.ReadIPv4(length >= 8 ? value + 4 : value));
                SocketOptionTable.Set(socket, SocketOptionIndex.MulticastInterface, length >= 12 ? *(int*)(value + 8) : 0);
                StackRequests.Add(socket, SocketSignals.OptionsChanged);
                return 0;
            case SocketOptionTable.SOL_IPV6 when socket->IsIPv6 && (name is IPV6_ADD_MEMBERSHIP or IPV6_DROP_MEMBERSHIP):
                return length < 20 ? -Errno.EINVAL : SocketControl.ChangeGroup(
                    thread,
                    socket,
                    name == IPV6_ADD_MEMBERSHIP,
                    new EndpointRecord { High = SocketAddresses.ReadBigEndian(value), Low = SocketAddresses.ReadBigEndian(value + 8) },
                    default,
                    *(int*)(value + 16));
            default:
                return SetNumber(socket, level, name, value, length);
        }
    }

    private static long SetNumber(Socket* socket, int level, int name, byte* value, uint length)
    {
        SocketOptionIndex index = SocketOptionTable.Find(socket, level, name);
        if (index == SocketOptionIndex.Count)
        {
            return -Errno.ENOPROTOOPT;
        }

        // Options of IPv4 may be one byte.
        bool isByte = level == SocketOptionTable.SOL_IP && length is > 0 and < sizeof(int);
        if (length < sizeof(int) && !isByte)
        {
            return -Errno.EINVAL;
        }

        int number = isByte ? *value : *(int*)value;
        if (!SocketOptionTable.IsInRange(index, number) || (index == SocketOptionIndex.IPv6Only && socket->Local.Port != 0))
        {
            return -Errno.EINVAL;
        }

        number = index switch
        {
            SocketOptionIndex.ReceiveBuffer => SocketOptionTable.BufferFor(number, LeastReceiveBuffer),
            SocketOptionIndex.SendBuffer => SocketOptionTable.BufferFor(number, LeastSendBuffer),
            _ => SocketOptionTable.IsSwitch(index) && number != 0 ? 1 : number,
        };
        SocketOptionTable.Set(socket, index, number);
        if (socket->IsKnown)
        {
            StackRequests.Add(socket, SocketSignals.OptionsChanged);
        }

        return 0;
    }

    private static long SetTimeout(Socket* socket, int name, long seconds, long microseconds)
    {
        const long most = 1_000_000_000;
        if (microseconds is < 0 or >= 1_000_000)
        {
            return -Errno.EDOM;
        }

        ulong nanoseconds = seconds < 0 ? 0 : ((ulong)Math.Min(seconds, most) * 1_000_000_000) + ((ulong)microseconds * 1000);
        if (name == SO_RCVTIMEO)
        {
            socket->Options.ReceiveTimeout = nanoseconds;
        }
        else
        {
            socket->Options.SendTimeout = nanoseconds;
        }

        return 0;
    }

    /// <summary>Puts an option's value into two words.</summary>
    /// <returns>Its size; -1 if there is no such option.</returns>
    private static int Value(Socket* socket, int level, int name, ulong* value)
    {
        *value = 0;
        if (level == SocketOptionTable.SOL_SOCKET)
        {
            switch (name)
            {
                case SO_TYPE:
                    *(int*)value = (int)socket->Kind;
                    return sizeof(int);
                case SO_ERROR:
                    *(int*)value = socket->Error;
                    return sizeof(int);
                case SO_ACCEPTCONN:
                    *(int*)value = socket->State == SocketState.Listening ? 1 : 0;
                    return sizeof(int);
                case SO_PROTOCOL:
                    *(int*)value = socket->Kind switch
                    {
                        SocketKind.Stream => SocketCalls.IPPROTO_TCP,
                        SocketKind.Netlink => SocketCalls.NETLINK_ROUTE,
                        _ => SocketCalls.IPPROTO_UDP,
                    };
                    return sizeof(int);
                case SO_DOMAIN:
                    *(int*)value = socket->Family;
                    return sizeof(int);
                case SO_LINGER:
                    ((int*)value)[0] = SocketOptionTable.Get(socket, SocketOptionIndex.LingerOn);
                    ((int*)value)[1] = SocketOptionTable.Get(socket, SocketOptionIndex.LingerSeconds);
                    return 2 * sizeof(int);
                case SO_RCVTIMEO:
                case SO_SNDTIMEO:
                    ulong time = name == SO_RCVTIMEO ? socket->Options.ReceiveTimeout : socket->Options.SendTimeout;
                    value[0] = time / 1_000_000_000;
                    value[1] = time % 1_000_000_000 / 1000;
                    return 2 * sizeof(ulong);
            }
        }

        if (level == SocketOptionTable.SOL_IP && name == IP_MULTICAST_IF)
        {
            SocketAddresses.WriteIPv4((byte*)value, (uint)SocketOptionTable.Get(socket, SocketOptionIndex.MulticastAddress));
            return sizeof(int);
        }

        SocketOptionIndex index = SocketOptionTable.Find(socket, level, name);
        if (index == SocketOptionIndex.Count)
        {
            return -1;
        }

        int number = SocketOptionTable.Get(socket, index);
        *(int*)value = number < 0 && (index is SocketOptionIndex.TimeToLive or SocketOptionIndex.HopLimit) ? DefaultTimeToLive : number;
        return sizeof(int);
    }
}
