using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>The kernel's sockets, played by the test as docs/sockets.md has them.</summary>
internal sealed class TestSocketHost : ISocketHost
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly List<TestSocket> _sockets = [];
    private readonly List<SocketRequest> _requests = [];
    private bool _isWoken;
    private bool _isIdle;
    private int _turns;

    /// <summary>Guards everything, and tells of every change.</summary>
    public object Gate { get; } = new();

    public bool IsDisposed { get; private set; }

    /// <summary>How often the stack has waited and gone on.</summary>
    public int Turns => Volatile.Read(ref _turns);

    /// <summary>So many received bytes the memory of all sockets together holds.</summary>
    public int Budget { get; set; } = int.MaxValue;

    /// <summary>Whether the stack has said that every address has a route.</summary>
    public bool HasRoute4 { get; private set; }

    public bool HasRoute6 { get; private set; }

    /// <summary>Called with the name of a member and its socket before the stack's call does anything: where tests plant faults.</summary>
    public Action<string, TestSocket>? Before { get; set; }

    /// <summary>Makes a socket, of which the stack hears with its first request.</summary>
    public TestSocket Open(SocketKind kind, bool isIPv6 = false)
    {
        lock (Gate)
        {
            TestSocket made = new(this, new SocketHandle((uint)_sockets.Count | (7UL << 32)), kind, isIPv6);
            _sockets.Add(made);
            return made;
        }
    }

    /// <summary>Opens a file as the nucleus does for a program; the content and when it last changed, or an error.</summary>
    public (SocketErrno Result, string Content, DateTime Modified) ReadFile(string path)
    {
        TestSocket query = MakeQuery(System.Text.Encoding.UTF8.GetBytes(path));
        SocketErrno result = query.Call(SocketCall.ReadFile, default);
        return (result, System.Text.Encoding.UTF8.GetString([.. query.Received]), query.Modified);
    }

    /// <summary>Asks the stack as the nucleus does; the answer's bytes, or an error.</summary>
    public (SocketErrno Result, byte[] Bytes) Ask(SocketCall call, int argument, byte[] bytes)
    {
        TestSocket query = MakeQuery(bytes);
        SocketErrno result = query.Call(call, default, argument);
        return (result, [.. query.Received]);
    }

    /// <summary>Adds to what a socket wants. Under the gate.</summary>
    public void Request(
        TestSocket socket, SocketSignals signals, SocketCall call = SocketCall.None, SocketEndpoint endpoint = default, int argument = 0)
    {
        int place = _requests.FindIndex(each => each.Socket == socket.Handle);
        SocketRequest before = place < 0 ? default : _requests[place];
        SocketRequest request = new()
        {
            Socket = socket.Handle,
            Kind = socket.Kind,
            IsIPv6 = socket.IsIPv6,
            Signals = before.Signals | signals,
            Call = call == SocketCall.None ? before.Call : call,
            Endpoint = call == SocketCall.None ? before.Endpoint : endpoint,
            Argument = call == SocketCall.None ? before.Argument : argument,
        };
        if (place < 0)
        {
            _requests.Add(request);
        }
        else
        {
            _requests[place] = request;
        }

        Monitor.PulseAll(Gate);
    }

    /// <summary>Waits until something is so. Under the gate.</summary>
    public void Await(Func<bool> isSo, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(Monitor.Wait(Gate, s_patience) && Stopwatch.GetElapsedTime(began) < s_patience, $"{what} did not come");
        }
    }

    /// <summary>Waits until the stack has done all that was requested; another guest finds it done. Under the gate.</summary>
    public void AwaitDone(string what) => Await(() => _isIdle && _requests.Count == 0, what);

    public int Wait(Span<SocketRequest> requests, long deadline)
    {
        lock (Gate)
        {
            _isIdle = true;
            Monitor.PulseAll(Gate);
            while (_requests.Count == 0 && !_isWoken)
            {
                TimeSpan rest = deadline == long.MaxValue
                    ? Timeout.InfiniteTimeSpan
                    : Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), deadline);
                if (deadline != long.MaxValue && rest <= TimeSpan.Zero)
                {
                    break;
                }

                Monitor.Wait(Gate, deadline == long.MaxValue || rest > s_patience ? s_patience : rest + TimeSpan.FromMilliseconds(1));
            }

            _isWoken = false;
            _isIdle = false;
            _turns++;
            int count = Math.Min(requests.Length, _requests.Count);
            for (int i = 0; i < count; i++)
            {
                TestSocket socket = Find(_requests[i].Socket);
                requests[i] = _requests[i] with { Written = socket.Released + (uint)socket.Sent.Count };
            }

            _requests.RemoveRange(0, count);
            return count;
        }
    }

    public void Wake()
    {
        lock (Gate)
        {
            _isWoken = true;
            Monitor.PulseAll(Gate);
        }
    }

    public void Watch(IEventChannel channel)
    {
    }

    public void SetRoutes(bool isIPv4, bool isIPv6) => (HasRoute4, HasRoute6) = (isIPv4, isIPv6);

    public void Complete(SocketHandle socket, SocketErrno result) => Change(socket, each => each.Result = result);

    public void CompleteFile(SocketHandle file, DateTime modified) => Change(file, each =>
    {
        each.Modified = modified;
        each.Result = SocketErrno.None;
    });

    public void SetLocalEndpoint(SocketHandle socket, SocketEndpoint endpoint) => Change(socket, each => each.Local = endpoint);

    public void SetRemoteEndpoint(SocketHandle socket, SocketEndpoint endpoint) => Change(socket, each => each.Remote = endpoint);

    public SocketOptions ReadOptions(SocketHandle socket)
    {
        return Find(socket).Options;
    }

    public void Fail(SocketHandle socket, SocketErrno reason) => Change(socket, each => each.Error = reason);

    public void Release(SocketHandle socket) => Change(socket, each => each.IsReleased = true);

    public int GetSendLength(SocketHandle socket)
    {
        lock (Gate)
        {
            return Find(socket).Sent.Count;
        }
    }

    public int GetReceiveLength(SocketHandle socket)
    {
        lock (Gate)
        {
            return Find(socket).Received.Count;
        }
    }

    public int GetUrgentLength(SocketHandle socket)
    {
        lock (Gate)
        {
            return Find(socket).UrgentLength;
        }
    }

    public void CopySent(SocketHandle socket, int offset, Span<byte> destination)
    {
        lock (Gate)
        {
            CollectionsMarshal.AsSpan(Find(socket).Sent).Slice(offset, destination.Length).CopyTo(destination);
        }
    }

    public void CopySent(SocketHandle socket, int offset, ReadOnlySpan<Memory<byte>> destinations)
    {
        foreach (Memory<byte> destination in destinations)
        {
            CopySent(socket, offset, destination.Span);
            offset += destination.Length;
        }
    }

    public void ReleaseSent(SocketHandle socket, int count) => Change(socket, each =>
    {
        each.Sent.RemoveRange(0, count);
        each.Released += (uint)count;
        each.UrgentLength = Math.Max(each.UrgentLength - count, 0);
    });

    /// <summary>How often the stack has told that a send queue limits its connection.</summary>
    public int Growths { get; private set; }

    /// <summary>Waits until it has told so, since the stack tells after the bytes have gone.</summary>
    public void AwaitGrowths(int count)
    {
        lock (Gate)
        {
            Await(() => Growths >= count, $"the growth {count} of a send queue");
            Assert.Equal(count, Growths);
        }
    }

    public int GrowSendQueue(SocketHandle socket)
    {
        Change(socket, _ => Growths++);
        return 1_000;
    }

    public int GetReceiveRoom(SocketHandle socket)
    {
        lock (Gate)
        {
            TestSocket known = Find(socket);
            return known.IsClosed ? 0 : Math.Max(
                Math.Min(known.Options.ReceiveBuffer - known.Received.Count, Left + known.EarlyLength), 0);
        }
    }

    public bool TryWrite(SocketHandle socket, int offset, ReadOnlySpan<byte> data)
    {
        lock (Gate)
        {
            TestSocket known = Find(socket);
            int length = Math.Max(known.EarlyLength, offset + data.Length);
            if (length - known.EarlyLength > Left || (offset > 0 && Left <= Budget / 2))
            {
                return false;
            }

            known.EarlyLength = length;
            data.CopyTo(known.Early.AsSpan(offset));
            return true;
        }
    }

    public void Commit(SocketHandle socket, int count) => Change(socket, each =>
    {
        each.Received.AddRange(each.Early.AsSpan(0, count));
        each.Early.AsSpan(count).CopyTo(each.Early);
        each.EarlyLength = Math.Max(each.EarlyLength - count, 0);
    });

    public int Append(SocketHandle socket, ReadOnlySpan<byte> data, int released)
    {
        Find(socket);
        if (released > 0)
        {
            ReleaseSent(socket, released);
        }

        if (!TryWrite(socket, 0, data))
        {
            return -1;
        }

        Commit(socket, data.Length);
        return GetReceiveRoom(socket);
    }

    public void MarkUrgent(SocketHandle socket, int offset, int value) => Change(socket, each => each.Marks.Add((offset, value)));

    public int Append(SocketHandle socket, ReadOnlySpan<ReadOnlyMemory<byte>> pieces, int released)
    {
        List<byte> bytes = [];
        foreach (ReadOnlyMemory<byte> piece in pieces)
        {
            bytes.AddRange(piece.Span);
        }

        return Append(socket, CollectionsMarshal.AsSpan(bytes), released);
    }

    public void FinishReceive(SocketHandle socket) => Change(socket, each => each.IsFinished = true);

    public bool TryOffer(SocketHandle listener, SocketEndpoint local, SocketEndpoint remote, out SocketHandle socket)
    {
        lock (Gate)
        {
            TestSocket known = Find(listener);
            TestSocket made = Open(SocketKind.Stream, known.IsIPv6);
            (made.Local, made.Remote, socket) = (local, remote, made.Handle);
            known.Offered.Enqueue(made);
            Monitor.PulseAll(Gate);
            return true;
        }
    }

    public int GetOfferRoom(SocketHandle listener)
    {
        lock (Gate)
        {
            TestSocket known = Find(listener);
            return known.Backlog - known.Offered.Count;
        }
    }

    public bool TryDeliver(SocketHandle socket, in DatagramHeader header, ReadOnlySpan<byte> payload)
    {
        (DatagramHeader, byte[]) datagram = (header, payload.ToArray());
        Change(socket, each => each.Incoming.Enqueue(datagram));
        return true;
    }

    public void QueueError(SocketHandle socket, in SocketErrorReport report, ReadOnlySpan<byte> payload)
    {
        (SocketErrorReport, byte[]) error = (report, payload.ToArray());
        Change(socket, each => each.Errors.Add(error));
    }

    public int TakeDatagram(SocketHandle socket, out DatagramHeader header, Span<byte> buffer)
    {
        lock (Gate)
        {
            header = default;
            Queue<(DatagramHeader Header, byte[] Data)> outgoing = Find(socket).Outgoing;
            if (!outgoing.TryPeek(out (DatagramHeader Header, byte[] Data) next))
            {
                return -1;
            }

            if (next.Data.Length > buffer.Length)
            {
                return ISocketHost.TooLong;
            }

            outgoing.Dequeue();
            header = next.Header;
            next.Data.CopyTo(buffer);
            return next.Data.Length;
        }
    }

    public void EndProgram()
    {
        lock (Gate)
        {
            foreach (TestSocket socket in _sockets.Where(each => !each.IsClosed && !each.IsReleased))
            {
                socket.Close(isAborted: socket.Received.Count > 0);
            }
        }
    }

    public void Dispose()
    {
        lock (Gate)
        {
            IsDisposed = true;
            Monitor.PulseAll(Gate);
        }
    }

    /// <summary>How much of the budget is left. Under the gate.</summary>
    public int Left => Budget - _sockets.Sum(socket => socket.Received.Count + socket.EarlyLength);

    private void Change(SocketHandle socket, Action<TestSocket> change, [CallerMemberName] string member = "")
    {
        lock (Gate)
        {
            change(Find(socket, member));
            Monitor.PulseAll(Gate);
        }
    }

    private TestSocket MakeQuery(byte[] bytes)
    {
        TestSocket query = Open(SocketKind.Query);
        query.Sent.AddRange(bytes);
        return query;
    }

    private TestSocket Find(SocketHandle socket, [CallerMemberName] string member = "")
    {
        TestSocket found = _sockets[socket.Index];
        if (found.Handle != socket || found.IsReleased)
        {
            throw new ArgumentException($"{socket} names no socket", nameof(socket));
        }

        Before?.Invoke(member, found);
        return found;
    }
}
