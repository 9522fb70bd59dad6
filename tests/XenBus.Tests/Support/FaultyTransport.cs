using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Tests;

/// <summary>The faults that a test plants in the guest's requests.</summary>
internal sealed class Faults
{
    private long _unanswered;

    /// <summary>Leaves a request without an answer.</summary>
    public const string NoAnswer = "";

    /// <summary>Carries out a request, and loses its answer.</summary>
    public const string AnswerLost = "lost";

    /// <summary>
    /// Given a request's type and path: the name of the error that answers it, <see cref="NoAnswer"/>, <see cref="AnswerLost"/>, or null
    /// for what xenstored says.
    /// </summary>
    public Func<XenStoreMessageType, string, string?>? Rule { get; set; }

    /// <summary>Requests that have got, or will get, no answer.</summary>
    public long Unanswered => Interlocked.Read(ref _unanswered);

    /// <summary>Makes one request fail with an error as long as <paramref name="isOn"/> says so.</summary>
    public void Fail(XenStoreMessageType type, string path, string error, Func<bool> isOn) =>
        Rule = (asked, at) => asked == type && at == path && isOn() ? error : null;

    internal void CountUnanswered() => Interlocked.Increment(ref _unanswered);
}

/// <summary>
/// The guest's transport, on which requests may fail or stay unanswered as a test's <see cref="Faults"/> say. Replies are passed on
/// whole.
/// </summary>
internal sealed class FaultyTransport(IXenStoreTransport inner, Faults faults) : IXenStoreTransport
{
    private const int HeaderLength = 16;
    private const uint ErrorType = 16;
    private readonly Channel<byte[]> _replies = Channel.CreateUnbounded<byte[]>();
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<uint, bool> _lost = new();
    private ReadOnlyMemory<byte> _rest;

    public bool OutlivesClient => inner.OutlivesClient;

    public XenStoreServerFeatures ServerFeatures => inner.ServerFeatures;

    public async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        await inner.OpenAsync(cancellationToken);
        _ = PumpAsync();
    }

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_rest.IsEmpty)
        {
            _rest = await _replies.Reader.ReadAsync(cancellationToken);
        }

        int count = Math.Min(buffer.Length, _rest.Length);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        return count;
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        // The client writes each message as a whole.
        ReadOnlySpan<byte> message = data.Span;
        string path = Encoding.ASCII.GetString(message[HeaderLength..]).Split('\0')[0];
        if (faults.Rule?.Invoke((XenStoreMessageType)BinaryPrimitives.ReadUInt32LittleEndian(message), path) is not { } error)
        {
            return inner.WriteAsync(data, cancellationToken);
        }

        if (error is Faults.AnswerLost or Faults.NoAnswer)
        {
            faults.CountUnanswered();
        }

        if (error == Faults.AnswerLost)
        {
            _lost[BinaryPrimitives.ReadUInt32LittleEndian(message[4..])] = true;
            return inner.WriteAsync(data, cancellationToken);
        }

        if (error != Faults.NoAnswer)
        {
            byte[] reply = [.. message[..HeaderLength], .. Encoding.ASCII.GetBytes(error), 0];
            BinaryPrimitives.WriteUInt32LittleEndian(reply, ErrorType);
            BinaryPrimitives.WriteUInt32LittleEndian(reply.AsSpan(12), (uint)(reply.Length - HeaderLength));
            _replies.Writer.TryWrite(reply);
        }

        return default;
    }

    public XenStoreException? FindFault() => inner.FindFault();

    public string Describe() => inner.Describe();

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await inner.DisposeAsync();
    }

    /// <summary>Takes messages off the ring one by one, so that an injected error never splits another message.</summary>
    private async Task PumpAsync()
    {
        try
        {
            byte[] header = new byte[HeaderLength];
            while (true)
            {
                await FillAsync(header);
                byte[] message = new byte[HeaderLength + (int)BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(12))];
                header.CopyTo(message, 0);
                await FillAsync(message.AsMemory(HeaderLength));
                if (!_lost.TryRemove(BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4)), out _))
                {
                    _replies.Writer.TryWrite(message);
                }
            }
        }
        catch (Exception error)
        {
            _replies.Writer.TryComplete(error is OperationCanceledException ? new IOException("the transport was disposed of") : error);
        }
    }

    private async Task FillAsync(Memory<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            buffer = buffer[await inner.ReadAsync(buffer, _end.Token)..];
        }
    }
}
