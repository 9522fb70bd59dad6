using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>Carries whole messages over one transport, in both directions: one reader, and one write at a time.</summary>
/// <param name="transport">A transport that is open before <see cref="Start"/>. It is disposed of with the pump.</param>
/// <param name="owner">Gives and takes the messages.</param>
/// <param name="gate">The owner's, and held while it is called for a message; never while a read or write is under way.</param>
/// <param name="loop">Where the reader runs, or <see langword="null"/> for the pool.</param>
internal sealed class MessagePump(IXenStoreTransport transport, IPumpOwner owner, Lock gate, EventLoop? loop) : IAsyncDisposable
{
    /// <summary>Messages handled without letting other work run: a flood must not keep the only processor.</summary>
    private const int MessagesPerTurn = 256;

    private readonly byte[] _message = new byte[XenStoreHeader.Size + XenStoreLimits.MaxPayload];
    private readonly XenStoreMessageBuffer _received = new();
    private CancellationTokenSource _stop = new();

    public IXenStoreTransport Transport => transport;

    /// <summary>The reader: ends when it was stopped or the transport has failed; never faults.</summary>
    public Task Reader { get; private set; } = Task.CompletedTask;

    /// <summary>Whether a message is not yet wholly written. Guarded by the gate.</summary>
    public bool IsWriting { get; private set; }

    /// <summary>Bytes that were read of a message whose rest has not come.</summary>
    public int HeldBytes => _received.Count;

    /// <summary>Makes <see cref="Stop"/> one for the reader that is to be started. Called under the gate, while no reader runs.</summary>
    public void Prepare() => _stop = new();

    /// <summary>Starts the reader. Called without the gate.</summary>
    public void Start()
    {
        CancellationToken stop = _stop.Token;
        Reader = EventLoop.RunAsync(loop, () => ReadAllAsync(stop));
    }

    /// <summary>Ends reading and writing, wherever they wait.</summary>
    public void Stop() => _stop.Cancel();

    /// <summary>Ends reading and waits for that. Nothing may be being written.</summary>
    public Task StopReadingAsync()
    {
        Stop();
        return Reader;
    }

    /// <summary>
    /// Sends what may be sent. One caller at a time writes, the others leave their messages to it. Called without the gate.
    /// </summary>
    public void Send()
    {
        while (true)
        {
            int length;
            CancellationToken stop;
            lock (gate)
            {
                length = IsWriting ? 0 : owner.TakeNext(this, _message);
                if (length == 0)
                {
                    return;
                }

                IsWriting = true;
                stop = _stop.Token;
            }

            try
            {
                ValueTask write = transport.WriteAsync(_message.AsMemory(0, length), stop);
                if (!write.IsCompletedSuccessfully)
                {
                    _ = FinishWriteAsync(write);
                    return;
                }

                write.GetAwaiter().GetResult();
            }
            catch (Exception failure)
            {
                owner.Lose(this, Failure("writing to", failure));
                return;
            }

            WriteFinished();
        }
    }

    /// <summary>
    /// Reads on, once the reader has stopped, until no message is cut: whoever reads the transport next takes the first byte for a
    /// header's.
    /// </summary>
    /// <exception cref="OperationCanceledException">What was read of the message is kept.</exception>
    /// <exception cref="XenStoreException">The transport has failed, or ended.</exception>
    public async ValueTask FinishMessageAsync(CancellationToken cancellationToken)
    {
        while (_received.Count > 0)
        {
            Keep(await transport.ReadAsync(_received.GetFree(), cancellationToken).ConfigureAwait(EventLoop.IsCurrent));
            while (TakeMessage())
            {
            }
        }
    }

    /// <summary>Disposes of the transport, which ends what waits for it, and waits for the reader's end.</summary>
    public async ValueTask DisposeAsync()
    {
        await DisposeAsync(transport).ConfigureAwait(EventLoop.IsCurrent);
        await Reader.ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Disposes of a transport that may have failed: that it fails once more says nothing new.</summary>
    public static async ValueTask DisposeAsync(IXenStoreTransport transport)
    {
        try
        {
            await transport.DisposeAsync().ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or OperationCanceledException)
        {
        }
    }

    /// <summary>What a read or write has thrown, as a failure of the connection.</summary>
    /// <param name="what">"reading from" or "writing to".</param>
    /// <param name="failure">What was thrown.</param>
    public static XenStoreException Failure(string what, Exception failure) =>
        failure as XenStoreException ?? new(XenStoreError.ConnectionClosed, $"{what} xenstored failed: {failure.Message}", failure);

    private async Task ReadAllAsync(CancellationToken cancellationToken)
    {
        try
        {
            int turn = 0;
            while (true)
            {
                Keep(await transport.ReadAsync(_received.GetFree(), cancellationToken).ConfigureAwait(EventLoop.IsCurrent));
                while (TakeMessage())
                {
                    turn++;
                }

                if (cancellationToken.IsCancellationRequested)
                {
                    return;
                }

                owner.SendQueued();
                if (turn >= MessagesPerTurn)
                {
                    turn = 0;
                    await Task.Yield();
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        catch (Exception failure)
        {
            // Whatever it was: no waiter may be left without an answer.
            owner.Lose(this, Failure("reading from", failure));
        }
    }

    private void Keep(int count)
    {
        _received.Advance(count);
        if (count == 0)
        {
            string cut = _received.Count == 0
                ? "" : string.Create(CultureInfo.InvariantCulture, $" after {_received.Count} bytes of a message");
            throw new XenStoreException(XenStoreError.ConnectionClosed, $"xenstored closed the connection{cut}");
        }
    }

    private bool TakeMessage()
    {
        if (!_received.TryTake(out XenStoreHeader header, out ReadOnlySpan<byte> body))
        {
            return false;
        }

        lock (gate)
        {
            return owner.OnMessage(this, header, body);
        }
    }

    private async Task FinishWriteAsync(ValueTask write)
    {
        try
        {
            await write.ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (Exception failure)
        {
            owner.Lose(this, Failure("writing to", failure));
            return;
        }

        WriteFinished();
        owner.SendQueued();
    }

    private void WriteFinished()
    {
        lock (gate)
        {
            IsWriting = false;
            owner.OnWritten(this);
        }
    }
}
