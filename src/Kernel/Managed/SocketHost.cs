using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel;

/// <summary>The stack's side of the nucleus's sockets: each member is a private call.</summary>
internal sealed unsafe class SocketHost(XenEventChannels channels) : ISocketHost
{
    private const int MostRequests = 64;

    private readonly PieceVectors _pieces = new();
    private bool _isDisposed;

    public int Wait(Span<SocketRequest> requests, long deadline)
    {
        RequestRecord* records = stackalloc RequestRecord[MostRequests];
        ulong room = (ulong)Math.Min(requests.Length, MostRequests);
        ulong end = deadline == long.MaxValue ? ulong.MaxValue : (ulong)Math.Max(deadline, 0);
        long count = NucleusSystemCall.Invoke(NucleusCall.WaitForSockets, (ulong)records, room, end);
        if (count == 0 && room > 0 && end > 0)
        {
            // It may have waited: what there is now, without waiting.
            count = NucleusSystemCall.Invoke(NucleusCall.WaitForSockets, (ulong)records, room, 0);
        }

        bool hasEvent = count >= StackRequests.EventPending;
        count = hasEvent ? count - StackRequests.EventPending : count;
        if (count < 0 && count != -Errno.EINTR)
        {
            throw ToException(count);
        }

        for (int i = 0; i < count; i++)
        {
            requests[i] = ToRequest(records[i]);
        }

        if (hasEvent)
        {
            TakeEvents();
        }

        return (int)Math.Max(count, 0);
    }

    public void Wake() => _ = NucleusSystemCall.Invoke(NucleusCall.WakeStack);

    public void Watch(IEventChannel channel)
    {
        EventChannel own = channel as EventChannel ?? throw new ArgumentException("the channel is not the guest's", nameof(channel));
        long answer = NucleusSystemCall.Invoke(NucleusCall.WatchPort, (ulong)own.Handle);

        // Its connection may have ended on another thread, or with a suspend: it has no events any more.
        if (answer is not (-Errno.ESTALE or -Errno.EBADF))
        {
            Check(answer);
        }
    }

    public void SetRoutes(bool isIPv4, bool isIPv6) =>
        _ = NucleusSystemCall.Invoke(NucleusCall.SetRoutes, isIPv4 ? 1u : 0, isIPv6 ? 1u : 0);

    public void Complete(SocketHandle socket, SocketErrno result) => Call(NucleusCall.CompleteSocketCall, socket, (ulong)result);

    public void CompleteFile(SocketHandle file, DateTime modified) =>
        Call(NucleusCall.CompleteSocketCall, file, 0, (ulong)(modified - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick);

    public void SetLocalEndpoint(SocketHandle socket, SocketEndpoint endpoint) => SetEndpoint(socket, endpoint, isRemote: false);

    public void SetRemoteEndpoint(SocketHandle socket, SocketEndpoint endpoint) => SetEndpoint(socket, endpoint, isRemote: true);

    public SocketOptions ReadOptions(SocketHandle socket)
    {
        SocketOptionValues values;
        Call(NucleusCall.ReadSocketOptions, socket, (ulong)&values);
        return SocketOptionReader.Read(&values);
    }

    public void Fail(SocketHandle socket, SocketErrno reason) => Call(NucleusCall.FailSocket, socket, (ulong)reason);

    public void Release(SocketHandle socket) => Call(NucleusCall.ReleaseSocket, socket);

    public int GetSendLength(SocketHandle socket) => Length(socket, NucleusCallSockets.Length.Sent);

    public int GetReceiveLength(SocketHandle socket) => Length(socket, NucleusCallSockets.Length.Received);

    public int GetUrgentLength(SocketHandle socket) => Length(socket, NucleusCallSockets.Length.Urgent);

    public void CopySent(SocketHandle socket, int offset, Span<byte> destination)
    {
        fixed (byte* bytes = destination)
        {
            Call(NucleusCall.CopySent, socket, (ulong)offset, (ulong)bytes, (ulong)destination.Length);
        }
    }

    public void CopySent(SocketHandle socket, int offset, ReadOnlySpan<Memory<byte>> destinations)
    {
        iovec* vectors = stackalloc iovec[PieceVectors.Most];
        try
        {
            int count = _pieces.Pin(destinations, vectors);
            Call(NucleusCall.CopySentToPieces, socket, (ulong)offset, (ulong)vectors, (ulong)count);
        }
        finally
        {
            _pieces.UnpinAll();
        }
    }

    public void ReleaseSent(SocketHandle socket, int count) => Call(NucleusCall.ReleaseSent, socket, (ulong)count);

    public int GetReceiveRoom(SocketHandle socket) => Length(socket, NucleusCallSockets.Length.ReceiveRoom);

    public bool TryWrite(SocketHandle socket, int offset, ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            return Try(
                NucleusSystemCall.Invoke(NucleusCall.WriteReceived, socket.Value, (ulong)offset, (ulong)bytes, (ulong)data.Length));
        }
    }

    public void Commit(SocketHandle socket, int count) => Call(NucleusCall.CommitReceived, socket, (ulong)count);

    public int Append(SocketHandle socket, ReadOnlySpan<byte> data, int released)
    {
        fixed (byte* bytes = data)
        {
            long answer = NucleusSystemCall.Invoke(
                NucleusCall.AppendReceived, socket.Value, (ulong)bytes, (ulong)data.Length, (ulong)released);
            return Try(answer) ? (int)answer : -1;
        }
    }

    public int GrowSendQueue(SocketHandle socket)
    {
        long size = NucleusSystemCall.Invoke(NucleusCall.GrowSendQueue, socket.Value);
        return size < 0 ? throw ToException(size) : (int)size;
    }

    public void MarkUrgent(SocketHandle socket, int offset, int value) =>
        Call(NucleusCall.MarkUrgent, socket, (ulong)offset, unchecked((ulong)value));

    public int Append(SocketHandle socket, ReadOnlySpan<ReadOnlyMemory<byte>> pieces, int released)
    {
        iovec* vectors = stackalloc iovec[PieceVectors.Most];
        try
        {
            int count = _pieces.Pin(pieces, vectors);
            long answer = NucleusSystemCall.Invoke(
                NucleusCall.AppendPieces, socket.Value, (ulong)vectors, (ulong)count, (ulong)released);
            return Try(answer) ? (int)answer : -1;
        }
        finally
        {
            _pieces.UnpinAll();
        }
    }

    public void FinishReceive(SocketHandle socket) => Call(NucleusCall.FinishReceive, socket);

    public bool TryOffer(SocketHandle listener, SocketEndpoint local, SocketEndpoint remote, out SocketHandle socket)
    {
        EndpointRecord* endpoints = stackalloc EndpointRecord[] { ToRecord(local), ToRecord(remote) };
        long answer = NucleusSystemCall.Invoke(NucleusCall.OfferSocket, listener.Value, (ulong)endpoints);
        socket = answer < 0 ? default : new SocketHandle((ulong)answer);
        return answer > 0 || (answer == -Errno.EAGAIN ? false : throw ToException(answer));
    }

    public int GetOfferRoom(SocketHandle listener) => Length(listener, NucleusCallSockets.Length.OfferRoom);

    public bool TryDeliver(SocketHandle socket, in DatagramHeader header, ReadOnlySpan<byte> payload)
    {
        DatagramRecord record = new()
        {
            Remote = ToRecord(header.Remote),
            Local = ToRecord(header.Local),
            InterfaceIndex = header.InterfaceIndex,
            HopLimit = header.HopLimit,
            TrafficClass = header.TrafficClass,
        };
        fixed (byte* bytes = payload)
        {
            return Try(
                NucleusSystemCall.Invoke(
                    NucleusCall.DeliverDatagram, socket.Value, (ulong)&record, (ulong)bytes, (ulong)payload.Length));
        }
    }

    public void QueueError(SocketHandle socket, in SocketErrorReport report, ReadOnlySpan<byte> payload)
    {
        ErrorRecord record = new()
        {
            Remote = ToRecord(report.Remote),
            Offender = ToRecord(report.Offender),
            Errno = (int)report.Reason,
            Type = report.Type,
            Code = report.Code,
            Info = report.Info,
        };
        fixed (byte* bytes = payload)
        {
            Call(NucleusCall.QueueSocketError, socket, (ulong)&record, (ulong)bytes, (ulong)payload.Length);
        }
    }

    public int TakeDatagram(SocketHandle socket, out DatagramHeader header, Span<byte> buffer)
    {
        DatagramRecord record = default;
        fixed (byte* bytes = buffer)
        {
            long length = NucleusSystemCall.Invoke(
                NucleusCall.TakeDatagram, socket.Value, (ulong)&record, (ulong)bytes, (ulong)buffer.Length);
            if (length is < 0 and not (-Errno.EAGAIN or -Errno.EMSGSIZE))
            {
                throw ToException(length);
            }

            header = new DatagramHeader
            {
                Remote = ToEndpoint(record.Remote),
                Local = ToEndpoint(record.Local),
                InterfaceIndex = record.InterfaceIndex,
            };
            return length == -Errno.EMSGSIZE ? ISocketHost.TooLong : length < 0 ? -1 : (int)length;
        }
    }

    public void EndProgram() => Check(NucleusSystemCall.Invoke(NucleusCall.EndProgram));

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _ = NucleusSystemCall.Invoke(NucleusCall.CloseStack);
        }
    }

    private void TakeEvents()
    {
        long port;
        while ((port = NucleusSystemCall.Invoke(NucleusCall.TakeWatchedPort)) >= 0)
        {
            channels.Deliver(port);
        }
    }

    private static void SetEndpoint(SocketHandle socket, SocketEndpoint endpoint, bool isRemote)
    {
        EndpointRecord record = ToRecord(endpoint);
        Call(NucleusCall.SetSocketEndpoint, socket, (ulong)&record, isRemote ? 1u : 0);
    }

    private static int Length(SocketHandle socket, NucleusCallSockets.Length length)
    {
        long answer = NucleusSystemCall.Invoke(NucleusCall.SocketLength, socket.Value, (ulong)length);
        return answer < 0 ? throw ToException(answer) : (int)answer;
    }

    private static void Call(int number, SocketHandle socket, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0) =>
        Check(NucleusSystemCall.Invoke(number, socket.Value, a2, a3, a4));

    private static bool Try(long answer)
    {
        if (answer == -Errno.ENOBUFS)
        {
            return false;
        }

        Check(answer);
        return true;
    }

    private static void Check(long answer)
    {
        if (answer < 0)
        {
            throw ToException(answer);
        }
    }

    private static Exception ToException(long answer) => answer switch
    {
        -Errno.EBADF => new ArgumentException("the handle names no socket"),
        -Errno.ENETDOWN => new ObjectDisposedException(nameof(ISocketHost)),
        -Errno.EINVAL => new ArgumentException("the argument does not fit the socket"),
        _ => NucleusError.ToException(answer, "event channels", "a call of sockets"),
    };

    private static EndpointRecord ToRecord(SocketEndpoint endpoint) =>
        new() { High = endpoint.High, Low = endpoint.Low, Port = endpoint.Port, Scope = endpoint.Scope };

    private static SocketEndpoint ToEndpoint(in EndpointRecord record) => new(record.High, record.Low, record.Port, record.Scope);

    private static SocketRequest ToRequest(in RequestRecord record) => new()
    {
        Socket = new SocketHandle(record.Handle),
        Kind = record.Kind,
        IsIPv6 = record.IsIPv6 != 0,
        Signals = record.Signals,
        Call = record.Call,
        Endpoint = ToEndpoint(record.Endpoint),
        InterfaceAddress = ToEndpoint(record.Interface),
        Argument = record.Argument,
        Written = record.Written,
    };
}
