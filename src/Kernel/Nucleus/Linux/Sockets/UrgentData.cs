using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

internal enum UrgentState : byte
{
    /// <summary>There is no mark before which the program reads.</summary>
    None,

    /// <summary>The peer has told of the urgent byte, which has not come yet.</summary>
    Announced,

    /// <summary>The program may take the byte.</summary>
    Arrived,

    /// <summary>The program has taken it, and has not read past its mark.</summary>
    Taken,
}

/// <summary>
/// Urgent data of a stream, as Linux has it (net/ipv4/tcp.c, tcp_input.c): the last byte that was sent with MSG_OOB. Its place in the
/// stream is the mark, at which a read stops. The byte itself comes apart, by MSG_OOB, or in its place with SO_OOBINLINE. A program that
/// reads past the mark has lost it.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(ushort))]
internal unsafe struct UrgentData
{
    /// <summary>The received stream's position of the byte; the queue's positions, modulo 2^32.</summary>
    public uint MarkPosition;

    /// <summary>The position behind the last byte that was written with MSG_OOB, modulo 2^32.</summary>
    public uint SentEnd;

    public UrgentState State;

    public byte Value;

    /// <summary>Whether the next byte of the stream is the urgent one (SIOCATMARK).</summary>
    public static bool IsAtMark(Socket* socket) =>
        socket->Urgent.State != UrgentState.None && socket->Urgent.MarkPosition == (uint)socket->Received.FirstPosition;

    /// <summary>
    /// Whether the program has been given the urgent byte before the stream has it. The stack tells of it first: a program that runs in
    /// between has not read the stream to its end.
    /// </summary>
    public static bool IsAhead(Socket* socket) => socket->Urgent.State is UrgentState.Arrived or UrgentState.Taken
        && (int)(socket->Urgent.MarkPosition - (uint)socket->Received.EndPosition) >= 0;

    /// <summary>Whether the next byte is one that reads skip.</summary>
    public static bool IsNext(Socket* socket) => IsAtMark(socket) && !IsInline(socket);

    /// <summary>The bytes before the mark; all if it is next, not known of, or has not come.</summary>
    public static ulong UpToMark(Socket* socket)
    {
        uint before = socket->Urgent.MarkPosition - (uint)socket->Received.FirstPosition;
        bool isBetween = socket->Urgent.State != UrgentState.None && before > 0 && before < socket->Received.Count;
        return isBetween ? before : socket->Received.Count;
    }

    /// <summary>What FIONREAD says (tcp_inq).</summary>
    public static ulong Available(Socket* socket) =>
        IsInline(socket) ? socket->Received.Count : IsAtMark(socket) ? 0 : UpToMark(socket);

    /// <summary>The program has read.</summary>
    public static void OnRead(Socket* socket)
    {
        if ((int)((uint)socket->Received.FirstPosition - socket->Urgent.MarkPosition) > 0)
        {
            socket->Urgent.State = UrgentState.None;
        }
    }

    /// <summary>The program has written urgent data, and nothing behind it yet.</summary>
    /// <returns>What the stack is to be told.</returns>
    public static SocketSignals OnSent(Socket* socket)
    {
        socket->Urgent.SentEnd = (uint)socket->Sent.EndPosition;
        return SocketSignals.Written | SocketSignals.Urgent;
    }

    public static long SentLength(Socket* socket) =>
        Math.Max((int)(socket->Urgent.SentEnd - (uint)socket->Sent.FirstPosition), 0);

    /// <summary>The stack tells where the peer's urgent data ends, and the byte; -1 if it has not come.</summary>
    public static long Mark(Socket* socket, ulong offset, long value)
    {
        if (socket->Kind != SocketKind.Stream || offset > int.MaxValue || value is < -1 or > byte.MaxValue)
        {
            return -Errno.EINVAL;
        }

        uint position = (uint)(socket->Received.EndPosition + offset);
        if (socket->IsClosed)
        {
            return 0;
        }

        if (position != socket->Urgent.MarkPosition && IsNext(socket) && socket->Received.Count > 0)
        {
            // As on Linux, the older byte, at which the program stands, goes: or it would become one of the stream.
            ByteQueue.Remove(&socket->Received, 1);
            StackRequests.Add(socket, SocketSignals.Consumed);
        }

        socket->Urgent.MarkPosition = position;
        socket->Urgent.State = value < 0 ? UrgentState.Announced : UrgentState.Arrived;
        socket->Urgent.Value = (byte)value;
        if (value >= 0)
        {
            SocketReadiness.Notify(socket, PollEvents.Arrival);
        }

        return 0;
    }

    /// <summary>recv with MSG_OOB, which never waits.</summary>
    public static long Receive(Socket* socket, IoVectors* buffers, uint flags, out uint flagsOut)
    {
        flagsOut = 0;
        if (socket->State == SocketState.Listening)
        {
            return -Errno.ENOTCONN;
        }

        UrgentState state = socket->Urgent.State;
        if (IsInline(socket) || state is UrgentState.None or UrgentState.Taken)
        {
            return -Errno.EINVAL;
        }

        if (socket->State != SocketState.Connected && !socket->HasPeerFinished)
        {
            return -Errno.ENOTCONN;
        }

        if (state == UrgentState.Announced)
        {
            return socket->IsReceiveShutDown ? 0 : -Errno.EAGAIN;
        }

        if ((flags & SocketTransfers.MSG_PEEK) == 0)
        {
            socket->Urgent.State = UrgentState.Taken;
        }

        flagsOut = SocketTransfers.MSG_OOB;
        if (buffers->Length == 0)
        {
            flagsOut |= SocketTransfers.MSG_TRUNC;
            return 0;
        }

        long error = (flags & SocketTransfers.MSG_TRUNC) != 0 ? 0 : IoVectors.CopyByte(buffers, socket->Urgent.Value);
        return error < 0 ? error : 1;
    }

    private static bool IsInline(Socket* socket) => SocketOptionTable.Get(socket, SocketOptionIndex.OutOfBandInline) != 0;
}
