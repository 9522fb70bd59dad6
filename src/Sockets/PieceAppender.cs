using Xenlet.Kernel.Sockets;
using Xenlet.Net;
using Xenlet.Net.Tcp;

namespace Xenlet.Sockets;

/// <summary>Has the kernel copy received data to a socket from where a device has delivered it.</summary>
internal sealed class PieceAppender(ISocketHost host) : IPieceReceiver
{
    private SocketHandle _socket;
    private int _released;
    private int _room;

    /// <summary>As <see cref="ISocketHost.Append(SocketHandle, ReadOnlySpan{byte}, int)"/>.</summary>
    public int Append(SocketHandle socket, SegmentData data, int released)
    {
        _socket = socket;
        _released = released;
        _ = data.Lend(this);
        return _room;
    }

    bool IPieceReceiver.TryReceive(ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        _room = host.Append(_socket, pieces, _released);
        return _room >= 0;
    }
}
