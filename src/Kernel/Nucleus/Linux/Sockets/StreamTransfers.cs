using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>Sending and receiving bytes of a stream.</summary>
internal static unsafe class StreamTransfers
{
    /// <summary>Writes everything if the caller waits, or else what there is room for.</summary>
    public static long Send(Thread* thread, Socket* socket, IoVectors* buffers, uint flags, bool waits)
    {
        ulong done = Math.Min(thread->Progress, buffers->Length);
        thread->Progress = 0;
        if (socket->Error != 0 && done == 0)
        {
            return SocketCalls.TakeError(socket);
        }

        if (socket->State == SocketState.Connecting)
        {
            return waits ? SocketTransfers.Wait(thread, socket, socket->Options->SendTimeout, done) : -Errno.EAGAIN;
        }

        if (socket->IsSendShutDown || socket->State != SocketState.Connected)
        {
            return done > 0 ? (long)done : -Errno.EPIPE;
        }

        uint limit = SocketOptionTable.SendLimit(socket);
        uint used = socket->Sent.Count;
        ulong part = Math.Min(buffers->Length - done, used < limit ? limit - used : 0);
        long written = IoVectors.CopyToQueue(buffers, done, part, &socket->Sent, 0);
        if (written < 0)
        {
            return done > 0 ? (long)done : written;
        }

        if (written > 0)
        {
            ByteQueue.Append(&socket->Sent, (ulong)written);
            StackRequests.Add(socket, (flags & SocketTransfers.MSG_OOB) == 0 ? SocketSignals.Written : UrgentData.OnSent(socket));
            done += (ulong)written;
        }

        if (done == buffers->Length)
        {
            return (long)done;
        }

        socket->IsRoomWanted = true;
        return waits ? SocketTransfers.Wait(thread, socket, socket->Options->SendTimeout, done)
            : done > 0 ? (long)done : -Errno.EAGAIN;
    }

    public static long Receive(Thread* thread, Socket* socket, IoVectors* buffers, bool waits, uint flags)
    {
        ulong done = Math.Min(thread->Progress, buffers->Length);
        thread->Progress = 0;
        if (socket->State == SocketState.Listening)
        {
            return -Errno.ENOTCONN;
        }

        if (done > 0 && UrgentData.IsAtMark(socket))
        {
            return (long)done;
        }

        // The urgent byte is no part of the stream, unless the program wants it so. No read goes from before it to behind it.
        bool isPeek = (flags & SocketTransfers.MSG_PEEK) != 0;
        ulong skipped = buffers->Length > done && socket->Received.Count > 0 && UrgentData.IsNext(socket) ? 1u : 0;
        ulong part = Math.Min(buffers->Length - done, UrgentData.UpToMark(socket) - skipped);
        if (part + skipped > 0)
        {
            // With MSG_TRUNC, a stream's bytes are only discarded.
            bool isDiscard = (flags & SocketTransfers.MSG_TRUNC) != 0;
            long read = isDiscard ? (long)part : IoVectors.CopyFromQueue(buffers, done, part, &socket->Received, skipped);
            if (read < 0)
            {
                return done > 0 ? (long)done : read;
            }

            done += (ulong)read;
            if (!isPeek)
            {
                ByteQueue.Remove(&socket->Received, (ulong)read + skipped);
                UrgentData.OnRead(socket);
                StackRequests.Add(socket, SocketSignals.Consumed);
            }
        }

        ulong wanted = (flags & SocketTransfers.MSG_WAITALL) != 0 ? buffers->Length : SocketReadiness.LowWater(socket);
        bool wantsMore = !isPeek && done < Math.Min(wanted, buffers->Length) && !(done > 0 && UrgentData.IsAtMark(socket));
        if ((done > 0 && !wantsMore) || (buffers->Length == 0 && socket->Received.Count > 0))
        {
            return (long)done;
        }

        if (socket->Error != 0 && !socket->HasPeerFinished)
        {
            return done > 0 ? (long)done : SocketCalls.TakeError(socket);
        }

        if (socket->IsReceiveShutDown)
        {
            return (long)done;
        }

        if (socket->State == SocketState.Idle)
        {
            return -Errno.ENOTCONN;
        }

        return waits ? SocketTransfers.Wait(thread, socket, socket->Options->ReceiveTimeout, done)
            : done > 0 ? (long)done : -Errno.EAGAIN;
    }
}
