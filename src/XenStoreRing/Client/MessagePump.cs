using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing.Client;

/// <summary>Carries whole messages over one transport, in both directions: one reader, and one write at a time.</summary>
/// <param name="transport">A transport that is open before <see cref="Start"/>. It is disposed with the pump.</param>
/// <param name="owner">Supplies and receives the messages.</param>
/// <param name="ownerLock">The owner's lock. It is held while the owner is called for a message, and never during a read or write.</param>
/// <param name="loop">The loop that the reader runs on, or <see langword="null"/> for the pool.</param>
internal sealed class MessagePump(IXenStoreTransport transport, IPumpOwner owner, Lock ownerLock, EventLoop? loop) : IAsyncDisposable
{
    /// <summary>The number of messages handled before other work may run: a flood must not keep the only processor busy.</summary>
    private const int MessagesPerTurn = 256;

    private readonly byte[] _message = new byte[XenStoreHeader.Size + XenStoreLimits.MaxPayload];
    private readonly XenStoreMessageBuffer _received = new();
    private CancellationTokenSource _stop = new();

    public IXenStoreTransport Transport => transport;

    /// <summary>The reader. It ends when it is stopped or the transport fails, and never faults.</summary>
    public Task Reader { get; private set; } = Task.CompletedTask;

    /// <summary>Whether a message is only partly written. Guarded by the lock.</summary>
    public bool IsWriting { get; private set; }

    /// <summary>The number of bytes read of an incomplete message.</summary>
    public int HeldBytes => _received.Count;

    /// <summary>Renews what <see cref="Stop"/> cancels, for the next reader. Called under the lock, while no reader runs.</summary>
    public void Prepare() => _stop = new();

    /// <summary>Starts the reader. Called without the lock.</summary>
    public void Start()
    {
        CancellationToken stop = _stop.Token;
        Reader = EventLoop.RunAsync(loop, () => ReadAllAsync(stop));
    }

    /// <summary>Cancels reading and writing wherever they wait.</summary>
    public void Stop() => _stop.Cancel();

    /// <summary>Stops reading and waits for that. No write may be in progress.</summary>
    public Task StopReadingAsync()
    {
        Stop();
        return Reader;
    }

    /// <summary>
    /// Sends the messages that may be sent. One caller at a time writes; others leave their messages to it. Called without the lock.
    /// </summary>
    public void Send()
    {
        while (true)
        {
            int length;
            CancellationToken stop;
            lock (ownerLock)
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
    /// After the reader has stopped, reads on to the end of the current message: whoever reads the transport next takes the first byte for
    /// a header's.
    /// </summary>
    /// <exception cref="OperationCanceledException">The bytes read so far are kept.</exception>
    /// <exception cref="XenStoreException">The transport has failed or ended.</exception>
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

    /// <summary>Disposes the transport, which ends its pending operations, and waits for the reader to end.</summary>
    public async ValueTask DisposeAsync()
    {
        await DisposeAsync(transport).ConfigureAwait(EventLoop.IsCurrent);
        await Reader.ConfigureAwait(EventLoop.IsCurrent);
    }

    /// <summary>Disposes a transport that may have failed. A second failure says nothing new and is ignored.</summary>
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

    /// <summary>Converts what a read or write threw to a failure of the connection.</summary>
    /// <param name="what">"reading from" or "writing to".</param>
    /// <param name="failure">The exception thrown.</param>
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
            // Whatever the exception: no waiter may be left without an answer.
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

        lock (ownerLock)
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
        lock (ownerLock)
        {
            IsWriting = false;
            owner.OnWritten(this);
        }
    }
}
