using System.Globalization;
using System.Runtime.CompilerServices;
using Xenlet.Kernel;
using Xenlet.XenStoreRing.Transport;

namespace Xenlet.XenStoreRing;

/// <summary>
/// A guest's connection to xenstored: the shared ring page and its event channel. Page and doorbell belong to the caller, who must keep
/// them until the transport has been disposed. After a suspend they are new, and so is the transport.
/// </summary>
/// <remarks>
/// Only the reader waits for the event channel. It takes replies off the ring before it tells a waiting writer that there is room, so that
/// server and client never wait for each other.
/// </remarks>
public sealed class XenStoreRingTransport : IXenStoreTransport
{
    /// <summary>
    /// How long the start waits for an event before it checks the page again: the event may arrive through a port that is not known yet.
    /// </summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    private readonly IRingSource? _source;
    private readonly Lock _lock = new();
    private readonly AsyncSignal _room = new();
    private IRingDoorbell _doorbell;
    private SharedRing _ring;
    private bool _wantsRoom;
    private bool _isDisposed;

    /// <summary>
    /// Uses <paramref name="page"/>, whose indexes may have any values, and <paramref name="doorbell"/>.
    /// </summary>
    public XenStoreRingTransport(IRingPage page, IRingDoorbell doorbell)
    {
        ArgumentNullException.ThrowIfNull(page);
        ArgumentNullException.ThrowIfNull(doorbell);
        _doorbell = doorbell;
        _ring = new(page.Address, RingSide.Client);
    }

    /// <summary>
    /// Uses the ring that <paramref name="source"/> has located, and the one that it locates once a late xenstored has started.
    /// </summary>
    public XenStoreRingTransport(IRingSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        _source = source;
        (_doorbell, _ring) = Find(source);
    }

    /// <inheritdoc/>
    public bool OutlivesClient => true;

    /// <inheritdoc/>
    public XenStoreServerFeatures ServerFeatures
    {
        get
        {
            lock (_lock)
            {
                return _isDisposed ? XenStoreServerFeatures.None : (XenStoreServerFeatures)_ring.Load(RingLayout.ServerFeatures);
            }
        }
    }

    /// <summary>
    /// Waits until the page's <c>connection</c> field says that a xenstored serves the ring, locates the ring again if that took waiting,
    /// and then discards replies meant for a predecessor.
    /// </summary>
    public async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        while (!IsServed())
        {
            do
            {
                await WaitForEventAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }
            while (!IsServed());

            // The page may be another one now, so it is checked again.
            FindAgain();
        }

        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            ThrowIfGivenUp();
            _ring.Attach();
            // A server that found the reply ring full may wait for this.
            _doorbell.Notify();
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int count = TryRead(buffer.Span);
        return count > 0 ? new(count) : WaitAndReadAsync(buffer, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        int count = TryWrite(data.Span);
        return count == data.Length ? ValueTask.CompletedTask : WriteRestAsync(data[count..], cancellationToken);
    }

    /// <summary>Checks the page's <c>error</c> and <c>connection</c> fields and the indexes.</summary>
    public XenStoreException? FindFault()
    {
        try
        {
            lock (_lock)
            {
                if (!_isDisposed)
                {
                    ThrowIfGivenUp();
                    _ring.CheckIndexes();
                }
            }

            return null;
        }
        catch (XenStoreException fault)
        {
            return fault;
        }
    }

    /// <inheritdoc/>
    public string Describe()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return "ring: disposed of";
            }

            uint requestProducer = _ring.Load(RingLayout.RequestProducer);
            uint requestConsumer = _ring.Load(RingLayout.RequestConsumer);
            uint replyProducer = _ring.Load(RingLayout.ReplyProducer);
            uint replyConsumer = _ring.Load(RingLayout.ReplyConsumer);
            return string.Create(CultureInfo.InvariantCulture,
                $"ring: xenstored has {requestProducer - requestConsumer} bytes of requests to read "
                + $"(req_prod 0x{requestProducer:x}, req_cons 0x{requestConsumer:x}), "
                + $"we have {replyProducer - replyConsumer} bytes of replies to read "
                + $"(rsp_prod 0x{replyProducer:x}, rsp_cons 0x{replyConsumer:x}), "
                + $"connection {_ring.Load(RingLayout.Connection)}, error {_ring.Load(RingLayout.Error)}, "
                + $"server_features 0x{_ring.Load(RingLayout.ServerFeatures):x}");
        }
    }

    /// <summary>
    /// Releases page and doorbell, which belong to the caller. A domain's ring cannot be closed. Neither is touched afterwards.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _isDisposed = true;
        }

        return ValueTask.CompletedTask;
    }

    private static (IRingDoorbell Doorbell, SharedRing Ring) Find(IRingSource source) =>
        (source.Doorbell, new(source.Page.Address, RingSide.Client));

    private void FindAgain()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_source is not null)
            {
                _source.FindAgain();
                (_doorbell, _ring) = Find(_source);
            }
        }
    }

    private async ValueTask WaitForEventAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource interval = new(PollInterval, EventLoop.Clock);
        using CancellationTokenSource look = CancellationTokenSource.CreateLinkedTokenSource(interval.Token, cancellationToken);
        try
        {
            await _doorbell.WaitAsync(look.Token).ConfigureAwait(EventLoop.IsCurrent);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Time to check the page.
        }
    }

    private bool IsServed()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _ring.Load(RingLayout.Connection) == 0;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> WaitAndReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            await _doorbell.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            int count = TryRead(buffer.Span);
            if (count > 0)
            {
                return count;
            }

            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_isDisposed, this);
                ThrowIfGivenUp();
            }
        }
    }

    private async ValueTask WriteRestAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        while (true)
        {
            Volatile.Write(ref _wantsRoom, true);
            // The server may have made room and notified before the line above.
            Interlocked.MemoryBarrier();
            data = data[TryWrite(data.Span)..];
            if (data.IsEmpty)
            {
                return;
            }

            await _room.WaitAsync(cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
        }
    }

    private int TryRead(Span<byte> buffer)
    {
        int count;
        bool room;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            count = _ring.Read(buffer, out bool notify);
            room = Volatile.Read(ref _wantsRoom) && _ring.Space > 0;
            if (notify)
            {
                _doorbell.Notify();
            }
        }

        if (room)
        {
            Volatile.Write(ref _wantsRoom, false);
            _room.Set();
        }

        return count;
    }

    private int TryWrite(ReadOnlySpan<byte> data)
    {
        int count;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            count = _ring.Write(data, out bool notify);
            if (notify)
            {
                _doorbell.Notify();
            }
        }

        return count;
    }

    private void ThrowIfGivenUp()
    {
        uint error = _ring.Load(RingLayout.Error);
        if (error != 0)
        {
            string name = error switch
            {
                1 => "XENSTORE_ERROR_COMM, communication with the event channel or page failed",
                2 => "XENSTORE_ERROR_RINGIDX, it found impossible ring indexes",
                3 => "XENSTORE_ERROR_PROTO, it was sent a message that the protocol does not allow",
                _ => "not a documented error",
            };
            throw new XenStoreException(XenStoreError.ConnectionClosed, string.Create(CultureInfo.InvariantCulture,
                $"xenstored has given up the ring: error {error} ({name})"));
        }

        uint connection = _ring.Load(RingLayout.Connection);
        if (connection != 0)
        {
            throw new XenStoreException(XenStoreError.ConnectionClosed, string.Create(CultureInfo.InvariantCulture,
                $"no xenstored serves the ring any more: its connection field has become {connection}"));
        }
    }
}
