using System.Threading.Channels;
using Xenlet.XenStoreRing.Transport;

namespace Xenlet.XenStoreRing.Tests;

/// <summary>The server's side of a ring, played by a test: it receives whole requests and sends any bytes.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan ShortDisposeLimit = TimeSpan.FromMilliseconds(30);

    private readonly SharedRing _side;
    private readonly XenStoreMessageBuffer _buffer = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<Message> _requests = Channel.CreateUnbounded<Message>();
    private readonly Lock _lock = new();
    private readonly Queue<byte> _toSend = new();
    private readonly Task _loop;
    private bool _isPaused;

    public TestServer(TestRing? ring = null)
    {
        Ring = ring ?? new();
        _side = new(Ring.Address, RingSide.Server);
        _side.AttachKeeping();
        _loop = RunAsync();
    }

    public TestRing Ring { get; }

    /// <summary>Short, because most tests' servers do not answer when their client is disposed of.</summary>
    public TimeSpan DisposeLimit { get; init; } = ShortDisposeLimit;

    /// <summary>A clock that stands still for the client; its disposal then waits for nothing.</summary>
    public ManualClock? Clock
    {
        get;
        init
        {
            field = value;
            DisposeLimit = TimeSpan.FromTicks(1);
        }
    }

    /// <summary>
    /// Called for each request; a result is sent as the reply at once, else the test finds the request in <see cref="ReceiveAsync"/>.
    /// </summary>
    public Func<Message, byte[]?>? Responder { get; set; }

    /// <summary>Connects a client to this server.</summary>
    public async Task<XenStoreClient> ConnectAsync(XenStoreClientOptions? options = null) =>
        await XenStoreClient.ConnectAsync(NewTransport(), (options ?? new() { ResetWatches = false, RequestTimeLimit = Limit }) with
        {
            DisposeTimeLimit = DisposeLimit,
            TimeProvider = Clock ?? TimeProvider.System,
        })
            .AsTask().WaitAsync(Limit);

    public XenStoreRingTransport NewTransport() => new(Ring, Ring.ClientDoorbell);

    /// <summary>The next request that <see cref="Responder"/> left.</summary>
    public async Task<Message> ReceiveAsync()
    {
        using CancellationTokenSource limit = new(Limit);
        return await _requests.Reader.ReadAsync(limit.Token);
    }

    public async Task<Message> ReceiveAsync(XenStoreMessageType type)
    {
        Message message = await ReceiveAsync();
        Assert.Equal(type, message.Type);
        return message;
    }

    public bool HasRequest => _requests.Reader.TryPeek(out _);

    /// <summary>Sends bytes, in as many pieces as the ring's room makes of them.</summary>
    public void Send(params ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            foreach (byte value in bytes)
            {
                _toSend.Enqueue(value);
            }
        }

        PushReplies();
    }

    /// <summary>Stops reading requests, as a busy or dead server does.</summary>
    public void Pause()
    {
        lock (_lock)
        {
            _isPaused = true;
        }
    }

    public void Continue()
    {
        lock (_lock)
        {
            _isPaused = false;
        }

        Pump();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
        Ring.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await Ring.ServerDoorbell.WaitAsync(_stop.Token);
                Pump();
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (XenStoreException)
        {
            // The page's indexes were made invalid on purpose; the test is about the client's reaction.
        }
    }

    private void Pump()
    {
        PushReplies();
        while (true)
        {
            bool notify;
            List<Message> messages = [];
            lock (_lock)
            {
                if (_isPaused)
                {
                    return;
                }

                int count = _side.Read(_buffer.GetFree().Span, out notify);
                if (count == 0)
                {
                    return;
                }

                _buffer.Advance(count);
                while (_buffer.TryTake(out XenStoreHeader header, out ReadOnlySpan<byte> body))
                {
                    messages.Add(new(header, body.ToArray()));
                }
            }

            // xenstored notifies after each piece it has read, whether or not anybody waits for room.
            Ring.ServerDoorbell.Notify();
            foreach (Message message in messages)
            {
                if (Responder?.Invoke(message) is { } reply)
                {
                    Send(reply);
                }
                else
                {
                    _requests.Writer.TryWrite(message);
                }
            }
        }
    }

    private void PushReplies()
    {
        lock (_lock)
        {
            bool any = false;
            while (_toSend.Count > 0)
            {
                byte[] piece = [.. _toSend.Take(RingLayout.XENSTORE_RING_SIZE)];
                int count = _side.Write(piece, out _);
                if (count == 0)
                {
                    break;
                }

                any = true;
                for (int i = 0; i < count; i++)
                {
                    _toSend.Dequeue();
                }
            }

            if (any)
            {
                Ring.ServerDoorbell.Notify();
            }
        }
    }
}
