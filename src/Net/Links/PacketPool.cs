using Xenlet.Net.Base;

namespace Xenlet.Net;

/// <summary>Packet buffers of two sizes, used again and again, so that a packet makes no garbage. For one thread.</summary>
public sealed class PacketPool
{
    private const int SmallCapacity = 2_048 - PacketBuffer.Headroom;

    private readonly ObjectPool<PacketBuffer> _small = new(int.MaxValue);
    private readonly ObjectPool<PacketBuffer> _large = new(int.MaxValue);

    /// <summary>How many buffers are rented and not returned.</summary>
    public int Rented { get; private set; }

    /// <summary>An empty buffer for at least <paramref name="capacity"/> bytes behind the headroom.</summary>
    public PacketBuffer Rent(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, PacketBuffer.LargestPacket);
        Rented++;
        bool isSmall = capacity <= SmallCapacity;
        return (isSmall ? _small : _large).TryTake(out PacketBuffer? buffer)
            ? buffer
            : new PacketBuffer(isSmall ? SmallCapacity : PacketBuffer.LargestPacket, this);
    }

    /// <summary>Gives a buffer back. Its data is gone.</summary>
    public void Return(PacketBuffer buffer)
    {
        buffer.Clear();
        Rented--;
        (buffer.Capacity == SmallCapacity ? _small : _large).Return(buffer);
    }
}
