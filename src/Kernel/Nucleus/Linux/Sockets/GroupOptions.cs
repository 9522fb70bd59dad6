using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>The options that name a group or an interface, of which the stack knows whether there is such a one.</summary>
internal static unsafe class GroupOptions
{
    // linux/in.h, linux/in6.h, asm-generic/socket.h
    private const int SO_BINDTODEVICE = 25;
    private const int IP_MULTICAST_IF = 32;
    private const int IP_MULTICAST_TTL = 33;
    private const int IP_ADD_MEMBERSHIP = 35;
    private const int IP_DROP_MEMBERSHIP = 36;
    private const int IP_UNBLOCK_SOURCE = 37;
    private const int IP_DROP_SOURCE_MEMBERSHIP = 40;
    private const int IPV6_MULTICAST_IF = 17;
    private const int IPV6_ADD_MEMBERSHIP = 20;
    private const int IPV6_DROP_MEMBERSHIP = 21;

    private const int SourceSize = 12;

    /// <summary>Sets one of them; -ENOPROTOOPT if it is another option, or there is none.</summary>
    public static long Set(Thread* thread, Socket* socket, int level, int name, byte* value, uint length)
    {
        bool isStream = socket->Kind == SocketKind.Stream;
        switch (level)
        {
            case SocketOptionTable.SOL_SOCKET when name == SO_BINDTODEVICE:
                return SetDevice(thread, socket, value, length);
            case SocketOptionTable.SOL_IP when name is IP_ADD_MEMBERSHIP or IP_DROP_MEMBERSHIP:
                return isStream ? -Errno.EPROTO : length < 8 ? -Errno.EINVAL : SocketControl.ChangeGroup(
                    thread,
                    socket,
                    name == IP_ADD_MEMBERSHIP,
                    EndpointRecord.FromIPv4(SocketAddresses.ReadIPv4(value), 0),
                    EndpointRecord.FromIPv4(SocketAddresses.ReadIPv4(value + 4), 0),
                    length >= 12 ? *(int*)(value + 8) : 0);
            case SocketOptionTable.SOL_IP when name is IP_MULTICAST_TTL or IP_MULTICAST_IF && isStream:
                return -Errno.EINVAL;
            case SocketOptionTable.SOL_IP when name == IP_MULTICAST_IF:
                return length < 4 ? -Errno.EINVAL : SetInterface4(thread, socket, value, length);
            case SocketOptionTable.SOL_IP when name is >= IP_UNBLOCK_SOURCE and <= IP_DROP_SOURCE_MEMBERSHIP:
                // Groups of one source (IGMPv3) are not there.
                return length != SourceSize ? -Errno.EINVAL : -Errno.ENOPROTOOPT;
            case SocketOptionTable.SOL_IPV6 when socket->IsIPv6 && (name is IPV6_ADD_MEMBERSHIP or IPV6_DROP_MEMBERSHIP):
                return isStream ? -Errno.EPROTO : length < 20 ? -Errno.EINVAL : SocketControl.ChangeGroup(
                    thread,
                    socket,
                    name == IPV6_ADD_MEMBERSHIP,
                    new EndpointRecord { High = SocketAddresses.ReadBigEndian(value), Low = SocketAddresses.ReadBigEndian(value + 8) },
                    default,
                    *(int*)(value + 16));
            case SocketOptionTable.SOL_IPV6 when socket->IsIPv6 && name == IPV6_MULTICAST_IF && !isStream:
                return length < sizeof(int) ? -Errno.EINVAL : SetInterface6(thread, socket, *(int*)value);
            default:
                return -Errno.ENOPROTOOPT;
        }
    }

    /// <summary>IP_MULTICAST_IF: an address, an ip_mreq or an ip_mreqn.</summary>
    private static long SetInterface4(Thread* thread, Socket* socket, byte* value, uint length)
    {
        EndpointRecord address = EndpointRecord.FromIPv4(SocketAddresses.ReadIPv4(length >= 8 ? value + 4 : value), 0);
        int index = length >= 12 ? *(int*)(value + 8) : 0;
        long error = index == 0 && address.IPv4 == 0 ? 0 : SocketControl.FindInterface(thread, socket, address, index);
        if (error == 0)
        {
            SocketOptionTable.Set(socket, SocketOptionIndex.MulticastAddress, (int)address.IPv4);
            Keep(socket, index);
        }

        return error == -Errno.ENODEV ? -Errno.EADDRNOTAVAIL : error;
    }

    private static long SetInterface6(Thread* thread, Socket* socket, int index)
    {
        long error = index == 0 ? 0 : SocketControl.FindInterface(thread, socket, default, index);
        if (error == 0)
        {
            Keep(socket, index);
        }

        return error;
    }

    /// <summary>
    /// SO_BINDTODEVICE. The name is passed where an address has its 16 bytes, as many as a name has (IFNAMSIZ, linux/if.h).
    /// </summary>
    private static long SetDevice(Thread* thread, Socket* socket, byte* value, uint length)
    {
        const uint most = 15;
        byte* name = stackalloc byte[(int)most + 1];
        Machine.Fill(name, 0, most + 1);
        for (uint i = 0; i < Math.Min(length, most) && value[i] != 0; i++)
        {
            name[i] = value[i];
        }

        EndpointRecord device = new() { High = SocketAddresses.ReadBigEndian(name), Low = SocketAddresses.ReadBigEndian(name + 8) };
        long error = SocketControl.BindToDevice(thread, socket, device);
        if (error == 0)
        {
            socket->Options->DeviceHigh = device.High;
            socket->Options->DeviceLow = device.Low;
        }

        return error;
    }

    private static void Keep(Socket* socket, int index)
    {
        SocketOptionTable.Set(socket, SocketOptionIndex.MulticastInterface, index);
        if (socket->IsKnown)
        {
            StackRequests.Add(socket, SocketSignals.OptionsChanged);
        }
    }
}
