using System.Net.Sockets;

namespace Xenlet.QemuXen.Base;

/// <summary>A listening socket to which QEMU connects when it starts, so that nothing is sent before somebody listens.</summary>
internal sealed class UnixListener : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>Starts to listen on a path that must not exist yet.</summary>
    public UnixListener(string path)
    {
        Path = path;
        try
        {
            _socket.Bind(new UnixDomainSocketEndPoint(path));
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new QemuXenException($"The path of the working directory is too long for a socket: {path}.", e);
        }

        _socket.Listen(1);
    }

    /// <summary>The socket's path.</summary>
    public string Path { get; }

    /// <summary>Waits for QEMU's connection.</summary>
    public async Task<Stream> AcceptAsync(CancellationToken cancellationToken) =>
        new NetworkStream(await _socket.AcceptAsync(cancellationToken), ownsSocket: true);

    /// <summary>Connects to a socket on which QEMU listens.</summary>
    public static async Task<Stream> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Stops listening. Existing connections stay open.</summary>
    public void Dispose() => _socket.Dispose();
}
