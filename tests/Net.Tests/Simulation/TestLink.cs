namespace Xenlet.Net.Tests.Simulation;

/// <summary>A link of a wire.</summary>
internal sealed class TestLink(TestWire wire, MacAddress address) : ILink
{
    public MacAddress Address => address;

    public int Mtu { get; set; } = 1500;

    public LinkOffloads Offloads { get; set; }

    /// <summary>Whether it takes frames.</summary>
    public bool HasRoom { get; set; } = true;

    /// <summary>Frames that have arrived.</summary>
    public Queue<byte[]> Inbox { get; } = new();

    public HashSet<MacAddress> Groups { get; } = [];

    /// <summary>Frames that were too large for the link, or left to it what it does not do: lost.</summary>
    public int Unfit { get; private set; }

    /// <summary>What the last frames that were sent left to the device.</summary>
    public List<PacketOffload> SentOffloads { get; } = [];

    /// <summary>The pool to which sent buffers go back.</summary>
    public PacketPool? Pool { get; set; }

    /// <summary>What makes it fail.</summary>
    public TestFaults? Faults { get; set; }

    public bool TrySend(PacketBuffer frame)
    {
        Faults?.Step();
        if (!HasRoom)
        {
            return false;
        }

        LinkOffloads cuts = frame.Data[EthernetHeader.Size] >> 4 == 4 ? LinkOffloads.SegmentationIPv4 : LinkOffloads.SegmentationIPv6;
        bool isWhole = frame.Offload.SegmentSize == 0 || (Offloads & cuts) == 0;
        if (isWhole && frame.Length - EthernetHeader.Size > Mtu)
        {
            Unfit++;
            Pool?.Return(frame);
            return true;
        }

        SentOffloads.Add(frame.Offload);
        byte[] bytes = frame.Data.ToArray();
        if (frame.Offload.IsChecksumPartial)
        {
            InternetChecksum.TryFill(bytes);
        }

        Pool?.Return(frame);
        wire.Send(this, bytes);
        return true;
    }

    public PacketBuffer? TryReceive(PacketPool pool)
    {
        Faults?.Step();
        if (!Inbox.TryDequeue(out byte[]? frame))
        {
            return null;
        }

        PacketBuffer buffer = pool.Rent(frame.Length);
        frame.CopyTo(buffer.Append(frame.Length));
        return buffer;
    }

    public void SetMulticast(MacAddress group, bool isJoined)
    {
        if (isJoined)
        {
            Groups.Add(group);
        }
        else
        {
            Groups.Remove(group);
        }
    }
}
