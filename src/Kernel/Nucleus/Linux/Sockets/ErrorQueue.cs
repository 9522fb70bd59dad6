using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>What goes with an error in its queue, before the bytes of the datagram, and in the private call.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ErrorRecord
{
    /// <summary>Where the datagram went.</summary>
    public EndpointRecord Remote;

    /// <summary>Who has told.</summary>
    public EndpointRecord Offender;

    public int Errno;
    public byte Type;
    public byte Code;
    public int Info;

    /// <summary>Bytes of the payload.</summary>
    public uint Length;
}

/// <summary>
/// The errors of datagrams that recvmsg takes with MSG_ERRQUEUE, of a socket that asks for them (IP_RECVERR, IPV6_RECVERR): Linux's
/// ip_recv_error and ipv6_recv_error. Whoever forges errors fills a queue up to its limit.
/// </summary>
internal static unsafe class ErrorQueue
{
    public const uint MSG_ERRQUEUE = 0x2000;

    private const int IP_RECVERR = 11;
    private const int IPV6_RECVERR = 25;

    // linux/errqueue.h: sock_extended_err, behind which lies the offender's address.
    private const byte SO_EE_ORIGIN_ICMP = 2;
    private const byte SO_EE_ORIGIN_ICMP6 = 3;
    private const int ExtendedErrorSize = 16;
    private const int Size4 = ExtendedErrorSize + 16;
    private const int Size6 = ExtendedErrorSize + 28;

    /// <summary>The most bytes that a queue has: some hundred errors.</summary>
    private const uint MostBytes = 65_536;

    /// <summary>The stack tells of an error. What finds no room is lost, as on Linux; the error is pending all the same.</summary>
    public static long Add(Socket* socket, ulong record, ulong payload, ulong count)
    {
        long error = ProgramMemory.PrepareRead(record, (ulong)sizeof(ErrorRecord));
        error = error < 0 ? error : ProgramMemory.PrepareRead(payload, count);
        if (error < 0 || socket->Kind != SocketKind.Datagram || count > ushort.MaxValue || ((ErrorRecord*)record)->Errno <= 0)
        {
            return error < 0 ? error : -Errno.EINVAL;
        }

        if (socket->IsClosed)
        {
            return 0;
        }

        ErrorRecord* header = (ErrorRecord*)record;
        header->Length = (uint)count;
        DatagramState* state = DatagramState.Of(socket);
        ByteQueue* queue = state == null ? null : &state->Errors;
        ulong limit = Math.Min(MostBytes, SocketOptionTable.ReceiveLimit(socket));
        if (queue != null && queue->Count + count + (ulong)sizeof(ErrorRecord) <= limit)
        {
            if (ByteQueue.TryWrite(queue, 0, (byte*)header, (ulong)sizeof(ErrorRecord))
                && ByteQueue.TryWrite(queue, (ulong)sizeof(ErrorRecord), (byte*)payload, count))
            {
                ByteQueue.Append(queue, (ulong)sizeof(ErrorRecord) + count);
            }
            else
            {
                ByteQueue.Withdraw(queue);
            }
        }

        socket->Error = header->Errno;
        SocketReadiness.Notify(socket, PollEvents.EPOLLERR);
        return 0;
    }

    /// <summary>The program asks for errors no more: as on Linux, those that wait go.</summary>
    public static void Clear(Socket* socket)
    {
        if (socket->Datagrams != null)
        {
            ByteQueue.Clear(&socket->Datagrams->Errors);
        }
    }

    public static bool HasAny(Socket* socket) => socket->Datagrams != null && socket->Datagrams->Errors.Count > 0;

    /// <summary>Takes the oldest error, and the datagram's bytes as far as they fit. Never waits.</summary>
    public static long Receive(Socket* socket, IoVectors* buffers, ErrorRecord* record, out uint flagsOut)
    {
        flagsOut = 0;
        if (!HasAny(socket))
        {
            return -Errno.EAGAIN;
        }

        ByteQueue* queue = &socket->Datagrams->Errors;
        ByteQueue.Copy(queue, 0, (byte*)record, (ulong)sizeof(ErrorRecord));
        ulong part = Math.Min(record->Length, buffers->Length);
        long read = IoVectors.CopyFromQueue(buffers, 0, part, queue, (ulong)sizeof(ErrorRecord));
        ByteQueue.Remove(queue, (ulong)sizeof(ErrorRecord) + record->Length);

        // The pending error is that of the next one, which those who wait are told of again (sock_dequeue_err_skb).
        socket->Error = 0;
        if (queue->Count > 0)
        {
            ErrorRecord next;
            ByteQueue.Copy(queue, 0, (byte*)&next, (ulong)sizeof(ErrorRecord));
            socket->Error = next.Errno;
            SocketReadiness.Notify(socket, PollEvents.EPOLLERR);
        }

        flagsOut = MSG_ERRQUEUE | (part < record->Length ? SocketTransfers.MSG_TRUNC : 0);
        return read < (long)part ? -Errno.EFAULT : read;
    }

    /// <summary>recvmsg with MSG_ERRQUEUE.</summary>
    public static long ReceiveMessage(Socket* socket, IoVectors* buffers, msghdr* header)
    {
        ErrorRecord record;
        long result = Receive(socket, buffers, &record, out uint flags);
        if (result < 0)
        {
            return result;
        }

        long error = 0;
        uint nameLength = 0;
        if (header->msg_name != 0)
        {
            error = SocketAddresses.WriteBytes(socket, record.Remote, header->msg_name, header->msg_namelen, out nameLength);
        }

        header->msg_namelen = nameLength;
        ulong controlLength = 0;
        if (error == 0)
        {
            byte* data = stackalloc byte[Size6];
            int size = WriteReport(socket, &record, data);
            int level = socket->IsIPv6 ? SocketOptionTable.SOL_IPV6 : SocketOptionTable.SOL_IP;
            int type = socket->IsIPv6 ? IPV6_RECVERR : IP_RECVERR;
            error = ControlMessages.Put(
                level, type, data, size, header->msg_control, header->msg_controllen, ref flags, ref controlLength);
        }

        header->msg_controllen = controlLength;
        header->msg_flags = flags;
        return error < 0 ? error : result;
    }

    /// <summary>Writes sock_extended_err and the offender's address.</summary>
    private static int WriteReport(Socket* socket, ErrorRecord* record, byte* data)
    {
        Machine.Fill(data, 0, Size6);
        *(int*)data = record->Errno;
        data[4] = record->Offender.IsIPv4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6;
        data[5] = record->Type;
        data[6] = record->Code;
        *(int*)(data + 8) = record->Info;
        byte* offender = data + ExtendedErrorSize;
        *(ushort*)offender = (ushort)socket->Family;
        if (!socket->IsIPv6)
        {
            SocketAddresses.WriteIPv4(offender + 4, record->Offender.IPv4);
            return Size4;
        }

        SocketAddresses.WriteBigEndian(offender + 8, record->Offender.High);
        SocketAddresses.WriteBigEndian(offender + 16, record->Offender.Low);
        *(uint*)(offender + 24) = record->Offender.Scope;
        return Size6;
    }
}
