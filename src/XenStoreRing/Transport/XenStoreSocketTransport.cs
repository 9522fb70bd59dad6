using System.Net.Sockets;
using Xenlet.Kernel;

namespace Xenlet.XenStoreRing;

/// <summary>A connection to a xenstored on the same machine (in dom0) over its Unix socket.</summary>
public sealed class XenStoreSocketTransport : IXenStoreTransport
{
    private readonly string _path;
    private readonly Socket _socket;
    private SocketReader? _reader;
    private int _disposed;

    /// <summary>
    /// Creates a transport that will connect to the socket at <paramref name="path"/>, usually <c>/run/xenstored/socket</c>.
    /// </summary>
    public XenStoreSocketTransport(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = path;
        _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    }

    /// <summary>Uses a connected socket, which the transport then owns.</summary>
    public XenStoreSocketTransport(Socket connected)
    {
        ArgumentNullException.ThrowIfNull(connected);
        _path = "a socket given as connected";
        _socket = connected;
    }

    /// <inheritdoc/>
    public bool OutlivesClient => false;

    /// <inheritdoc/>
    public XenStoreServerFeatures ServerFeatures => XenStoreServerFeatures.None;

    /// <inheritdoc/>
    public async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!_socket.Connected)
            {
                await _socket.ConnectAsync(new UnixDomainSocketEndPoint(_path), cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            }

            _socket.Blocking = false;
            _reader = new(_socket);
        }
        catch (SocketException failure)
        {
            throw new XenStoreException(XenStoreError.ConnectionClosed, $"connecting to {_path} failed: {failure.Message}", failure);
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        _reader!.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        while (!data.IsEmpty)
        {
            data = data[await _socket.SendAsync(data, SocketFlags.None, cancellationToken).ConfigureAwait(EventLoop.IsCurrent)..];
        }
    }

    /// <inheritdoc/>
    public XenStoreException? FindFault() => null;

    /// <inheritdoc/>
    public string Describe() => $"socket {_path}, {(_socket.Connected ? "connected" : "not connected")}";

    /// <summary>Closes the socket.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _socket.Dispose();
            _reader?.Dispose();
        }

        return ValueTask.CompletedTask;
    }
}
