using System.Threading.Channels;

namespace Xenlet.XenBus;

/// <summary>
/// The events of a bus from the moment of <see cref="DeviceBus.Subscribe"/> on. Of a reader that is too slow, the oldest events are
/// dropped beyond <see cref="Capacity"/>.
/// </summary>
public sealed class XenBusEvents : IAsyncEnumerable<XenBusEvent>, IDisposable
{
    /// <summary>Events kept for the reader.</summary>
    public const int Capacity = 4096;

    private readonly Channel<XenBusEvent> _channel = Channel.CreateBounded<XenBusEvent>(
        new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest });

    private readonly Action<XenBusEvents> _disposed;

    internal XenBusEvents(Action<XenBusEvents> disposed) => _disposed = disposed;

    /// <summary>Takes the next event if there is one, without waiting.</summary>
    public bool TryRead([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out XenBusEvent? next) => _channel.Reader.TryRead(out next);

    /// <summary>Gives the events as they come, until the stream or the bus is disposed of.</summary>
    public IAsyncEnumerator<XenBusEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        _channel.Reader.ReadAllAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);

    /// <summary>Ends the stream.</summary>
    public void Dispose()
    {
        _disposed(this);
        End();
    }

    internal void Add(XenBusEvent happened) => _channel.Writer.TryWrite(happened);

    internal void End() => _channel.Writer.TryComplete();
}
