using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>The calls of sockets but those that send and receive.</summary>
internal static unsafe class SocketCalls
{
    public const int IPPROTO_TCP = 6;
    public const int IPPROTO_UDP = 17;
    public const int NETLINK_ROUTE = 0;

    private const int SOCK_RAW = 3;
    private const uint SOCK_CLOEXEC = 0x80000;
    private const uint SOCK_NONBLOCK = FileTable.O_NONBLOCK;
    private const int FIONREAD = 0x541b;
    private const int FIONBIO = 0x5421;
    private const int SIOCATMARK = 0x8905;

    /// <summary>Whether a system call is one for a socket, whatever it asks.</summary>
    public static bool IsForSocket(int number, int descriptor)
    {
        switch (number)
        {
            case >= SystemCallNumber.Socket and <= SystemCallNumber.Getsockopt:
            case SystemCallNumber.Accept4 or SystemCallNumber.Sendmmsg:
                return true;
            case SystemCallNumber.Read or SystemCallNumber.Write or SystemCallNumber.Readv or SystemCallNumber.Writev:
            case SystemCallNumber.Ioctl or SystemCallNumber.Close:
                OpenFile* file = FileTable.Get(descriptor);
                return file != null && file->Kind == FileKind.Socket;
            default:
                return false;
        }
    }

    /// <summary>The program has ended: a call for a socket does not return, as those of a thread that has ended.</summary>
    public static long Stop(Thread* thread)
    {
        Scheduler.Block(thread, WaitKind.Sockets, ulong.MaxValue, WaitEnd.Restartable);
        return CallResult.None;
    }

    public static long Create(int family, uint type, int protocol)
    {
        // What netlink tells of is the stack's.
        bool isNetlink = family == SocketAddresses.AF_NETLINK && StackRequests.IsServed;
        if (!isNetlink && family is not (SocketAddresses.AF_INET or SocketAddresses.AF_INET6))
        {
            return -Errno.EAFNOSUPPORT;
        }

        if ((type & ~(0xfu | SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0)
        {
            return -Errno.EINVAL;
        }

        SocketKind kind = (SocketKind)(type & 0xf);
        if (isNetlink)
        {
            // Streams alone differ. The addresses are not of IPv4, so "any" has to be all zero.
            bool isKind = (int)kind == SOCK_RAW || kind == SocketKind.Datagram;
            return !isKind ? -Errno.ESOCKTNOSUPPORT
                : protocol != NETLINK_ROUTE ? -Errno.EPROTONOSUPPORT
                : Open(SocketLife.Create(SocketKind.Netlink, isIPv6: true), type & SOCK_NONBLOCK);
        }

        if (kind is not (SocketKind.Stream or SocketKind.Datagram))
        {
            return (int)kind == SOCK_RAW ? -Errno.EPERM : -Errno.ESOCKTNOSUPPORT;
        }

        if (protocol != 0 && protocol != (kind == SocketKind.Stream ? IPPROTO_TCP : IPPROTO_UDP))
        {
            return -Errno.EPROTONOSUPPORT;
        }

        return Open(SocketLife.Create(kind, family == SocketAddresses.AF_INET6), type & SOCK_NONBLOCK);
    }

    public static long Bind(Thread* thread, int descriptor, ulong address, uint length)
    {
        long error = Find(descriptor, out Socket* socket);
        if (error == 0)
        {
            error = SocketAddresses.Read(socket, address, length, out EndpointRecord endpoint);
            return error < 0 ? error : SocketControl.Bind(thread, socket, endpoint);
        }

        return error;
    }

    public static long Listen(Thread* thread, int descriptor, int backlog)
    {
        long error = Find(descriptor, out Socket* socket);
        return error < 0 ? error : SocketControl.Listen(thread, socket, backlog);
    }

    public static long Connect(Thread* thread, int descriptor, ulong address, uint length)
    {
        long error = Find(descriptor, out Socket* socket);
        if (error < 0)
        {
            return error;
        }

        error = SocketAddresses.ReadFamily(address, length, out int family);
        if (error < 0)
        {
            return error;
        }

        if (family == SocketAddresses.AF_UNSPEC)
        {
            return SocketControl.Disconnect(thread, socket);
        }

        error = SocketAddresses.Read(socket, address, length, out EndpointRecord endpoint);
        return error < 0 ? error : SocketControl.Connect(thread, socket, endpoint);
    }

    public static long Accept(Thread* thread, int descriptor, ulong address, ulong lengthAddress, uint flags)
    {
        if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0)
        {
            return -Errno.EINVAL;
        }

        long error = Find(descriptor, out Socket* listener);
        if (error < 0)
        {
            return error;
        }

        if (listener->Kind != SocketKind.Stream)
        {
            return -Errno.EOPNOTSUPP;
        }

        if (listener->State != SocketState.Listening)
        {
            // As on Linux, the error of a connection is no matter of accept.
            return listener->Error == Errno.ENETDOWN ? TakeError(listener) : -Errno.EINVAL;
        }

        Socket* socket = listener->Offered->First;
        if (socket == null)
        {
            return listener->File->IsNonBlocking
                ? -Errno.EAGAIN
                : SocketTransfers.Wait(thread, listener, listener->Options->ReceiveTimeout, 0);
        }

        long accepted = FileTable.Open(FileKind.Socket, FileTable.O_RDWR | (flags & SOCK_NONBLOCK), socket);
        if (accepted < 0)
        {
            return accepted;
        }

        error = SocketAddresses.Write(socket, socket->Remote, address, lengthAddress);
        if (error < 0)
        {
            FileTable.Withdraw((int)accepted);
            return error;
        }

        socket->File = FileTable.Get((int)accepted);
        _ = OfferedConnections.Remove(listener->Offered);
        StackRequests.Add(listener, SocketSignals.Accepted);
        return accepted;
    }

    public static long Name(int descriptor, ulong address, ulong lengthAddress, bool isPeer)
    {
        long error = Find(descriptor, out Socket* socket);
        if (error < 0)
        {
            return error;
        }

        if (isPeer && (socket->Remote.Port == 0 || socket->State == SocketState.Connecting || SocketLife.IsOver(socket)))
        {
            return -Errno.ENOTCONN;
        }

        error = address == 0 ? -Errno.EFAULT : 0;
        return error < 0
            ? error
            : SocketAddresses.Write(socket, isPeer ? socket->Remote : socket->Local, address, lengthAddress);
    }

    public static long ShutDown(int descriptor, uint how)
    {
        const uint read = 0;
        const uint write = 1;
        const uint both = 2;
        long error = Find(descriptor, out Socket* socket);
        if (error < 0)
        {
            return error;
        }

        if (how > both)
        {
            return -Errno.EINVAL;
        }

        if (socket->State == SocketState.Listening)
        {
            if (how != write)
            {
                // It listens no more, and those who wait in accept learn it.
                socket->State = SocketState.Idle;
                SocketLife.CloseOffered(socket);
                StackRequests.Add(socket, SocketSignals.ReceiveShutDown);
                SocketReadiness.Notify(socket, EventPolls.AnyEvent);
            }

            return 0;
        }

        bool isConnected = socket->Kind == SocketKind.Stream
            ? socket->State is SocketState.Connected or SocketState.Connecting && !SocketLife.IsOver(socket)
            : socket->Remote.Port != 0;

        // As on Linux: connect need not report any more that it succeeded, and a socket whose connect has failed is of no more use.
        socket->IsConnectReported |= socket->State == SocketState.Connected;
        socket->IsSpent |= socket->State == SocketState.Ended && !socket->IsConnectReported;
        SocketSignals signals = SocketSignals.None;
        if (how is read or both)
        {
            socket->IsReceiveShutDown = true;
            signals |= SocketSignals.ReceiveShutDown;
        }

        if (how is write or both)
        {
            socket->IsSendShutDown = true;
            signals |= SocketSignals.SendShutDown;
        }

        // As on Linux, who reads from a socket without a connection is told of the end too. .NET relies on it: a socket that is disposed of
        // wakes the threads that wait for it so.
        SocketReadiness.Notify(socket, EventPolls.AnyEvent);
        if (!isConnected)
        {
            return -Errno.ENOTCONN;
        }

        StackRequests.Add(socket, signals);
        return 0;
    }

    public static long GetOption(Thread* thread, int descriptor, int level, int name, ulong address, ulong lengthAddress)
    {
        StackOption option = OptionQueries.Find(level, name);
        if (thread->IsRetry)
        {
            // Nothing else waits here.
            return OptionQueries.Get(thread, null, option, address, lengthAddress);
        }

        long error = Find(descriptor, out Socket* socket);
        return error < 0 ? error
            : option != StackOption.None && socket->Kind == SocketKind.Stream
            ? OptionQueries.Get(thread, socket, option, address, lengthAddress)
            : OptionCalls.Get(socket, level, name, address, lengthAddress);
    }

    public static long SetOption(Thread* thread, int descriptor, int level, int name, ulong address, uint length)
    {
        StackOption option = OptionQueries.Find(level, name);
        if (thread->IsRetry && option != StackOption.None)
        {
            return OptionQueries.Set(thread, null, option, address, length);
        }

        long error = Find(descriptor, out Socket* socket);
        return error < 0 ? error
            : option != StackOption.None && socket->Kind == SocketKind.Stream
            ? OptionQueries.Set(thread, socket, option, address, length)
            : OptionCalls.Set(thread, socket, level, name, address, length);
    }

    /// <summary>ioctl: how many bytes can be read, O_NONBLOCK, and what <see cref="InterfaceCalls"/> knows.</summary>
    public static long Control(Thread* thread, int descriptor, uint command, ulong address)
    {
        if (thread->IsRetry)
        {
            return InterfaceCalls.Control(thread, command, address);
        }

        OpenFile* file = FileTable.Get(descriptor);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        if (file->Kind != FileKind.Socket)
        {
            return -Errno.ENOTTY;
        }

        bool isMark = command == SIOCATMARK && file->Socket->Kind == SocketKind.Stream;
        if (command is not (FIONREAD or FIONBIO) && !isMark)
        {
            return InterfaceCalls.Control(thread, command, address);
        }

        bool isRead = command != FIONBIO;
        long error = isRead
            ? ProgramMemory.PrepareWrite(address, sizeof(int))
            : ProgramMemory.PrepareRead(address, sizeof(int));
        if (error < 0)
        {
            return error;
        }

        if (!isRead)
        {
            file->Flags = *(int*)address != 0 ? file->Flags | FileTable.O_NONBLOCK : file->Flags & ~FileTable.O_NONBLOCK;
            return 0;
        }

        Socket* socket = file->Socket;
        if (isMark)
        {
            *(int*)address = UrgentData.IsAtMark(socket) ? 1 : 0;
            return 0;
        }

        if (socket->State == SocketState.Listening)
        {
            return -Errno.EINVAL;
        }

        *(int*)address = socket->Kind == SocketKind.Stream ? (int)UrgentData.Available(socket) : SocketTransfers.NextLength(socket);
        return 0;
    }

    /// <summary>The socket of a descriptor: -EBADF if it is not open, -ENOTSOCK if it is something else.</summary>
    public static long Find(int descriptor, out Socket* socket)
    {
        OpenFile* file = FileTable.Get(descriptor);
        bool isSocket = file != null && file->Kind == FileKind.Socket;
        socket = isSocket ? file->Socket : null;
        return isSocket ? 0 : file == null ? -Errno.EBADF : -Errno.ENOTSOCK;
    }

    /// <summary>The pending error, negative; 0 for none. It is no longer pending.</summary>
    public static long TakeError(Socket* socket)
    {
        long error = -socket->Error;
        socket->Error = 0;
        return error;
    }

    private static long Open(Socket* socket, uint flags)
    {
        if (socket == null)
        {
            return -Errno.ENOMEM;
        }

        long descriptor = FileTable.Open(FileKind.Socket, FileTable.O_RDWR | flags, socket);
        if (descriptor < 0)
        {
            SocketLife.Release(socket);
            return descriptor;
        }

        socket->File = FileTable.Get((int)descriptor);
        if (StackRequests.HasEnded)
        {
            SocketLife.End(socket, (int)Errno.ENETDOWN);
        }

        return descriptor;
    }
}
