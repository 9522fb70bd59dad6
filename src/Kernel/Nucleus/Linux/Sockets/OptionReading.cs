using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>What getsockopt returns.</summary>
internal static unsafe class OptionReading
{
    // asm-generic/socket.h
    private const int SO_DEBUG = 1;
    private const int SO_TYPE = 3;
    private const int SO_ERROR = 4;
    private const int SO_LINGER = 13;
    private const int SO_SNDLOWAT = 19;
    private const int SO_RCVTIMEO = 20;
    private const int SO_SNDTIMEO = 21;
    private const int SO_BINDTODEVICE = 25;
    private const int SO_ACCEPTCONN = 30;
    private const int SO_PROTOCOL = 38;
    private const int SO_DOMAIN = 39;

    // linux/in.h, linux/tcp.h
    private const int IP_HDRINCL = 3;
    public const int IP_MULTICAST_IF = 32;
    private const int TCP_CONGESTION = 13;

    private const int DefaultTimeToLive = 64;

    /// <summary>RFC 9293, section 3.7.1: the size of a peer's segments that has not said another.</summary>
    private const int DefaultSegment = 536;

    /// <summary>TCP_CA_NAME_MAX (net/tcp.h).</summary>
    private const int CongestionNameSize = 16;

    public static ReadOnlySpan<byte> CongestionControl => "cubic"u8;

    /// <summary>Puts an option's value into two words.</summary>
    /// <returns>Its size; -1 if there is no such option.</returns>
    public static int Read(Socket* socket, int level, int name, ulong* value)
    {
        value[0] = 0;
        value[1] = 0;
        if (level == SocketOptionTable.SOL_SOCKET)
        {
            switch (name)
            {
                case SO_DEBUG:
                    return sizeof(int);
                case SO_BINDTODEVICE:
                    SocketAddresses.WriteBigEndian((byte*)value, socket->Options->DeviceHigh);
                    SocketAddresses.WriteBigEndian((byte*)value + 8, socket->Options->DeviceLow);
                    return NameSize((byte*)value);
                case SO_SNDLOWAT:
                    *(int*)value = 1;
                    return sizeof(int);
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
                    ulong time = name == SO_RCVTIMEO ? socket->Options->ReceiveTimeout : socket->Options->SendTimeout;
                    value[0] = time / 1_000_000_000;
                    value[1] = time % 1_000_000_000 / 1000;
                    return 2 * sizeof(ulong);
            }
        }

        if (level == SocketOptionTable.SOL_IP && name == IP_HDRINCL)
        {
            return sizeof(int);
        }

        if (level == SocketOptionTable.SOL_TCP && name == TCP_CONGESTION && socket->Kind == SocketKind.Stream)
        {
            for (int i = 0; i < CongestionControl.Length; i++)
            {
                ((byte*)value)[i] = CongestionControl[i];
            }

            return CongestionNameSize;
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
        *(int*)value = index switch
        {
            SocketOptionIndex.TimeToLive or SocketOptionIndex.HopLimit when number < 0 => DefaultTimeToLive,
            SocketOptionIndex.MaximumSegment when number == 0 => DefaultSegment,
            _ => number,
        };
        return sizeof(int);
    }

    /// <summary>The bytes of a name with its terminating 0; none of no name.</summary>
    private static int NameSize(byte* name)
    {
        int length = 0;
        while (name[length] != 0)
        {
            length++;
        }

        return length == 0 ? 0 : length + 1;
    }
}
