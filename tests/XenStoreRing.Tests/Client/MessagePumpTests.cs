using System.Threading.Channels;
using Xenlet.XenStoreRing.Client;

namespace Xenlet.XenStoreRing.Tests.Client;

/// <summary>A pump between a transport and an owner that the test plays.</summary>
public sealed class MessagePumpTests : IAsyncDisposable
{
    private readonly PlayedTransport _transport = new();
    private readonly PlayedOwner _owner = new();
    private readonly MessagePump _pump;

    public MessagePumpTests()
    {
        _pump = new(_transport, _owner, _owner.Lock, loop: null);
        _owner.Pump = _pump;
    }

    public ValueTask DisposeAsync() => _pump.DisposeAsync();

    [Fact]
    public async Task Messages_are_written_one_at_a_time_in_order()
    {
        _transport.HoldWrites();
        _owner.Outgoing.Enqueue([1, 1]);
        _owner.Outgoing.Enqueue([2]);
        _pump.Send();
        Assert.True(_pump.IsWriting);

        // The write in progress sends what others queue meanwhile.
        _owner.Outgoing.Enqueue([3]);
        _pump.Send();
        Assert.Equal(["01 01"], _transport.Written);

        _transport.ReleaseWrites();
        await Patience.Until(() => _transport.Written.Length == 3);
        Assert.Equal(["01 01", "02", "03"], _transport.Written);
        await Patience.Until(() => _owner.Written == 3);
        Assert.False(_pump.IsWriting);
    }

    [Fact]
    public async Task A_write_that_fails_is_told_and_nothing_is_written_after_it()
    {
        _transport.HoldWrites();
        _owner.Outgoing.Enqueue([1]);
        _owner.Outgoing.Enqueue([2]);
        _pump.Send();
        _transport.ReleaseWrites(new IOException("no such cable"));

        await Patience.Until(() => _owner.Lost.Length > 0);
        _pump.Send();

        Assert.Equal(["writing to xenstored failed: no such cable"], _owner.Lost);
        Assert.Equal(["01"], _transport.Written);
    }

    [Fact]
    public async Task A_reader_that_was_stopped_keeps_what_it_has_of_a_message()
    {
        byte[] message = Message(7);
        _pump.Start();
        _transport.Arrive(message[..5]);
        await Patience.Until(() => _pump.HeldBytes == 5);

        await _pump.StopReadingAsync();
        ValueTask finish = _pump.FinishMessageAsync(CancellationToken.None);
        _transport.Arrive(message[5..]);
        await finish.Soon();

        Assert.Equal([7u], _owner.Received);
        Assert.Equal(0, _pump.HeldBytes);
        Assert.Empty(_owner.Lost);
    }

    [Fact]
    public async Task A_pump_that_was_stopped_is_started_again_where_it_stood()
    {
        byte[] message = Message(8);
        _pump.Start();
        _transport.Arrive([.. Message(7), .. message[..5]]);
        await Patience.Until(() => _pump.HeldBytes == 5);
        await _pump.StopReadingAsync();

        _pump.Prepare();
        _pump.Start();
        _transport.Arrive(message[5..]);

        await Patience.Until(() => _owner.Received.Length == 2);
        Assert.Equal([7u, 8u], _owner.Received);
    }

    [Theory]
    [InlineData(0, "xenstored closed the connection")]
    [InlineData(5, "xenstored closed the connection after 5 bytes of a message")]
    public async Task The_end_of_the_stream_is_told_with_what_it_has_cut(int held, string expected)
    {
        _pump.Start();
        if (held > 0)
        {
            _transport.Arrive(Message(7)[..held]);
        }

        _transport.Arrive([]);
        await _pump.Reader.Soon();

        Assert.Equal([expected], _owner.Lost);
    }

    [Fact]
    public async Task An_owner_that_wants_no_more_gets_no_more_of_what_has_come()
    {
        _owner.Wants = 1;
        _pump.Start();
        _transport.Arrive([.. Message(7), .. Message(8)]);

        await Patience.Until(() => _owner.Received.Length == 1 && _owner.Asked > 0);
        Assert.Equal([7u], _owner.Received);
    }

    private static byte[] Message(uint requestId)
    {
        byte[] message = new byte[XenStoreHeader.Size + 3];
        new XenStoreHeader(XenStoreMessageType.Read, requestId, 0, 3).Write(message);
        return message;
    }

    private sealed class PlayedOwner : IPumpOwner
    {
        private readonly List<uint> _received = [];
        private readonly List<string> _lost = [];

        public Lock Lock { get; } = new();

        public MessagePump? Pump { get; set; }

        public Queue<byte[]> Outgoing { get; } = new();

        public int Wants { get; set; } = int.MaxValue;

        /// <summary>Times that it was asked to send what is queued.</summary>
        public int Asked { get; private set; }

        public int Written { get; private set; }

        public uint[] Received => Copy(_received);

        public string[] Lost => Copy(_lost);

        public int TakeNext(MessagePump pump, Span<byte> destination)
        {
            Assert.True(Lock.IsHeldByCurrentThread, "the lock is held while the next message is requested");
            if (!Outgoing.TryDequeue(out byte[]? message))
            {
                return 0;
            }

            message.CopyTo(destination);
            return message.Length;
        }

        public void OnWritten(MessagePump pump)
        {
            Assert.True(Lock.IsHeldByCurrentThread, "the lock is held when a write has ended");
            Written++;
        }

        public bool OnMessage(MessagePump pump, in XenStoreHeader header, ReadOnlySpan<byte> body)
        {
            Assert.True(Lock.IsHeldByCurrentThread, "the lock is held when a message has come");
            _received.Add(header.RequestId);
            return _received.Count < Wants;
        }

        public void SendQueued()
        {
            Assert.False(Lock.IsHeldByCurrentThread, "the lock is free while messages are sent");
            Asked++;
            Pump!.Send();
        }

        public void Lose(MessagePump pump, XenStoreException reason)
        {
            Assert.False(Lock.IsHeldByCurrentThread, "the lock is free when the transport has ended");
            lock (Lock)
            {
                _lost.Add(reason.Message);
            }
        }

        private T[] Copy<T>(List<T> list)
        {
            lock (Lock)
            {
                return [.. list];
            }
        }
    }

    private sealed class PlayedTransport : IXenStoreTransport
    {
        private readonly Channel<byte[]> _arriving = Channel.CreateUnbounded<byte[]>();
        private readonly List<string> _written = [];
        private TaskCompletionSource? _held;

        public bool OutlivesClient => false;

        public XenStoreServerFeatures ServerFeatures => XenStoreServerFeatures.None;

        public string[] Written
        {
            get
            {
                lock (_written)
                {
                    return [.. _written];
                }
            }
        }

        public ValueTask OpenAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            byte[] bytes = await _arriving.Reader.ReadAsync(cancellationToken);
            bytes.CopyTo(buffer);
            return bytes.Length;
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
        {
            lock (_written)
            {
                _written.Add(string.Join(' ', data.ToArray().Select(value => $"{value:x2}")));
            }

            return _held is { } held ? new(held.Task) : ValueTask.CompletedTask;
        }

        public XenStoreException? FindFault() => null;

        public string Describe() => "played";

        public ValueTask DisposeAsync()
        {
            _arriving.Writer.TryComplete(new ObjectDisposedException("the transport"));
            return ValueTask.CompletedTask;
        }

        /// <param name="bytes">The bytes to read next; none for the end of the stream.</param>
        public void Arrive(byte[] bytes) => _arriving.Writer.TryWrite(bytes);

        public void HoldWrites() => _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void ReleaseWrites(Exception? failure = null)
        {
            TaskCompletionSource held = _held!;
            _held = null;
            if (failure is null)
            {
                held.SetResult();
            }
            else
            {
                held.SetException(failure);
            }
        }
    }
}
