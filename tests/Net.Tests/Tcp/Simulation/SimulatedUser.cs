using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp.Simulation;

/// <summary>A socket of a simulation: it sends a stream of known bytes, and checks each byte that it receives.</summary>
internal sealed class SimulatedUser(int sendCapacity, int receiveCapacity) : ITcpUser, ITcpSendQueue, ITcpReceiveQueue
{
    private readonly byte[] _ring = new byte[receiveCapacity];
    private long _released;

    public TcpConnection? Connection { get; set; }

    public ITcpSendQueue SendQueue => this;

    public ITcpReceiveQueue ReceiveQueue => this;

    /// <summary>Bytes written so far.</summary>
    public long Written { get; private set; }

    /// <summary>Bytes that came whole and in order.</summary>
    public long Received { get; private set; }

    /// <summary>Bytes that the user has taken of them.</summary>
    public long Consumed { get; private set; }

    public bool IsConnected { get; private set; }

    public bool HasPeerFinished { get; private set; }

    public bool HasEnded { get; private set; }

    public TcpError Error { get; private set; }

    /// <summary>The place in the received stream of the byte that was last marked as urgent; -1 before there was one.</summary>
    public long Mark { get; private set; } = -1;

    /// <summary>Whether that byte has come.</summary>
    public bool HasUrgentByte { get; private set; }

    /// <summary>How many writes find no memory from now on.</summary>
    public int Refusals { get; set; }

    public Action? Connected { get; set; }

    public Action? Arrived { get; set; }

    public Action? Released { get; set; }

    public Action? PeerFinished { get; set; }

    public int SendRoom => sendCapacity - Length;

    public int Length => (int)(Written - _released);

    public int Capacity => receiveCapacity;

    public int Room => receiveCapacity - (int)(Received - Consumed);

    public void CopyTo(int offset, Span<byte> destination)
    {
        Demand(offset >= 0 && offset + destination.Length <= Length, "bytes were asked for that were never written");
        Pattern.Fill(_released + offset, destination);
    }

    public void Release(int count)
    {
        Demand(count >= 0 && count <= Length, "more was released than was written");
        _released += count;
        Released?.Invoke();
    }

    public bool TryWrite(int offset, ReadOnlySpan<byte> data)
    {
        Demand(offset >= 0 && offset + data.Length <= Room, "data came beyond the room");
        if (Refusals > 0)
        {
            Refusals--;
            return false;
        }

        for (int i = 0; i < data.Length;)
        {
            int place = (int)((Received + offset + i) % receiveCapacity);
            int count = Math.Min(data.Length - i, receiveCapacity - place);
            data.Slice(i, count).CopyTo(_ring.AsSpan(place));
            i += count;
        }

        return true;
    }

    public void Commit(int count)
    {
        Demand(!HasPeerFinished, "data came behind the end");
        Demand(count >= 1 && count <= Room, "more was committed than fits");
        int place = (int)(Received % receiveCapacity);
        int first = Math.Min(count, receiveCapacity - place);
        Check(Received, _ring.AsSpan(place, first));
        Check(Received + first, _ring.AsSpan(0, count - first));
        Received += count;
        Arrived?.Invoke();
    }

    public void MarkUrgent(int offset, int value)
    {
        Demand(offset >= 0, "a mark came before what was received");
        Mark = Received + offset;
        HasUrgentByte = value >= 0;
        if (HasUrgentByte)
        {
            Check(Mark, [(byte)value]);
        }
    }

    /// <summary>Writes urgent data.</summary>
    public int WriteUrgent(int count)
    {
        count = Math.Min(count, SendRoom);
        Written += count;
        Connection!.OnUrgentWritten(Length);
        Connection!.OnWritten();
        return count;
    }

    /// <summary>Writes as many bytes as fit, and says how many.</summary>
    public int Write(int count)
    {
        count = Math.Min(count, SendRoom);
        Written += count;
        if (count > 0)
        {
            Connection!.OnWritten();
        }

        return count;
    }

    /// <summary>Takes as many bytes as there are, and says how many.</summary>
    public int Read(int count)
    {
        count = (int)Math.Min(count, Received - Consumed);
        Consumed += count;
        if (count > 0)
        {
            Connection!.OnConsumed();
        }

        return count;
    }

    public void OnConnected()
    {
        Assert.False(IsConnected, "told of the connection twice");
        IsConnected = true;
        Connected?.Invoke();
    }

    public void OnPeerFinished()
    {
        Assert.False(HasPeerFinished, "told of the end twice");
        HasPeerFinished = true;
        PeerFinished?.Invoke();
    }

    public void OnEnded(TcpError error)
    {
        Assert.False(HasEnded, "ended twice");
        HasEnded = true;
        Error = error;
    }

    private static void Check(long position, ReadOnlySpan<byte> bytes)
    {
        int difference = Pattern.FirstDifference(position, bytes);
        if (difference >= 0)
        {
            Assert.Fail($"byte {position + difference} of the stream is another one than was sent");
        }
    }

    /// <summary>An assertion that makes no garbage, which a test counts.</summary>
    private static void Demand(bool isSo, string otherwise)
    {
        if (!isSo)
        {
            Assert.Fail(otherwise);
        }
    }
}
