using System.Collections.Concurrent;
using Xenlet.Net;

namespace Xenlet.Sockets.Tests;

/// <summary>One end of a cable between two stacks. It carries everything, unless a test has it lose frames, or be full.</summary>
internal sealed class MemoryLink(byte number) : ILink
{
    private readonly ConcurrentQueue<byte[]> _inbox = new();
    private MemoryLink _peer = null!;
    private volatile bool _hasRoom = true;

    /// <summary>Called with the name of a member before the stack's call does anything: where tests plant faults.</summary>
    public Action<string>? Before { get; set; }

    /// <summary>Called with each frame that is sent.</summary>
    public Action<byte[]> Sent { get; set; } = _ => { };

    public MacAddress Address
    {
        get
        {
            Before?.Invoke(nameof(Address));
            return field;
        }
    } = new([2, 0, 0, 0, 0, number]);

    public int Mtu => 1500;

    public LinkOffloads Offloads => LinkOffloads.None;

    /// <summary>Whether a frame that is sent here arrives; asked by the stack's thread.</summary>
    public Func<bool> Passes { get; set; } = () => true;

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
        Before?.Invoke(nameof(TrySend));
        if (!HasRoom)
        {
            return false;
        }

        byte[] bytes = frame.Data.ToArray();
        Sent(bytes);
        if (Passes())
        {
            _peer._inbox.Enqueue(bytes);
            _peer.Wake();
        }

        frame.Return();
        return true;
    }

    public PacketBuffer? TryReceive(PacketPool pool)
    {
        Before?.Invoke(nameof(TryReceive));
        if (!_inbox.TryDequeue(out byte[]? frame))
        {
            return null;
        }

        PacketBuffer buffer = pool.Rent(frame.Length);
        frame.CopyTo(buffer.Append(frame.Length));
        return buffer;
    }

    public void Flush() => Before?.Invoke(nameof(Flush));

    public bool TryRest()
    {
        Before?.Invoke(nameof(TryRest));
        return _inbox.IsEmpty;
    }

    public void SetMulticast(MacAddress group, bool isJoined)
    {
    }
}
