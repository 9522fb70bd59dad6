using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Calls;

/// <summary>
/// The private calls of the TCP/IP stack (docs/sockets.md). A handle that names no socket is -EBADF, an argument that does not fit the
/// socket -EINVAL: nothing has changed then.
/// </summary>
internal static unsafe class NucleusCallSockets
{
    /// <summary>What <see cref="NucleusCall.SocketLength"/> is asked for.</summary>
    public enum Length
    {
        /// <summary>Bytes written by the program and not released.</summary>
        Sent,

        /// <summary>Bytes that can be received.</summary>
        ReceiveRoom,

        /// <summary>Connections that can be offered.</summary>
        OfferRoom,

        /// <summary>Bytes received and not read by the program.</summary>
        Received,

        /// <summary>Bytes written by the program and not released, up to the end of the last urgent one.</summary>
        Urgent,
    }

    public static long Dispatch(Thread* thread, int number, ulong a1, ulong a2, ulong a3, ulong a4)
    {
        switch (number)
        {
            case NucleusCall.OpenStack:
                return StackRequests.Open();
            case NucleusCall.CloseStack:
                StackRequests.Close();
                SocketLife.EndAll();
                return 0;
            case NucleusCall.WaitForSockets:
                return StackRequests.Wait(thread, a1, a2, a3, ProgramEvents.IsWatchedPending);
            case NucleusCall.WakeStack:
                StackRequests.Wake();
                return 0;
            case NucleusCall.SetRoutes:
                StackRequests.SetRoutes(a1 != 0, a2 != 0);
                return 0;
            case NucleusCall.WatchPort:
                return NucleusCallEvents.Watch(a1);
            case NucleusCall.TakeWatchedPort:
                return ProgramEvents.TakeWatched();
            case NucleusCall.EndProgram:
                SocketLife.EndProgram();
                return 0;
        }

        Socket* socket = SocketTable.Find(a1);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        switch (number)
        {
            case NucleusCall.CompleteSocketCall:
                return Complete(socket, a2, a3);
            case NucleusCall.SetSocketEndpoint:
                return SetEndpoint(socket, a2, a3 != 0);
            case NucleusCall.ReadSocketOptions:
                return ReadOptions(socket, a2);
            case NucleusCall.FailSocket:
                return Fail(socket, a2);
            case NucleusCall.ReleaseSocket:
                return Release(socket);
            case NucleusCall.SocketLength:
                return LengthOf(socket, (Length)a2);
            case NucleusCall.CopySent:
                return CopySent(socket, a2, a3, a4);
            case NucleusCall.CopySentToPieces:
                return CopySentToPieces(socket, a2, a3, a4);
            case NucleusCall.ReleaseSent:
                return ReleaseSent(socket, a2);
            case NucleusCall.GrowSendQueue:
                return SocketOptionTable.GrowSendQueue(socket);
            case NucleusCall.WriteReceived:
                return WriteReceived(socket, a2, a3, a4);
            case NucleusCall.CommitReceived:
                return Commit(socket, a2);
            case NucleusCall.AppendReceived:
                return Append(socket, a2, a3, a4);
            case NucleusCall.AppendPieces:
                return AppendPieces(socket, a2, a3, a4);
            case NucleusCall.FinishReceive:
                socket->IsReceiveShutDown = true;
                socket->HasPeerFinished = true;
                SocketReadiness.Notify(socket, EventPolls.AnyEvent);
                return 0;
            case NucleusCall.MarkUrgent:
                return UrgentData.Mark(socket, a2, (long)a3);
            case NucleusCall.QueueSocketError:
                return ErrorQueue.Add(socket, a2, a3, a4);
            case NucleusCall.OfferSocket:
                return Offer(socket, a2);
            case NucleusCall.DeliverDatagram:
                return Deliver(socket, a2, a3, a4);
            default:
                return TakeDatagram(socket, a2, a3, a4);
        }
    }

    private static long Complete(Socket* socket, ulong error, ulong modified)
    {
        if (!SocketControlCall.IsUnderWay(socket) || !socket->Call->IsTaken || error > int.MaxValue)
        {
            return -Errno.EINVAL;
        }

        socket->Call->ModifiedAt = modified;
        SocketControl.Complete(socket, (int)error);
        return 0;
    }

    private static long SetEndpoint(Socket* socket, ulong address, bool isRemote)
    {
        long error = ProgramMemory.PrepareRead(address, (ulong)sizeof(EndpointRecord));
        if (error == 0 && isRemote)
        {
            socket->Remote = *(EndpointRecord*)address;
        }
        else if (error == 0)
        {
            socket->Local = *(EndpointRecord*)address;
        }

        return error;
    }

    private static long ReadOptions(Socket* socket, ulong address)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(SocketOptionValues));
        if (error == 0)
        {
            // Not an assignment: the compiler copies a structure of this size by calling the runtime.
            Machine.Copy((void*)address, socket->Options, (nuint)sizeof(SocketOptionValues));
        }

        return error;
    }

    private static long Fail(Socket* socket, ulong error)
    {
        if (error is 0 or > int.MaxValue)
        {
            return -Errno.EINVAL;
        }

        if (socket->Kind is SocketKind.Datagram or SocketKind.Netlink)
        {
            socket->Error = (int)error;
            SocketReadiness.Notify(socket, PollEvents.EPOLLERR);
        }
        else if (socket->Call != null && socket->Call->Kind == SocketCall.Connect)
        {
            SocketControl.Complete(socket, (int)error);
        }
        else
        {
            // As on Linux: a reset in CLOSE-WAIT says that nobody reads any more.
            bool isBrokenPipe = error == (ulong)Errno.ECONNRESET && socket->HasPeerFinished && !socket->IsSendShutDown;
            SocketLife.End(socket, isBrokenPipe ? (int)Errno.EPIPE : (int)error);
        }

        return 0;
    }

    private static long Release(Socket* socket)
    {
        if (!socket->IsClosed || socket->IsQueued)
        {
            return -Errno.EINVAL;
        }

        SocketLife.Release(socket);
        return 0;
    }

    private static long LengthOf(Socket* socket, Length length) => length switch
    {
        Length.Sent => socket->Sent.Count,
        Length.ReceiveRoom => ReceiveRoom(socket),
        Length.Received => socket->Received.Count,
        Length.Urgent => UrgentData.SentLength(socket),
        Length.OfferRoom => socket->State == SocketState.Listening ? OfferedConnections.Room(socket->Offered) : 0,
        _ => -Errno.EINVAL,
    };

    private static long ReceiveRoom(Socket* socket)
    {
        ulong limit = Math.Min(SocketOptionTable.ReceiveLimit(socket), SocketMemory.Left(SocketDirection.Received) * Pages.Size);
        return socket->Received.Count < limit && !socket->IsClosed ? (long)(limit - socket->Received.Count) : 0;
    }

    private static long CopySent(Socket* socket, ulong offset, ulong buffer, ulong count)
    {
        if (offset > socket->Sent.Count || count > socket->Sent.Count - offset)
        {
            return -Errno.EINVAL;
        }

        long error = ProgramMemory.PrepareWrite(buffer, count);
        if (error == 0)
        {
            ByteQueue.Copy(&socket->Sent, offset, (byte*)buffer, count);
        }

        return error;
    }

    private static long CopySentToPieces(Socket* socket, ulong offset, ulong vectors, ulong count)
    {
        IoVectors buffers;
        long error = IoVectors.Read(&buffers, vectors, count);
        if (error < 0)
        {
            return error;
        }

        if (offset > socket->Sent.Count || buffers.Length > socket->Sent.Count - offset)
        {
            return -Errno.EINVAL;
        }

        long copied = IoVectors.CopyFromQueue(&buffers, 0, buffers.Length, &socket->Sent, offset);
        return copied == (long)buffers.Length ? 0 : -Errno.EFAULT;
    }

    private static long ReleaseSent(Socket* socket, ulong count)
    {
        if (count > socket->Sent.Count)
        {
            return -Errno.EINVAL;
        }

        ByteQueue.Remove(&socket->Sent, count);
        SocketReadiness.NotifyRoom(socket);
        return 0;
    }

    /// <summary>Whether bytes that begin this far behind the last committed one are within the receive buffer.</summary>
    private static bool HasRoom(Socket* socket, ulong offset, ulong count)
    {
        ulong limit = SocketOptionTable.ReceiveLimit(socket);
        return !socket->IsClosed && offset <= limit && count <= limit && socket->Received.Count + offset + count <= limit;
    }

    private static long WriteReceived(Socket* socket, ulong offset, ulong buffer, ulong count)
    {
        if (!HasRoom(socket, offset, count))
        {
            return -Errno.ENOBUFS;
        }

        if (offset > 0 && !SocketMemory.TakesEarly)
        {
            return -Errno.ENOBUFS;
        }

        long error = ProgramMemory.PrepareRead(buffer, count);
        if (error < 0)
        {
            return error;
        }

        return ByteQueue.TryWrite(&socket->Received, offset, (byte*)buffer, count) ? 0 : -Errno.ENOBUFS;
    }

    private static long Commit(Socket* socket, ulong count)
    {
        if (socket->IsClosed || count > ByteQueue.MaximumSize || !ByteQueue.IsWritten(&socket->Received, count))
        {
            return -Errno.EINVAL;
        }

        ByteQueue.Append(&socket->Received, count);
        if (SocketReadiness.HasEnough(socket))
        {
            SocketReadiness.Notify(socket, PollEvents.Arrival);
        }
        else if (socket->File != null)
        {
            // Who has taken a part already may have enough with this.
            WaitQueue.WakeAll(&socket->File->Waiters);
        }

        return 0;
    }

    /// <summary>What arrives in order, which is nearly all, and acknowledges what was sent before: one call instead of four.</summary>
    private static long Append(Socket* socket, ulong buffer, ulong count, ulong released)
    {
        long error = released == 0 ? 0 : ReleaseSent(socket, released);
        error = error < 0 ? error : WriteReceived(socket, 0, buffer, count);
        error = error < 0 ? error : Commit(socket, count);
        return error < 0 ? error : ReceiveRoom(socket);
    }

    private static long AppendPieces(Socket* socket, ulong vectors, ulong count, ulong released)
    {
        long error = released == 0 ? 0 : ReleaseSent(socket, released);
        if (error < 0)
        {
            return error;
        }

        IoVectors buffers;
        error = IoVectors.Read(&buffers, vectors, count);
        if (error < 0)
        {
            return error;
        }

        if (!HasRoom(socket, 0, buffers.Length))
        {
            return -Errno.ENOBUFS;
        }

        long written = IoVectors.CopyToQueue(&buffers, 0, buffers.Length, &socket->Received, 0);
        error = written < 0 ? written : written < (long)buffers.Length ? -Errno.ENOBUFS : Commit(socket, (ulong)written);
        return error < 0 ? error : ReceiveRoom(socket);
    }

    private static long Offer(Socket* listener, ulong endpoints)
    {
        long error = ProgramMemory.PrepareRead(endpoints, 2 * (ulong)sizeof(EndpointRecord));
        if (error < 0)
        {
            return error;
        }

        Socket* socket = LengthOf(listener, Length.OfferRoom) > 0 ? SocketLife.Accept(listener) : null;
        if (socket == null)
        {
            return -Errno.EAGAIN;
        }

        socket->Local = ((EndpointRecord*)endpoints)[0];
        socket->Remote = ((EndpointRecord*)endpoints)[1];
        socket->State = SocketState.Connected;
        socket->IsConnectReported = true;
        socket->IsKnown = true;
        OfferedConnections.Add(listener->Offered, socket);
        SocketReadiness.Notify(listener, PollEvents.Arrival);
        return (long)socket->Handle;
    }

    private static long Deliver(Socket* socket, ulong record, ulong payload, ulong count)
    {
        long error = ProgramMemory.PrepareRead(record, (ulong)sizeof(DatagramRecord));
        error = error < 0 ? error : ProgramMemory.PrepareRead(payload, count);
        if (error < 0)
        {
            return error;
        }

        // As on Linux, what is in the queue counts, not what would be.
        DatagramRecord header = *(DatagramRecord*)record;
        header.Length = (uint)count;
        ByteQueue* queue = &socket->Received;
        bool hasRoom = count <= ushort.MaxValue && socket->Kind is SocketKind.Datagram or SocketKind.Netlink && !socket->IsClosed
            && queue->Count < SocketOptionTable.ReceiveLimit(socket)
            && queue->Count + count + (ulong)sizeof(DatagramRecord) <= ByteQueue.MaximumSize;
        if (!hasRoom)
        {
            return -Errno.ENOBUFS;
        }

        if (!ByteQueue.TryWrite(queue, 0, (byte*)&header, (ulong)sizeof(DatagramRecord))
            || !ByteQueue.TryWrite(queue, (ulong)sizeof(DatagramRecord), (byte*)payload, count))
        {
            ByteQueue.Withdraw(queue);
            return -Errno.ENOBUFS;
        }

        ByteQueue.Append(queue, (ulong)sizeof(DatagramRecord) + count);
        SocketReadiness.Notify(socket, PollEvents.Arrival);
        return 0;
    }

    private static long TakeDatagram(Socket* socket, ulong record, ulong buffer, ulong room)
    {
        if (socket->Kind is not (SocketKind.Datagram or SocketKind.Netlink))
        {
            return -Errno.EINVAL;
        }

        if (socket->Sent.Count == 0)
        {
            return -Errno.EAGAIN;
        }

        DatagramRecord header;
        ByteQueue.Copy(&socket->Sent, 0, (byte*)&header, (ulong)sizeof(DatagramRecord));
        if (header.Length > room)
        {
            return -Errno.EMSGSIZE;
        }

        long error = ProgramMemory.PrepareWrite(record, (ulong)sizeof(DatagramRecord));
        error = error < 0 ? error : ProgramMemory.PrepareWrite(buffer, header.Length);
        if (error < 0)
        {
            return error;
        }

        *(DatagramRecord*)record = header;
        ByteQueue.Copy(&socket->Sent, (ulong)sizeof(DatagramRecord), (byte*)buffer, header.Length);
        ByteQueue.Remove(&socket->Sent, (ulong)sizeof(DatagramRecord) + header.Length);
        SocketReadiness.NotifyRoom(socket);
        return header.Length;
    }
}
