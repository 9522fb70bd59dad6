using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>getsockopt and setsockopt.</summary>
internal static unsafe class OptionCalls
{
    // asm-generic/socket.h
    private const int SO_DEBUG = 1;
    private const int SO_ERROR = 4;
    private const int SO_LINGER = 13;
    private const int SO_RCVTIMEO = 20;
    private const int SO_SNDTIMEO = 21;

    // linux/tcp.h
    private const int TCP_CONGESTION = 13;

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
        int size = OptionReading.Read(socket, level, name, value);
        if (size < 0)
        {
            // As on Linux, where a level that is not the socket's comes to IP last.
            bool isForeign = level is not (SocketOptionTable.SOL_SOCKET or SocketOptionTable.SOL_IP)
                && (level != SocketOptionTable.SOL_TCP || socket->Kind != SocketKind.Stream);
            return isForeign && !socket->IsIPv6 ? -Errno.EOPNOTSUPP : -Errno.ENOPROTOOPT;
        }

        // A byte has room for an option of IPv4 whose value is one.
        bool isNumber4 = level == SocketOptionTable.SOL_IP && name != OptionReading.IP_MULTICAST_IF && size == sizeof(int);
        bool isByte = isNumber4 && room is > 0 and < sizeof(int) && *(uint*)value <= byte.MaxValue;
        size = isByte ? 1 : Math.Min(size, room);
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
        // No option that is read has more.
        const uint longest = 64;
        long error = ProgramMemory.PrepareRead(address, Math.Min(length, longest));
        if (error < 0)
        {
            return error;
        }

        if (!SocketOptionSet.TryOwn(socket))
        {
            return -Errno.ENOBUFS;
        }

        DatagramRoutes.Forget(socket);
        long result = Change(thread, socket, level, name, (byte*)address, length);
        SocketOptionSet.Settle(socket);
        return result;
    }

    private static long Change(Thread* thread, Socket* socket, int level, int name, byte* value, uint length)
    {
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
            case SocketOptionTable.SOL_SOCKET when name == SO_DEBUG:
                // There is nothing that it could turn on.
                return length < sizeof(int) ? -Errno.EINVAL : *(int*)value == 0 ? 0 : -Errno.EACCES;
            case SocketOptionTable.SOL_TCP when name == TCP_CONGESTION && socket->Kind == SocketKind.Stream:
                return SetCongestionControl(value, length);
            default:
                long error = GroupOptions.Set(thread, socket, level, name, value, length);
                return error == -Errno.ENOPROTOOPT ? SetNumber(socket, level, name, value, length) : error;
        }
    }

    private static long SetNumber(Socket* socket, int level, int name, byte* value, uint length)
    {
        SocketOptionIndex index = SocketOptionTable.Find(socket, level, name);
        bool isForGroups = index is SocketOptionIndex.MulticastHopLimit or SocketOptionIndex.MulticastInterface;
        if (index == SocketOptionIndex.Count || (isForGroups && socket->Kind == SocketKind.Stream))
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

        SocketOptionTable.Set(socket, index, SocketOptionTable.Kept(socket, index, number));
        socket->Options->IsSendBufferSet |= index == SocketOptionIndex.SendBuffer;
        if (socket->IsKnown)
        {
            StackRequests.Add(socket, SocketSignals.OptionsChanged);
        }

        if (index is SocketOptionIndex.ReceiveErrors4 or SocketOptionIndex.ReceiveErrors6 && number == 0)
        {
            ErrorQueue.Clear(socket);
        }

        if (index == SocketOptionIndex.ReceiveLowWater)
        {
            // What is there may be enough now.
            SocketReadiness.Notify(socket, EventPolls.AnyEvent);
        }

        return 0;
    }

    /// <summary>There is CUBIC alone (RFC 9438).</summary>
    private static long SetCongestionControl(byte* name, uint length)
    {
        ReadOnlySpan<byte> only = OptionReading.CongestionControl;
        uint count = 0;
        while (count < Math.Min(length, (uint)only.Length + 1) && name[count] != 0)
        {
            count++;
        }

        return count == 0 ? -Errno.EINVAL
            : Bytes.AreEqual(new ReadOnlySpan<byte>(name, (int)count), only) ? 0
            : -Errno.ENOENT;
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
            socket->Options->ReceiveTimeout = nanoseconds;
        }
        else
        {
            socket->Options->SendTimeout = nanoseconds;
        }

        return 0;
    }
}
