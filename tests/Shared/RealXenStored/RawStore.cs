using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Xenlet.Tests.RealXenStored;

/// <summary>Message types of io/xs_wire.h.</summary>
internal enum XsType
{
    Control = 0,
    Directory = 1,
    Read = 2,
    GetPerms = 3,
    Watch = 4,
    Unwatch = 5,
    TransactionStart = 6,
    TransactionEnd = 7,
    Introduce = 8,
    Release = 9,
    GetDomainPath = 10,
    Write = 11,
    Mkdir = 12,
    Rm = 13,
    SetPerms = 14,
    WatchEvent = 15,
    Error = 16,
    IsDomainIntroduced = 17,
    Resume = 18,
    SetTarget = 19,
    ResetWatches = 21,
    DirectoryPart = 22,
    GetFeature = 23,
}

/// <summary>One message as it came.</summary>
internal sealed record RawMessage(XsType Type, uint Id, uint Transaction, byte[] Payload)
{
    /// <summary>The payload as text, NUL characters included.</summary>
    public string Text => Encoding.Latin1.GetString(Payload);

    /// <summary>The payload without its last NUL, preceded by "!" for an error: one string to compare.</summary>
    public string Outcome => (Type == XsType.Error ? "!" : "") + (Text.EndsWith('\0') ? Text[..^1] : Text);
}

/// <summary>Moves bytes to and from the daemon; every wait ends after a time.</summary>
internal interface IRawPipe : IDisposable
{
    void Write(ReadOnlySpan<byte> bytes);

    void ReadExactly(Span<byte> bytes);
}

/// <summary>
/// A client that does nothing but send and receive messages, one at a time, and shares no code with the library: it proves the
/// daemon and its surroundings, and sends requests that the library does not have.
/// </summary>
internal sealed class RawStore(IRawPipe pipe) : IDisposable
{
    private const int HeaderLength = 16;
    private uint _lastId;

    /// <summary>Watch events that came while a reply was awaited.</summary>
    public Queue<RawMessage> Events { get; } = new();

    /// <summary>Sends a request and returns its reply.</summary>
    public RawMessage Request(XsType type, string payload, uint transaction = 0) =>
        Request(type, Encoding.Latin1.GetBytes(payload), transaction);

    /// <inheritdoc cref="Request(XsType, string, uint)"/>
    public RawMessage Request(XsType type, byte[] payload, uint transaction = 0)
    {
        uint id = Send(type, payload, transaction);
        RawMessage reply = Receive();
        Assert.Equal(id, reply.Id);
        Assert.Equal(transaction, reply.Transaction);
        return reply;
    }

    /// <summary>Sends a request that must succeed.</summary>
    public string Expect(XsType type, string payload, uint transaction = 0)
    {
        RawMessage reply = Request(type, payload, transaction);
        Assert.True(reply.Type == type, $"{type} {payload.Replace('\0', '|')}: {reply.Outcome}");
        return reply.Outcome;
    }

    /// <summary>Sends a request and returns its identification.</summary>
    public uint Send(XsType type, byte[] payload, uint transaction = 0)
    {
        uint id = ++_lastId;
        byte[] message = new byte[HeaderLength + payload.Length];
        WriteHeader(message, (uint)type, id, transaction, (uint)payload.Length);
        payload.CopyTo(message, HeaderLength);
        pipe.Write(message);
        return id;
    }

    /// <summary>Sends bytes as they are.</summary>
    public void SendBytes(ReadOnlySpan<byte> bytes) => pipe.Write(bytes);

    /// <summary>Receives the next message that is not a watch event.</summary>
    public RawMessage Receive()
    {
        while (true)
        {
            RawMessage message = ReceiveAny();
            if (message.Type != XsType.WatchEvent)
            {
                return message;
            }

            Events.Enqueue(message);
        }
    }

    /// <summary>The next watch event, "path|token".</summary>
    public string NextEvent()
    {
        RawMessage message = Events.Count > 0 ? Events.Dequeue() : ReceiveAny();
        Assert.Equal(XsType.WatchEvent, message.Type);
        return message.Outcome.Replace('\0', '|');
    }

    /// <summary>All watch events until now: a request after them has been answered.</summary>
    /// <param name="readable">A directory that the client may list.</param>
    public List<string> EventsUntilNow(string readable = "/")
    {
        Expect(XsType.Directory, readable + "\0");
        List<string> events = Events.Select(message => message.Outcome.Replace('\0', '|')).ToList();
        Events.Clear();
        return events;
    }

    /// <summary>Opens a transaction.</summary>
    public uint Begin() => uint.Parse(Expect(XsType.TransactionStart, "\0"), System.Globalization.CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public void Dispose() => pipe.Dispose();

    public static void WriteHeader(Span<byte> header, uint type, uint id, uint transaction, uint length)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], id);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], transaction);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], length);
    }

    private RawMessage ReceiveAny()
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        pipe.ReadExactly(header);
        byte[] payload = new byte[BinaryPrimitives.ReadUInt32LittleEndian(header[12..])];
        pipe.ReadExactly(payload);
        return new(
            (XsType)BinaryPrimitives.ReadUInt32LittleEndian(header),
            BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(header[8..]),
            payload);
    }
}

/// <summary>The daemon's socket.</summary>
internal sealed class SocketPipe : IRawPipe
{
    private const int TimeLimitMilliseconds = 120_000;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
    {
        ReceiveTimeout = TimeLimitMilliseconds,
        SendTimeout = TimeLimitMilliseconds,
    };

    public SocketPipe(string path)
    {
        try
        {
            _socket.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    public void ReadExactly(Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int count = _socket.Receive(bytes);
            bytes = count > 0 ? bytes[count..] : throw new IOException("xenstored has closed the connection.");
        }
    }

    public void Dispose() => _socket.Dispose();
}

/// <summary>A domain's ring page, without the library's checks.</summary>
internal sealed unsafe class RingPipe : IRawPipe
{
    private const uint RingLength = 1024;
    private const int ResponseRing = 1024;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromMinutes(2);
    private readonly SimulatedDomain _domain;
    private readonly AutoResetEvent _woken = new(false);

    public RingPipe(SimulatedDomain domain)
    {
        _domain = domain;
        domain.Notified += Wake;
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            uint producer = _domain[SimulatedDomain.RequestProducer];
            if (producer - _domain[SimulatedDomain.RequestConsumer] == RingLength)
            {
                _domain.Notify();
                WaitWhile(() => producer - _domain[SimulatedDomain.RequestConsumer] == RingLength, "space for a request");
            }

            _domain.Page[producer % RingLength] = value;
            _domain[SimulatedDomain.RequestProducer] = producer + 1;
        }

        _domain.Notify();
    }

    public void ReadExactly(Span<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            uint consumer = _domain[SimulatedDomain.ResponseConsumer];
            if (consumer == _domain[SimulatedDomain.ResponseProducer])
            {
                _domain.Notify();
                WaitWhile(() => consumer == _domain[SimulatedDomain.ResponseProducer], "a response");
            }

            bytes[i] = _domain.Page[ResponseRing + (consumer % RingLength)];
            _domain[SimulatedDomain.ResponseConsumer] = consumer + 1;
        }
    }

    public void Dispose()
    {
        _domain.Notified -= Wake;
        _woken.Dispose();
    }

    private void Wake() => _woken.Set();

    private void WaitWhile(Func<bool> condition, string what)
    {
        while (condition())
        {
            if (!_woken.WaitOne(TimeLimit) && condition())
            {
                throw new IOException($"xenstored gives no {what}; error field {_domain[SimulatedDomain.Error]}.");
            }
        }
    }
}
