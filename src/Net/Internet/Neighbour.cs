using Xenlet.Net.Internet;

namespace Xenlet.Net;

/// <summary>A host of the same link.</summary>
public sealed class Neighbour
{
    /// <summary>
    /// Packets that wait for the hardware address: a datagram of a few fragments gets through (RFC 1122, section 2.3.2.2, demands one).
    /// </summary>
    private const int MostWaiting = 3;

    private readonly PacketBuffer?[] _waiting = new PacketBuffer?[MostWaiting];

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

    internal int WaitingCount { get; private set; }

    /// <summary>Lets a packet wait, and returns the oldest when there are too many.</summary>
    internal PacketBuffer? Enqueue(PacketBuffer packet)
    {
        packet.Settle();
        PacketBuffer? oldest = WaitingCount == MostWaiting ? Dequeue() : null;
        _waiting[WaitingCount++] = packet;
        return oldest;
    }

    /// <summary>The packet that has waited longest.</summary>
    internal PacketBuffer? Dequeue()
    {
        PacketBuffer? first = _waiting[0];
        if (first is not null)
        {
            WaitingCount--;
            Array.Copy(_waiting, 1, _waiting, 0, MostWaiting - 1);
            _waiting[MostWaiting - 1] = null;
        }

        return first;
    }

    public override string ToString() => $"{Address} {HardwareAddress} {State}";
}
