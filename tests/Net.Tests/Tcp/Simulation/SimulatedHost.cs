using System.Net;
using Xenlet.Net.Internet;
using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp.Simulation;

/// <summary>A host of a simulation: TCP of ours over a simulated internet layer.</summary>
internal sealed class SimulatedHost : IInternetOutput
{
    private readonly SimulatedTime _time;
    private readonly Queue<(byte[] Bytes, InternetHeader Header, int SegmentSize)> _door = new();
    private readonly Dictionary<InternetAddress, int> _pathMtus = [];
    private long _refusesUntil;

    public SimulatedHost(SimulatedTime time, string address, int seed, TcpFeatures features = TcpFeatures.All)
    {
        _time = time;
        Address = InternetAddress.From(IPAddress.Parse(address));
        Tcp = new TcpLayer(this, time, Timers, new SeededRandom(seed)) { Features = features };
    }

    public InternetAddress Address { get; }

    public StackTimers Timers { get; } = new();

    public PacketPool Pool { get; } = new();

    public TcpLayer Tcp { get; }

    /// <summary>Where packets go.</summary>
    public SimulatedLink? Link { get; set; }

    public int Mtu { get; set; } = 1_500;

    public bool Segments { get; set; }

    /// <summary>Whether packets that have come together are received as a batch.</summary>
    public bool Batches { get; set; }

    /// <summary>The IP header of the last packet sent.</summary>
    public InternetHeader LastHeader { get; private set; }

    /// <summary>Until when the host stands still: packets wait at the door, timers do not run.</summary>
    public long PausedUntil { get; private set; }

    /// <summary>Packets find no room on the link for a while.</summary>
    public void Refuse(long duration)
    {
        _refusesUntil = Math.Max(_refusesUntil, _time.Now + duration);
        _time.After(duration, () =>
        {
            if (_time.Now >= _refusesUntil)
            {
                Tcp.OnRoom();
            }
        });
    }

    /// <summary>What every send answers, when it is not null.</summary>
    public InternetSendResult? Answers { get; set; }

    /// <summary>How often TCP has told that a peer does not answer.</summary>
    public int Doubts { get; private set; }

    /// <summary>When the host has something to do by itself.</summary>
    public long NextDue => Timers.NextDue == long.MaxValue ? long.MaxValue : Math.Max(Timers.NextDue, PausedUntil);

    public bool TrySelectSource(InternetAddress remote, int interfaceIndex, out InternetAddress local)
    {
        local = Address;
        return true;
    }

    public int PathMtu(InternetAddress remote, int interfaceIndex = 0) => Math.Min(Mtu, _pathMtus.GetValueOrDefault(remote, int.MaxValue));

    public bool CanSegment(InternetAddress remote, int interfaceIndex) => Segments;

    public void ConfirmReachable(InternetAddress remote, int interfaceIndex)
    {
    }

    public void Doubt(InternetAddress remote, int interfaceIndex) => Doubts++;

    public InternetSendResult Send(PacketBuffer packet, in InternetHeader header)
    {
        LastHeader = header;
        try
        {
            if (_time.Now < _refusesUntil)
            {
                return InternetSendResult.NoRoom;
            }

            if (Answers is InternetSendResult answer)
            {
                return answer;
            }

            if (packet.Offload.SegmentSize == 0 && packet.Length + (Address.IsIPv4 ? 20 : 40) > PathMtu(header.Destination))
            {
                return InternetSendResult.TooLarge;
            }

            Link!.Send(packet, header);
            return InternetSendResult.Sent;
        }
        finally
        {
            Pool.Return(packet);
        }
    }

    /// <summary>A packet has come to the door.</summary>
    public void Arrive(byte[] bytes, in InternetHeader header, int segmentSize)
    {
        _door.Enqueue((bytes, header, segmentSize));
        if (Batches)
        {
            _time.After(0, TakeArrived);
        }
        else if (_time.Now >= PausedUntil)
        {
            TakeArrived();
        }
    }

    public void LearnMtu(InternetAddress remote, int mtu)
    {
        _pathMtus[remote] = mtu;
        Tcp.OnMtuChanged(remote);
    }

    /// <summary>Stands still; what has arrived is taken before any timer runs.</summary>
    public void Pause(long duration)
    {
        PausedUntil = Math.Max(PausedUntil, _time.Now + duration);
        _time.After(duration, TakeArrived);
    }

    public void RunTimers()
    {
        if (_time.Now >= PausedUntil)
        {
            Timers.Run(_time.Now);
        }
    }

    private void TakeArrived()
    {
        if (Batches)
        {
            Tcp.BeginBatch();
        }

        while (_time.Now >= PausedUntil && _door.TryDequeue(out (byte[] Bytes, InternetHeader Header, int SegmentSize) packet))
        {
            PacketBuffer buffer = Pool.Rent(packet.Bytes.Length);
            packet.Bytes.CopyTo(buffer.Append(packet.Bytes.Length));
            buffer.Offload = new PacketOffload(false, false, packet.SegmentSize);
            Tcp.Receive(buffer, packet.Header);
        }

        if (Batches)
        {
            Tcp.EndBatch();
        }
    }
}
