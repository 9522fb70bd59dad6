using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Linux.Signals;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>The calls that send and receive, as far as streams and datagrams are alike.</summary>
internal static unsafe class SocketTransfers
{
    // linux/socket.h
    public const uint MSG_OOB = 1;
    public const uint MSG_PEEK = 2;
    public const uint MSG_TRUNC = 0x20;
    public const uint MSG_DONTWAIT = 0x40;
    public const uint MSG_WAITALL = 0x100;
    public const uint MSG_CTRUNC = 8;
    private const uint MSG_NOSIGNAL = 0x4000;

    /// <summary>Of sendmmsg: a message that would have to ask the stack is left for the next call. Linux has no such flag.</summary>
    public const uint NoCall = 1u << 31;

    /// <summary>sendto, send, and write of a socket.</summary>
    public static long Send(Thread* thread, int descriptor, ulong buffer, ulong count, uint flags, ulong address, uint length)
    {
        IoVectors buffers;
        IoVectors.Load(&buffers, buffer, count);
        return Send(thread, descriptor, &buffers, flags, address, length);
    }

    /// <summary>writev of a socket.</summary>
    public static long SendVector(Thread* thread, int descriptor, ulong vectors, ulong count)
    {
        IoVectors buffers;
        long error = IoVectors.Read(&buffers, vectors, count);
        return error < 0 ? error : Send(thread, descriptor, &buffers, 0, 0, 0);
    }

    public static long SendMessage(Thread* thread, int descriptor, ulong message, uint flags)
    {
        long error = ProgramMemory.PrepareRead(message, (ulong)sizeof(msghdr));
        if (error < 0)
        {
            return error;
        }

        msghdr* header = (msghdr*)message;
        IoVectors buffers;
        error = IoVectors.Read(&buffers, header->msg_iov, header->msg_iovlen);
        DatagramRecord source = default;
        error = error < 0 ? error : ControlMessages.Read(descriptor, header->msg_control, header->msg_controllen, &source);
        ulong name = header->msg_namelen == 0 ? 0 : header->msg_name;
        return error < 0 ? error : Send(thread, descriptor, &buffers, flags, name, header->msg_namelen, &source);
    }

    /// <summary>
    /// sendmmsg. Only the first message waits for room: when the others find none, the call returns how many were sent, as it may.
    /// </summary>
    public static long SendMessages(Thread* thread, int descriptor, ulong messages, uint count, uint flags)
    {
        count = Math.Min(count, (uint)FileCalls.UIO_MAXIOV);
        for (uint i = 0; i < count; i++)
        {
            mmsghdr* message = (mmsghdr*)messages + i;
            long error = ProgramMemory.PrepareWrite((ulong)message, (ulong)sizeof(mmsghdr));
            uint flagsOfOne = i == 0 ? flags : flags | MSG_DONTWAIT | NoCall;
            long result = error < 0 ? error : SendMessage(thread, descriptor, (ulong)message, flagsOfOne);
            if (result < 0)
            {
                return i > 0 ? i : result;
            }

            message->msg_len = (uint)result;
        }

        return count;
    }

    /// <summary>Sends what buffers have.</summary>
    public static long Send(
        Thread* thread, int descriptor, IoVectors* buffers, uint flags, ulong address, uint length, DatagramRecord* source = null)
    {
        long error = SocketCalls.Find(descriptor, out Socket* socket);
        if (error < 0)
        {
            return error;
        }

        if ((flags & MSG_OOB) != 0 && socket->Kind != SocketKind.Stream)
        {
            return -Errno.EOPNOTSUPP;
        }

        bool waits = !socket->File->IsNonBlocking && (flags & MSG_DONTWAIT) == 0;
        long result = socket->Kind == SocketKind.Stream
            ? StreamTransfers.Send(thread, socket, buffers, flags, waits)
            : DatagramTransfers.Send(thread, socket, buffers, flags, address, length, source);
        if (result == -Errno.EPIPE && socket->Kind == SocketKind.Stream && (flags & MSG_NOSIGNAL) == 0)
        {
            SignalDelivery.SendToThread(thread, SignalNumber.SIGPIPE);
        }

        return result;
    }

    /// <summary>recvfrom, recv, and read of a socket.</summary>
    public static long Receive(
        Thread* thread, int descriptor, ulong buffer, ulong count, uint flags, ulong address, ulong lengthAddress)
    {
        IoVectors buffers;
        IoVectors.Load(&buffers, buffer, count);
        DatagramRecord record;
        long result = Receive(thread, descriptor, &buffers, flags, &record, out _);
        if (result < 0 || address == 0)
        {
            return result;
        }

        Socket* socket = FileTable.Get(descriptor)->Socket;
        long error = socket->Kind == SocketKind.Stream
            ? SocketAddresses.Write(socket, socket->Remote, address, lengthAddress)
            : SocketAddresses.Write(socket, record.Remote, address, lengthAddress);
        return error < 0 ? error : result;
    }

    /// <summary>readv of a socket.</summary>
    public static long ReceiveVector(Thread* thread, int descriptor, ulong vectors, ulong count)
    {
        IoVectors buffers;
        DatagramRecord record;
        long error = IoVectors.Read(&buffers, vectors, count);
        return error < 0 ? error : Receive(thread, descriptor, &buffers, 0, &record, out _);
    }

    public static long ReceiveMessage(Thread* thread, int descriptor, ulong message, uint flags)
    {
        long error = ProgramMemory.PrepareWrite(message, (ulong)sizeof(msghdr));
        if (error < 0)
        {
            return error;
        }

        msghdr* header = (msghdr*)message;
        IoVectors buffers;
        error = IoVectors.Read(&buffers, header->msg_iov, header->msg_iovlen);
        if (error < 0)
        {
            return error;
        }

        if ((flags & ErrorQueue.MSG_ERRQUEUE) != 0 && SocketCalls.Find(descriptor, out Socket* failed) == 0
            && failed->Kind == SocketKind.Datagram)
        {
            return ErrorQueue.ReceiveMessage(failed, &buffers, header);
        }

        DatagramRecord record;
        long result = Receive(thread, descriptor, &buffers, flags, &record, out uint flagsOut);
        if (result < 0)
        {
            return result;
        }

        Socket* socket = FileTable.Get(descriptor)->Socket;
        uint nameLength = 0;
        if (socket->Kind != SocketKind.Stream && header->msg_name != 0)
        {
            error = SocketAddresses.WriteBytes(socket, record.Remote, header->msg_name, header->msg_namelen, out nameLength);
        }

        header->msg_namelen = nameLength;
        ulong controlLength = 0;
        if (error == 0 && socket->Kind == SocketKind.Datagram)
        {
            error = ControlMessages.Write(
                socket, &record, header->msg_control, header->msg_controllen, ref flagsOut, out controlLength);
        }

        header->msg_controllen = controlLength;
        header->msg_flags = flagsOut;
        return error < 0 ? error : result;
    }

    /// <summary>Lets a thread wait until its socket changes, and make its call again.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="socket">The socket.</param>
    /// <param name="limit">SO_RCVTIMEO or SO_SNDTIMEO, in nanoseconds; 0 for none.</param>
    /// <param name="progress">The bytes that the call has transferred, which it returns if the wait does not end well.</param>
    public static long Wait(Thread* thread, Socket* socket, ulong limit, ulong progress)
    {
        ulong deadline = thread->IsRetry ? thread->Deadline : limit == 0 ? ulong.MaxValue : Clock.After(limit);
        thread->Progress = progress;
        WaitQueue.Join(&socket->File->Waiters, thread);
        Scheduler.Block(
            thread,
            WaitKind.Sockets,
            deadline,
            progress > 0
                ? new WaitEnd { AtDeadline = (long)progress, OnSignal = (long)progress }
                : new WaitEnd { AtDeadline = -Errno.EAGAIN, OnSignal = -Errno.EINTR, RestartsAfterSignal = limit == 0 });
        return CallResult.None;
    }

    /// <summary>The length of the next received datagram; 0 if there is none.</summary>
    public static int NextLength(Socket* socket)
    {
        if (socket->Received.Count == 0)
        {
            return 0;
        }

        DatagramRecord record;
        ByteQueue.Copy(&socket->Received, 0, (byte*)&record, (ulong)sizeof(DatagramRecord));
        return (int)record.Length;
    }

    private static long Receive(
        Thread* thread, int descriptor, IoVectors* buffers, uint flags, DatagramRecord* record, out uint flagsOut)
    {
        flagsOut = 0;
        long error = SocketCalls.Find(descriptor, out Socket* socket);
        if (error < 0)
        {
            return error;
        }

        if ((flags & ErrorQueue.MSG_ERRQUEUE) != 0 && socket->Kind != SocketKind.Netlink)
        {
            // Of a stream, whose errors end the connection, there are none.
            ErrorRecord failure;
            long result = ErrorQueue.Receive(socket, buffers, &failure, out flagsOut);
            record->Remote = failure.Remote;
            return result;
        }

        if ((flags & MSG_OOB) != 0)
        {
            return socket->Kind == SocketKind.Stream ? UrgentData.Receive(socket, buffers, flags, out flagsOut) : -Errno.EOPNOTSUPP;
        }

        bool waits = !socket->File->IsNonBlocking && (flags & MSG_DONTWAIT) == 0;
        return socket->Kind == SocketKind.Stream
            ? StreamTransfers.Receive(thread, socket, buffers, waits, flags)
            : DatagramTransfers.Receive(thread, socket, buffers, waits, flags, record, out flagsOut);
    }
}
