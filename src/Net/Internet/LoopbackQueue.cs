namespace Xenlet.Net.Internet;

/// <summary>
/// Packets from this stack to itself. They wait until the stack comes round to them, so that no transport is called while it sends.
/// </summary>
internal sealed class LoopbackQueue(InternetLayer layer)
{
    /// <summary>How many bytes wait at most, by the size of the buffers.</summary>
    private const int MostBytes = 4 << 20;

    private readonly Queue<(PacketBuffer Packet, InternetHeader Header)> _packets = new();
    private int _bytes;
    private bool _isStarved;

    /// <summary>The loopback interface's counters.</summary>
    public InterfaceStatistics Statistics { get; } = new();

    public bool IsEmpty => _packets.Count == 0;

    /// <summary>Whether a packet finds room, however large. Whoever is answered no is told when there is some.</summary>
    public bool HasRoom()
    {
        bool hasRoom = _bytes + PacketBuffer.LargestPacket <= MostBytes;
        _isStarved |= !hasRoom;
        return hasRoom;
    }

    /// <summary>Queues a packet whose IP header lies before its data. Takes the buffer over.</summary>
    public InternetSendResult Send(PacketBuffer packet, in InternetHeader header)
    {
        if (_bytes + packet.Capacity > MostBytes)
        {
            _isStarved = true;
            Statistics.TxDropped++;
            layer.Pool.Return(packet);
            return InternetSendResult.NoRoom;
        }

        packet.Settle();
        _bytes += packet.Capacity;
        _packets.Enqueue((packet, header));
        Statistics.TxPackets++;
        Statistics.TxBytes += packet.Length + packet.InternetHeaderLength;
        return InternetSendResult.Sent;
    }

    /// <summary>Delivers the next packet; false without one.</summary>
    public bool TryDeliver()
    {
        if (!_packets.TryDequeue(out (PacketBuffer Packet, InternetHeader Header) next))
        {
            return false;
        }

        _bytes -= next.Packet.Capacity;
        Statistics.RxPackets++;
        Statistics.RxBytes += next.Packet.Length + next.Packet.InternetHeaderLength;
        layer.StatisticsOf(next.Header.Source.IsIPv4).InReceives++;
        layer.Input.Deliver(next.Packet, next.Header, null);
        return true;
    }

    /// <summary>Whether somebody was refused, and there is room again; asking takes the answer.</summary>
    public bool HasRoomAgain()
    {
        bool hasRoomAgain = _isStarved && _bytes <= MostBytes / 2;
        _isStarved &= !hasRoomAgain;
        return hasRoomAgain;
    }
}
