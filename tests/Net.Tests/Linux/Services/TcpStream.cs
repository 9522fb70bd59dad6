using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Linux.Services;

/// <summary>One end of a connection, which takes data as it comes and sends what it is given.</summary>
internal abstract class TcpStream : ITcpUser, ITcpSendQueue, ITcpReceiveQueue
{
    public const int ReceiveCapacity = 256 * 1024;

    private readonly byte[] _early = new byte[ReceiveCapacity];
    private byte[] _unsent = new byte[4096];
    private int _sendStart;
    private int _sendEnd;
    private int _receiveStart;

    public TcpConnection? Connection { get; set; }

    public ITcpSendQueue SendQueue => this;

    public ITcpReceiveQueue ReceiveQueue => this;

    /// <summary>Whether the connection has ended, and how.</summary>
    public TcpError? Ended { get; private set; }

    int ITcpSendQueue.Length => _sendEnd - _sendStart;

    int ITcpReceiveQueue.Capacity => ReceiveCapacity;

    int ITcpReceiveQueue.Room => ReceiveCapacity;

    public virtual void OnConnected()
    {
    }

    public virtual void OnPeerFinished() => Connection!.Close();

    public void OnEnded(TcpError error) => Ended = error;

    void IPacketPayload.CopyTo(int offset, Span<byte> destination) =>
        _unsent.AsSpan(_sendStart + offset, destination.Length).CopyTo(destination);

    void ITcpSendQueue.Release(int count)
    {
        _sendStart += count;
        OnSent(count);
    }

    bool ITcpReceiveQueue.TryWrite(int offset, ReadOnlySpan<byte> data)
    {
        int place = (_receiveStart + offset) % ReceiveCapacity;
        int first = Math.Min(data.Length, ReceiveCapacity - place);
        data[..first].CopyTo(_early.AsSpan(place));
        data[first..].CopyTo(_early);
        return true;
    }

    void ITcpReceiveQueue.Commit(int count)
    {
        int first = Math.Min(count, ReceiveCapacity - _receiveStart);
        int place = _receiveStart;
        _receiveStart = (_receiveStart + count) % ReceiveCapacity;
        OnData(_early.AsSpan(place, first));
        if (count > first)
        {
            OnData(_early.AsSpan(0, count - first));
        }
    }

    /// <summary>Takes the next bytes of the peer.</summary>
    protected abstract void OnData(ReadOnlySpan<byte> data);

    /// <summary>The peer has acknowledged so many bytes.</summary>
    protected virtual void OnSent(int count)
    {
    }

    /// <summary>Sends bytes behind all that were given before.</summary>
    protected void Send(ReadOnlySpan<byte> data)
    {
        int waiting = _sendEnd - _sendStart;
        if (_sendEnd + data.Length > _unsent.Length)
        {
            byte[] moved = waiting + data.Length > _unsent.Length / 2 ? new byte[2 * (waiting + data.Length)] : _unsent;
            _unsent.AsSpan(_sendStart, waiting).CopyTo(moved);
            (_unsent, _sendStart, _sendEnd) = (moved, 0, waiting);
        }

        data.CopyTo(_unsent.AsSpan(_sendEnd));
        _sendEnd += data.Length;
        Connection!.OnWritten();
    }
}
