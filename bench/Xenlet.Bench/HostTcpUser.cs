using Xenlet.Net;
using Xenlet.Net.Tcp;

namespace Xenlet.Bench;

/// <summary>A program at one end of a connection of <see cref="HostTcp"/>, with rings as a socket has them.</summary>
internal sealed class HostTcpUser : ITcpUser, ITcpSendQueue, ITcpReceiveQueue
{
    /// <summary>Bytes of a ring, a power of two.</summary>
    private const int Size = 1 << 18;

    private const int Piece = 65536;

    private readonly byte[] _ring = new byte[Size];
    private readonly byte[] _program = new byte[Piece];
    private long _head;
    private long _tail;

    public TcpConnection? Connection { get; set; }

    /// <summary>Bytes that the program has yet to write.</summary>
    public long Left { get; set; }

    /// <summary>Bytes that the program has read.</summary>
    public long Read { get; private set; }

    ITcpSendQueue ITcpUser.SendQueue => this;

    ITcpReceiveQueue ITcpUser.ReceiveQueue => this;

    int ITcpSendQueue.Length => (int)(_tail - _head);

    int ITcpReceiveQueue.Capacity => Size;

    int ITcpReceiveQueue.Room => Size - (int)(_tail - _head);

    /// <summary>The program writes what there is room for.</summary>
    public void Fill()
    {
        int count = (int)Math.Min(Math.Min(Left, Piece), Size - (_tail - _head));
        if (count < Math.Min(Left, Piece) || count == 0)
        {
            return;
        }

        CopyIn(_tail, _program.AsSpan(0, count));
        _tail += count;
        Left -= count;
        Connection?.OnWritten();
    }

    /// <summary>The program reads what has come.</summary>
    public void Drain()
    {
        while (_head < _tail)
        {
            int count = (int)Math.Min(_tail - _head, Piece);
            CopyOut(_head, _program.AsSpan(0, count));
            _head += count;
            Read += count;
            Connection?.OnConsumed();
        }
    }

    void IPacketPayload.CopyTo(int offset, Span<byte> destination) => CopyOut(_head + offset, destination);

    void ITcpSendQueue.Release(int count) => _head += count;

    bool ITcpReceiveQueue.TryWrite(int offset, ReadOnlySpan<byte> data)
    {
        CopyIn(_tail + offset, data);
        return true;
    }

    void ITcpReceiveQueue.Commit(int count) => _tail += count;

    void ITcpUser.OnConnected()
    {
    }

    void ITcpUser.OnPeerFinished()
    {
    }

    void ITcpUser.OnEnded(TcpError error)
    {
    }

    private void CopyIn(long position, ReadOnlySpan<byte> data)
    {
        int start = (int)(position % Size);
        int part = Math.Min(data.Length, Size - start);
        data[..part].CopyTo(_ring.AsSpan(start));
        data[part..].CopyTo(_ring);
    }

    private void CopyOut(long position, Span<byte> destination)
    {
        int start = (int)(position % Size);
        int part = Math.Min(destination.Length, Size - start);
        _ring.AsSpan(start, part).CopyTo(destination);
        _ring.AsSpan(0, destination.Length - part).CopyTo(destination[part..]);
    }
}
