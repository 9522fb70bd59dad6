using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>The control messages of datagrams: in_pktinfo (linux/in.h) and in6_pktinfo (linux/ipv6.h).</summary>
internal static unsafe class ControlMessages
{
    private const int IP_PKTINFO = 8;
    private const int IPV6_PKTINFO = 50;
    private const int Size4 = 12;
    private const int Size6 = 20;

    // Each message begins at a multiple of this.
    private const ulong Alignment = 8;

    /// <summary>Writes what the program has asked for, as much of it as there is room for.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="record">The datagram's.</param>
    /// <param name="control">The program's buffer.</param>
    /// <param name="room">Its size.</param>
    /// <param name="flags">Gets MSG_CTRUNC if it is too small.</param>
    /// <param name="length">The bytes that were used.</param>
    public static long Write(Socket* socket, DatagramRecord* record, ulong control, ulong room, ref uint flags, out ulong length)
    {
        length = 0;
        byte* data = stackalloc byte[Size6];
        long error = 0;
        if (SocketOptionTable.Get(socket, SocketOptionIndex.PacketInfo6) != 0)
        {
            SocketAddresses.WriteBigEndian(data, record->Local.High);
            SocketAddresses.WriteBigEndian(data + 8, record->Local.Low);
            *(int*)(data + 16) = record->InterfaceIndex;
            error = Put(SocketOptionTable.SOL_IPV6, IPV6_PKTINFO, data, Size6, control, room, ref flags, ref length);
        }

        if (error == 0 && record->Local.IsIPv4 && SocketOptionTable.Get(socket, SocketOptionIndex.PacketInfo4) != 0)
        {
            *(int*)data = record->InterfaceIndex;
            SocketAddresses.WriteIPv4(data + 4, record->Local.IPv4);
            SocketAddresses.WriteIPv4(data + 8, record->Local.IPv4);
            error = Put(SocketOptionTable.SOL_IP, IP_PKTINFO, data, Size4, control, room, ref flags, ref length);
        }

        return error;
    }

    /// <summary>Reads where a datagram is to be sent from. Messages of other kinds are -EINVAL; a stream has none.</summary>
    public static long Read(int descriptor, ulong control, ulong length, DatagramRecord* source)
    {
        // The two, with their headers.
        const ulong most = 128;
        bool isStream = SocketCalls.Find(descriptor, out Socket* socket) == 0 && socket->Kind == SocketKind.Stream;
        if (length == 0 || isStream)
        {
            return 0;
        }

        long error = length > most ? -Errno.EINVAL : ProgramMemory.PrepareRead(control, length);
        for (ulong at = 0; error == 0 && at + (ulong)sizeof(cmsghdr) <= length;)
        {
            cmsghdr* header = (cmsghdr*)(control + at);
            ulong size = header->cmsg_len;
            if (size < (ulong)sizeof(cmsghdr) || size > length - at)
            {
                return -Errno.EINVAL;
            }

            error = ReadOne(header, size - (ulong)sizeof(cmsghdr), source);
            at += Align(size);
        }

        return error;
    }

    private static long ReadOne(cmsghdr* header, ulong size, DatagramRecord* source)
    {
        byte* data = (byte*)header + sizeof(cmsghdr);
        if (header->cmsg_level == SocketOptionTable.SOL_IP && header->cmsg_type == IP_PKTINFO && size == Size4)
        {
            source->InterfaceIndex = *(int*)data;
            source->Local = EndpointRecord.FromIPv4(SocketAddresses.ReadIPv4(data + 4), 0);
            return 0;
        }

        if (header->cmsg_level == SocketOptionTable.SOL_IPV6 && header->cmsg_type == IPV6_PKTINFO && size == Size6)
        {
            source->InterfaceIndex = *(int*)(data + 16);
            source->Local.High = SocketAddresses.ReadBigEndian(data);
            source->Local.Low = SocketAddresses.ReadBigEndian(data + 8);
            return 0;
        }

        return -Errno.EINVAL;
    }

    /// <summary>Adds a message as Linux's put_cmsg does: one that does not fit is cut, and said to be so.</summary>
    public static long Put(int level, int type, byte* data, int size, ulong control, ulong room, ref uint flags, ref ulong length)
    {
        ulong left = room - length;
        ulong whole = (ulong)sizeof(cmsghdr) + (ulong)size;
        if (left < whole)
        {
            flags |= SocketTransfers.MSG_CTRUNC;
        }

        if (left < (ulong)sizeof(cmsghdr))
        {
            return 0;
        }

        ulong part = Math.Min(left, whole);
        long error = ProgramMemory.PrepareWrite(control + length, part);
        if (error == 0)
        {
            cmsghdr* header = (cmsghdr*)(control + length);
            header->cmsg_len = part;
            header->cmsg_level = level;
            header->cmsg_type = type;
            Machine.Copy((byte*)header + sizeof(cmsghdr), data, (nuint)(part - (ulong)sizeof(cmsghdr)));
            length += Math.Min(Align(whole), left);
        }

        return error;
    }

    private static ulong Align(ulong size) => (size + Alignment - 1) & ~(Alignment - 1);
}
