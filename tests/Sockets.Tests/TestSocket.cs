using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>A socket of <see cref="TestSocketHost"/>, as the program has it. Its members block, within patience.</summary>
internal sealed class TestSocket(TestSocketHost host, SocketHandle handle, SocketKind kind, bool isIPv6)
{
    public SocketHandle Handle => handle;

    public SocketKind Kind => kind;

    public bool IsIPv6 => isIPv6;

    public SocketOptions Options { get; set; } = new()
    {
        TimeToLive = -1,
        HopLimit = -1,
        MulticastTimeToLive = 1,
        MulticastHopLimit = 1,
        LoopsMulticast = true,
        KeepAliveTime = 7200,
        KeepAliveInterval = 75,
        KeepAliveProbes = 9,
        ReceiveBuffer = 131_072,
        SendBuffer = 131_072,
    };

    public SocketEndpoint Local { get; set; }

    public SocketEndpoint Remote { get; set; }

    /// <summary>Written bytes that were not released.</summary>
    public List<byte> Sent { get; } = [];

    /// <summary>How many of them there are up to the last urgent one.</summary>
    public int UrgentLength { get; set; }

    /// <summary>How many bytes of a stream the stack has released.</summary>
    public uint Released { get; set; }

    /// <summary>What the stack has told of the peer's urgent data: how far behind the committed bytes, and the byte or -1.</summary>
    public List<(int Offset, int Value)> Marks { get; } = [];

    /// <summary>Committed bytes that were not read.</summary>
    public List<byte> Received { get; } = [];

    /// <summary>Bytes behind the last committed one, at their places.</summary>
    public byte[] Early { get; } = new byte[131_072];

    /// <summary>How many bytes of <see cref="Early"/> have a place, gaps among them.</summary>
    public int EarlyLength { get; set; }

    public Queue<(DatagramHeader Header, byte[] Data)> Incoming { get; } = new();

    public Queue<(DatagramHeader Header, byte[] Data)> Outgoing { get; } = new();

    /// <summary>The error queue.</summary>
    public List<(SocketErrorReport Report, byte[] Payload)> Errors { get; } = [];

    public Queue<TestSocket> Offered { get; } = new();

    public int Backlog { get; set; } = 16;

    public bool IsFinished { get; set; }

    public bool IsClosed { get; private set; }

    public bool IsReleased { get; set; }

    public SocketErrno Error { get; set; }

    public SocketErrno? Result { get; set; }

    /// <summary>Whether it has made a call.</summary>
    public bool IsAsking { get; private set; }

    /// <summary>Of a file, when its content last changed.</summary>
    public DateTime Modified { get; set; }

    public SocketErrno Bind(SocketEndpoint endpoint) => Call(SocketCall.Bind, endpoint);

    public SocketErrno Connect(SocketEndpoint endpoint) => Call(SocketCall.Connect, endpoint);

    public SocketErrno Listen() => Call(SocketCall.Listen, default, Backlog);

    public SocketErrno Call(SocketCall call, SocketEndpoint endpoint, int argument = 0)
    {
        lock (host.Gate)
        {
            Result = null;
            host.Request(this, SocketSignals.None, call, endpoint, argument);
            IsAsking = true;
            host.Await(() => Result is not null, $"the answer to {call}");
            return Result!.Value;
        }
    }

    public TestSocket Accept()
    {
        lock (host.Gate)
        {
            host.Await(() => Offered.Count > 0, "a connection");
            TestSocket accepted = Offered.Dequeue();
            host.Request(this, SocketSignals.Accepted);
            return accepted;
        }
    }

    public void Write(ReadOnlySpan<byte> data)
    {
        byte[] bytes = data.ToArray();
        for (int place = 0; place < bytes.Length;)
        {
            lock (host.Gate)
            {
                host.Await(() => Sent.Count < Options.SendBuffer, "room to write");
                int length = Math.Min(bytes.Length - place, Options.SendBuffer - Sent.Count);
                Sent.AddRange(bytes.AsSpan(place, length));
                place += length;
                host.Request(this, SocketSignals.Written);
            }
        }
    }

    /// <summary>Writes urgent data: the last of the bytes is the one that the peer is told of.</summary>
    public void WriteUrgent(ReadOnlySpan<byte> data)
    {
        byte[] bytes = data.ToArray();
        lock (host.Gate)
        {
            Sent.AddRange(bytes);
            UrgentLength = Sent.Count;
            host.Request(this, SocketSignals.Written | SocketSignals.Urgent);
        }
    }

    /// <summary>Reads until there are so many bytes, or the end.</summary>
    public byte[] Read(int length)
    {
        List<byte> all = [];
        while (all.Count < length)
        {
            lock (host.Gate)
            {
                host.Await(() => Received.Count > 0 || IsFinished || Error != SocketErrno.None, $"{length - all.Count} bytes more");
                if (Received.Count == 0)
                {
                    break;
                }

                all.AddRange(Received);
                Received.Clear();
                host.Request(this, SocketSignals.Consumed);
            }
        }

        return [.. all];
    }

    public void SendTo(SocketEndpoint remote, ReadOnlySpan<byte> data)
    {
        lock (host.Gate)
        {
            Outgoing.Enqueue((new DatagramHeader { Remote = remote }, data.ToArray()));
            host.Request(this, SocketSignals.Written);
        }
    }

    public (DatagramHeader Header, byte[] Data) ReceiveFrom()
    {
        lock (host.Gate)
        {
            host.Await(() => Incoming.Count > 0, "a datagram");
            return Incoming.Dequeue();
        }
    }

    public void ShutDownSend()
    {
        lock (host.Gate)
        {
            host.Request(this, SocketSignals.SendShutDown);
        }
    }

    public void ShutDownReceive()
    {
        lock (host.Gate)
        {
            host.Request(this, SocketSignals.ReceiveShutDown);
            host.AwaitDone("the end of receiving");
        }
    }

    /// <summary>Writes and closes before the stack hears of either.</summary>
    public void WriteAndAbort(ReadOnlySpan<byte> data)
    {
        byte[] bytes = data.ToArray();
        lock (host.Gate)
        {
            Sent.AddRange(bytes);
            host.Request(this, SocketSignals.Written);
            Close(isAborted: true);
        }
    }

    public void Close(bool isAborted = false)
    {
        lock (host.Gate)
        {
            IsClosed = true;
            host.Request(this, SocketSignals.Closed | (isAborted ? SocketSignals.Aborted : 0));
        }
    }

    public void AwaitRelease()
    {
        lock (host.Gate)
        {
            host.Await(() => IsReleased, "the end of the socket");
        }
    }

    /// <summary>Waits until there is something to read, and leaves it.</summary>
    public void AwaitReceived()
    {
        lock (host.Gate)
        {
            host.Await(() => Received.Count > 0, "data");
        }
    }

    /// <summary>Waits until all that was written is acknowledged.</summary>
    public void AwaitSent()
    {
        lock (host.Gate)
        {
            host.Await(() => Sent.Count == 0, "an acknowledgement");
        }
    }

    public SocketErrno AwaitError()
    {
        lock (host.Gate)
        {
            host.Await(() => Error != SocketErrno.None, "an error");
            return Error;
        }
    }
}
