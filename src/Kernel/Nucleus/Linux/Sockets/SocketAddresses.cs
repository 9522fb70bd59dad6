using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>
/// Addresses as the program gives and gets them: sockaddr_in (linux/in.h), sockaddr_in6 (linux/in6.h) and sockaddr_nl (linux/netlink.h),
/// whose port is <see cref="EndpointRecord.Low"/> and whose groups are <see cref="EndpointRecord.High"/>.
/// </summary>
internal static unsafe class SocketAddresses
{
    public const int AF_UNSPEC = 0;
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;
    public const int AF_NETLINK = 16;

    private const uint Size4 = 16;
    private const uint Size6 = 28;
    private const uint SizeNetlink = 12;

    // Linux takes an address without its scope (RFC 2133).
    private const uint OldSize6 = 24;

    /// <summary>Reads the family of an address.</summary>
    public static long ReadFamily(ulong address, uint length, out int family)
    {
        family = AF_UNSPEC;
        long error = length < sizeof(ushort) ? -Errno.EINVAL : ProgramMemory.PrepareRead(address, length);
        if (error == 0)
        {
            family = *(ushort*)address;
        }

        return error;
    }

    /// <summary>Reads an address for a socket: -EINVAL if it is too short, -EAFNOSUPPORT if it is of another family.</summary>
    public static long Read(Socket* socket, ulong address, uint length, out EndpointRecord endpoint) =>
        socket->Kind == SocketKind.Netlink
        ? ReadNetlink(address, length, out endpoint)
        : Read(socket->IsIPv6, address, length, out endpoint);

    public static long Read(bool isIPv6, ulong address, uint length, out EndpointRecord endpoint)
    {
        endpoint = default;
        long error = length < (isIPv6 ? OldSize6 : Size4) ? -Errno.EINVAL : ReadFamily(address, length, out _);
        if (error < 0)
        {
            return error;
        }

        byte* bytes = (byte*)address;
        if (*(ushort*)bytes != (isIPv6 ? AF_INET6 : AF_INET))
        {
            return -Errno.EAFNOSUPPORT;
        }

        ushort port = (ushort)((bytes[2] << 8) | bytes[3]);
        endpoint = isIPv6
            ? new EndpointRecord
            {
                High = ReadBigEndian(bytes + 8),
                Low = ReadBigEndian(bytes + 16),
                Scope = length >= Size6 ? *(uint*)(bytes + 24) : 0,
                Port = port,
            }
            : EndpointRecord.FromIPv4(ReadIPv4(bytes + 4), port);
        return 0;
    }

    /// <summary>Writes an address, as much of it as there is room for, and its whole length.</summary>
    /// <param name="socket">The socket, for its family.</param>
    /// <param name="endpoint">The address.</param>
    /// <param name="address">Where it goes; 0 for nowhere.</param>
    /// <param name="lengthAddress">A socklen_t: the room, and then the length.</param>
    public static long Write(Socket* socket, EndpointRecord endpoint, ulong address, ulong lengthAddress)
    {
        if (address == 0)
        {
            return 0;
        }

        long error = ProgramMemory.PrepareWrite(lengthAddress, sizeof(uint));
        if (error < 0)
        {
            return error;
        }

        int room = *(int*)lengthAddress;
        if (room < 0)
        {
            return -Errno.EINVAL;
        }

        error = WriteBytes(socket, endpoint, address, (uint)room, out uint length);
        *(uint*)lengthAddress = length;
        return error;
    }

    /// <summary>Writes as much of an address as there is room for.</summary>
    public static long WriteBytes(Socket* socket, EndpointRecord endpoint, ulong address, uint room, out uint length)
    {
        byte* bytes = stackalloc byte[(int)Size6];
        Machine.Fill(bytes, 0, Size6);
        *(ushort*)bytes = (ushort)socket->Family;
        switch (socket->Family)
        {
            case AF_NETLINK:
                *(uint*)(bytes + 4) = (uint)endpoint.Low;
                *(uint*)(bytes + 8) = (uint)endpoint.High;
                length = SizeNetlink;
                break;
            case AF_INET6:
                WritePort(bytes, endpoint.Port);
                WriteBigEndian(bytes + 8, endpoint.High);
                WriteBigEndian(bytes + 16, endpoint.Low);
                *(uint*)(bytes + 24) = endpoint.Scope;
                length = Size6;
                break;
            default:
                WritePort(bytes, endpoint.Port);
                WriteIPv4(bytes + 4, endpoint.IPv4);
                length = Size4;
                break;
        }

        uint part = Math.Min(room, length);
        long error = ProgramMemory.PrepareWrite(address, part);
        if (error == 0)
        {
            Machine.Copy((void*)address, bytes, part);
        }

        return error;
    }

    public static uint ReadIPv4(byte* bytes) => ((uint)bytes[0] << 24) | ((uint)bytes[1] << 16) | ((uint)bytes[2] << 8) | bytes[3];

    public static void WriteIPv4(byte* bytes, uint value)
    {
        for (int i = 0; i < 4; i++)
        {
            bytes[i] = (byte)(value >> (24 - (8 * i)));
        }
    }

    public static ulong ReadBigEndian(byte* bytes) => ((ulong)ReadIPv4(bytes) << 32) | ReadIPv4(bytes + 4);

    public static void WriteBigEndian(byte* bytes, ulong value)
    {
        WriteIPv4(bytes, (uint)(value >> 32));
        WriteIPv4(bytes + 4, (uint)value);
    }

    private static void WritePort(byte* bytes, ushort port)
    {
        bytes[2] = (byte)(port >> 8);
        bytes[3] = (byte)port;
    }

    private static long ReadNetlink(ulong address, uint length, out EndpointRecord endpoint)
    {
        endpoint = default;
        long error = length < SizeNetlink ? -Errno.EINVAL : ReadFamily(address, length, out _);
        if (error == 0 && *(ushort*)address != AF_NETLINK)
        {
            error = -Errno.EINVAL;
        }

        if (error == 0)
        {
            endpoint.Low = *(uint*)(address + 4);
            endpoint.High = *(uint*)(address + 8);
        }

        return error;
    }
}
