using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>Sending and receiving datagrams. In the queues, each follows its <see cref="DatagramRecord"/>.</summary>
internal static unsafe class DatagramTransfers
{
    // 65,535 bytes less the headers: UDP has 8 bytes, IPv4 20. The length of IPv6 does not count its header.
    private const ulong MostIPv4 = 65_507;
    private const ulong MostIPv6 = 65_527;

    /// <summary>Sends a datagram.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="socket">The socket.</param>
    /// <param name="buffers">Its bytes.</param>
    /// <param name="flags">The call's flags.</param>
    /// <param name="address">The receiver's address; 0 for the connected peer.</param>
    /// <param name="length">The length of the address.</param>
    /// <param name="source">Address and interface that the program has chosen for it; null for none.</param>
    public static long Send(
        Thread* thread, Socket* socket, IoVectors* buffers, uint flags, ulong address, uint length, DatagramRecord* source)
    {
        bool waits = !socket->File->IsNonBlocking && (flags & SocketTransfers.MSG_DONTWAIT) == 0;
        EndpointRecord remote = socket->Remote;
        if (socket->Kind == SocketKind.Netlink)
        {
            remote.Port = EndpointRecord.NetlinkKernel;
        }

        if (address != 0)
        {
            long error = ReadDestination(socket, address, length, out remote);
            if (error < 0)
            {
                return error;
            }
        }

        if (remote.Port == 0)
        {
            return address != 0 ? -Errno.EINVAL : -Errno.EDESTADDRREQ;
        }

        if (buffers->Length > (remote.IsIPv4 ? MostIPv4 : MostIPv6))
        {
            return -Errno.EMSGSIZE;
        }

        long bound = SocketControl.BindImplicitly(thread, socket);
        if (bound != 0)
        {
            return bound;
        }

        long route = DatagramRoutes.Check(thread, socket, &remote, (uint)buffers->Length, flags, isNamed: address != 0);
        if (route != 0)
        {
            return route;
        }

        if (socket->Error != 0)
        {
            return SocketCalls.TakeError(socket);
        }

        if (socket->IsSendShutDown)
        {
            return -Errno.EPIPE;
        }

        // As on Linux, what is in the queue counts, not what would be: the first datagram always fits.
        bool hasRoom = socket->Sent.Count < SocketOptionTable.SendLimit(socket)
            && socket->Sent.Count + buffers->Length + (ulong)sizeof(DatagramRecord) <= ByteQueue.MaximumSize;
        DatagramRecord record = new() { Remote = remote, Length = (uint)buffers->Length };
        if (source != null)
        {
            record.Local = source->Local;
            record.InterfaceIndex = source->InterfaceIndex;
        }

        if (hasRoom && ByteQueue.TryWrite(&socket->Sent, 0, (byte*)&record, (ulong)sizeof(DatagramRecord)))
        {
            long written = IoVectors.CopyToQueue(buffers, 0, buffers->Length, &socket->Sent, (ulong)sizeof(DatagramRecord));
            if (written == (long)buffers->Length)
            {
                ByteQueue.Append(&socket->Sent, (ulong)sizeof(DatagramRecord) + buffers->Length);
                StackRequests.Add(socket, SocketSignals.Written);
                return written;
            }

            ByteQueue.Withdraw(&socket->Sent);
            if (written < 0)
            {
                return written;
            }
        }

        socket->IsRoomWanted = true;
        return waits ? SocketTransfers.Wait(thread, socket, socket->Options->SendTimeout, 0) : -Errno.EAGAIN;
    }

    public static long Receive(
        Thread* thread, Socket* socket, IoVectors* buffers, bool waits, uint flags, DatagramRecord* record, out uint flagsOut)
    {
        flagsOut = 0;
        if (socket->Error != 0)
        {
            return SocketCalls.TakeError(socket);
        }

        if (socket->Received.Count == 0)
        {
            // As on Linux, the end is for those who wait.
            if (socket->IsReceiveShutDown && waits)
            {
                *record = new DatagramRecord { Remote = EndpointRecord.Any(socket->IsIPv6) };
                return 0;
            }

            return waits ? SocketTransfers.Wait(thread, socket, socket->Options->ReceiveTimeout, 0) : -Errno.EAGAIN;
        }

        ByteQueue.Copy(&socket->Received, 0, (byte*)record, (ulong)sizeof(DatagramRecord));
        ulong part = Math.Min(record->Length, buffers->Length);
        long read = IoVectors.CopyFromQueue(buffers, 0, part, &socket->Received, (ulong)sizeof(DatagramRecord));
        if (read < (long)part)
        {
            // As on Linux, a bad buffer loses no datagram.
            return read < 0 ? read : -Errno.EFAULT;
        }

        if ((flags & SocketTransfers.MSG_PEEK) == 0)
        {
            ByteQueue.Remove(&socket->Received, (ulong)sizeof(DatagramRecord) + record->Length);
        }

        flagsOut = part < record->Length ? SocketTransfers.MSG_TRUNC : 0;
        return (flags & SocketTransfers.MSG_TRUNC) != 0 ? record->Length : read;
    }

    /// <summary>A destination. A socket of IPv6 may be given an address of IPv4.</summary>
    private static long ReadDestination(Socket* socket, ulong address, uint length, out EndpointRecord remote)
    {
        remote = default;
        long error = SocketAddresses.ReadFamily(address, length, out int family);
        if (error < 0)
        {
            return error;
        }

        if (socket->Kind == SocketKind.Netlink)
        {
            error = SocketAddresses.Read(socket, address, length, out remote);
            bool isKernel = remote.Low == 0 && remote.High == 0;
            remote.Port = EndpointRecord.NetlinkKernel;
            return error < 0 || isKernel ? error : -Errno.ECONNREFUSED;
        }

        bool isOnlyIPv6 = socket->IsIPv6 && SocketOptionTable.Get(socket, SocketOptionIndex.IPv6Only) != 0;
        if (isOnlyIPv6 && family == SocketAddresses.AF_INET)
        {
            return -Errno.ENETUNREACH;
        }

        bool isIPv6 = socket->IsIPv6 && (isOnlyIPv6 || family != SocketAddresses.AF_INET);
        error = SocketAddresses.Read(isIPv6, address, length, out remote);
        return error == 0 && isOnlyIPv6 && remote.IsIPv4 ? -Errno.ENETUNREACH : error;
    }
}
