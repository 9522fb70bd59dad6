namespace Xenlet.Net.Tcp;

/// <summary>In the place of the user of a connection that needs its user's queues no more: it has nothing, and takes nothing.</summary>
internal sealed class NoUser : ITcpUser, ITcpSendQueue, ITcpReceiveQueue
{
    private NoUser()
    {
    }

    public static NoUser Instance { get; } = new();

    public ITcpSendQueue SendQueue => this;

    public ITcpReceiveQueue ReceiveQueue => this;

    public int Length => 0;

    public int Capacity => 0;

    public int Room => 0;

    public void CopyTo(int offset, Span<byte> destination) => throw new InvalidOperationException("all bytes were acknowledged");

    public void Release(int count)
    {
    }

    public bool TryWrite(int offset, ReadOnlySpan<byte> data) => false;

    public void Commit(int count)
    {
    }

    public void OnConnected()
    {
    }

    public void OnPeerFinished()
    {
    }

    public void OnEnded(TcpError error)
    {
    }
}
