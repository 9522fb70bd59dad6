using System.Collections.Concurrent;
using Xenlet.Net;

namespace Xenlet.Sockets.Tests;

/// <summary>One end of a cable between two stacks. It carries everything, and loses nothing, unless it is told to be full.</summary>
internal sealed class MemoryLink(byte number) : ILink
{
    private readonly ConcurrentQueue<byte[]> _inbox = new();
    private MemoryLink _peer = null!;
    private volatile bool _hasRoom = true;

    public MacAddress Address { get; } = new([2, 0, 0, 0, 0, number]);

    public int Mtu => 1500;

    public LinkOffloads Offloads => LinkOffloads.None;

    /// <summary>Has the stack's thread look, when a frame has arrived.</summary>
    public Action Wake { get; set; } = () => { };

    /// <summary>Whether it takes frames.</summary>
    public bool HasRoom
    {
        get => _hasRoom;
        set
        {
            _hasRoom = value;
            Wake();
        }
    }

    /// <summary>Makes a cable.</summary>
    public static (MemoryLink First, MemoryLink Second) MakePair()
    {
        MemoryLink first = new(1);
        MemoryLink second = new(2) { _peer = first };
        first._peer = second;
        return (first, second);
    }

    public bool TrySend(PacketBuffer frame)
    {
        if (!HasRoom)
        {
            return false;
        }

        _peer._inbox.Enqueue(frame.Data.ToArray());
        frame.Return();
        _peer.Wake();
        return true;
    }

    public PacketBuffer? TryReceive(PacketPool pool)
    {
        if (!_inbox.TryDequeue(out byte[]? frame))
        {
            return null;
        }

        PacketBuffer buffer = pool.Rent(frame.Length);
        frame.CopyTo(buffer.Append(frame.Length));
        return buffer;
    }

    public void SetMulticast(MacAddress group, bool isJoined)
    {
    }
}
