using Xenlet.Net;

namespace Xenlet.Bench;

/// <summary>
/// One end of a cable between two stacks of a process. A frame is copied once, from the one stack's buffer to the other's.
/// </summary>
internal sealed class MemoryLink : ILink
{
    private const int Most = 256;

    private readonly Queue<PacketBuffer> _arriving = new();
    private MemoryLink _other = null!;

    private MemoryLink(byte last) => Address = new([2, 0, 0, 0, 0, last]);

    public MacAddress Address { get; }

    public int Mtu => 1500;

    public LinkOffloads Offloads => LinkOffloads.None;

    public static (MemoryLink One, MemoryLink Other) CreatePair()
    {
        MemoryLink one = new(1);
        MemoryLink other = new(2);
        (one._other, other._other) = (other, one);
        return (one, other);
    }

    public bool TrySend(PacketBuffer frame)
    {
        if (_other._arriving.Count == Most)
        {
            return false;
        }

        _other._arriving.Enqueue(frame);
        return true;
    }

    public PacketBuffer? TryReceive(PacketPool pool)
    {
        if (!_arriving.TryDequeue(out PacketBuffer? frame))
        {
            return null;
        }

        PacketBuffer copy = pool.Rent(frame.Length);
        frame.Data.CopyTo(copy.Append(frame.Length));
        frame.Return();
        return copy;
    }

    public void SetMulticast(MacAddress group, bool isJoined)
    {
    }
}
