using Xenlet.Net.Internet;

namespace Xenlet.Net;

/// <summary>A host of the same link.</summary>
public sealed class Neighbour
{
    private Queue<PacketBuffer>? _waiting;

    internal Neighbour(NeighbourCache cache, InternetAddress address)
    {
        Address = address;
        Timer = new StackTimer(() => cache.OnTimer(this));
    }

    /// <summary>Its address.</summary>
    public InternetAddress Address { get; }

    /// <summary>Its hardware address, unless the state is <see cref="NeighbourState.Incomplete"/> or failed.</summary>
    public MacAddress HardwareAddress { get; internal set; }

    /// <summary>What is known of it.</summary>
    public NeighbourState State { get; internal set; }

    /// <summary>Whether it has said that it is a router.</summary>
    public bool IsRouter { get; internal set; }

    internal StackTimer Timer { get; }

    /// <summary>How often it was asked in this state.</summary>
    internal int Probes { get; set; }

    /// <summary>When a packet was last sent to it.</summary>
    internal long UsedAt { get; set; }

    /// <summary>The memory of the packets that wait for the hardware address, in bytes.</summary>
    internal int WaitingBytes { get; private set; }

    /// <summary>Lets a packet wait.</summary>
    internal void Enqueue(PacketBuffer packet)
    {
        packet.Settle();
        (_waiting ??= new()).Enqueue(packet);
        WaitingBytes += packet.Size;
    }

    /// <summary>The packet that has waited longest.</summary>
    internal PacketBuffer? Dequeue()
    {
        if (_waiting is null || !_waiting.TryDequeue(out PacketBuffer? first))
        {
            return null;
        }

        WaitingBytes -= first.Size;
        return first;
    }

    public override string ToString() => $"{Address} {HardwareAddress} {State}";
}
