using System.Buffers.Binary;
using Xenlet.Net.Internet;
using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp.Simulation;

/// <summary>One direction of a path: what it does to packets, by a seed.</summary>
internal sealed class SimulatedLink(SimulatedTime time, int seed, SimulatedHost from)
{
    private readonly Random _random = new(seed);
    private long _freeAt;
    private long _lastArrival;
    private int _synsLost;

    public SimulatedHost? To { get; set; }

    /// <summary>From one end to the other, in nanoseconds.</summary>
    public long Delay { get; set; } = 10 * SimulatedTime.Millisecond;

    /// <summary>Bytes a second; 0 for no limit.</summary>
    public long Bandwidth { get; set; }

    /// <summary>For how long a packet may wait for the link, in nanoseconds; longer and it is dropped.</summary>
    public long QueueLimit { get; set; } = 100 * SimulatedTime.Millisecond;

    public double Loss { get; set; }

    public double Duplication { get; set; }

    public double Reordering { get; set; }

    public double Corruption { get; set; }

    public int Mtu { get; set; } = 1_500;

    /// <summary>Whether the sender is told that a packet was too large.</summary>
    public bool TellsMtu { get; set; } = true;

    /// <summary>Whether packets of many segments travel whole, as between two guests.</summary>
    public bool KeepsSuperSegments { get; set; }

    /// <summary>Sees each packet that is sent, and says whether it goes on.</summary>
    public Func<byte[], bool>? Filter { get; set; }

    public int Packets { get; private set; }

    /// <summary>Takes a packet, which the sender keeps.</summary>
    public void Send(PacketBuffer packet, in InternetHeader header)
    {
        byte[] bytes = packet.Data.ToArray();
        int size = packet.Offload.SegmentSize;
        if (size == 0 || KeepsSuperSegments)
        {
            Complete(bytes, header);
            SendWhole(bytes, header, size);
            return;
        }

        TcpHeader.TryRead(bytes, out TcpHeader tcp);
        for (int offset = tcp.HeaderSize; offset < bytes.Length; offset += size)
        {
            int length = Math.Min(size, bytes.Length - offset);
            bool isLast = offset + length == bytes.Length;
            byte[] segment = new byte[tcp.HeaderSize + length];
            bytes.AsSpan(0, tcp.HeaderSize).CopyTo(segment);
            bytes.AsSpan(offset, length).CopyTo(segment.AsSpan(tcp.HeaderSize));
            (tcp with
            {
                Sequence = tcp.Sequence + (offset - tcp.HeaderSize),
                Flags = isLast ? tcp.Flags : tcp.Flags & ~(TcpFlags.Fin | TcpFlags.Psh),
            }).Write(segment);
            Complete(segment, header);
            SendWhole(segment, header, 0);
        }
    }

    private static void Complete(byte[] segment, in InternetHeader header)
    {
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(TcpHeader.ChecksumOffset), 0);
        ushort pseudo = TcpChecksum.OfPseudoHeader(header.Source, header.Destination, segment.Length);
        BinaryPrimitives.WriteUInt16BigEndian(
            segment.AsSpan(TcpHeader.ChecksumOffset), InternetChecksum.Of(InternetChecksum.Add(segment, pseudo)));
    }

    private bool Happens(double probability) => probability > 0 && _random.NextDouble() < probability;

    private void SendWhole(byte[] bytes, InternetHeader header, int segmentSize)
    {
        Packets++;
        if (Filter is not null && !Filter(bytes))
        {
            return;
        }

        if (segmentSize == 0 && bytes.Length + (header.Source.IsIPv4 ? 20 : 40) > Mtu)
        {
            if (TellsMtu)
            {
                int mtu = Mtu;
                InternetAddress remote = header.Destination;
                time.After(Delay, () => from.LearnMtu(remote, mtu));
            }

            return;
        }

        // Were all of its SYNs lost, a connection would not begin, which is no fault.
        bool isSyn = (bytes[13] & (byte)TcpFlags.Syn) != 0;
        if (Happens(Loss) && !(isSyn && _synsLost++ > 2))
        {
            return;
        }

        long start = Math.Max(time.Now, _freeAt);
        if (Bandwidth > 0)
        {
            if (start - time.Now > QueueLimit)
            {
                return;
            }

            _freeAt = start + ((bytes.Length + 20) * SimulatedTime.Second / Bandwidth);
            start = _freeAt;
        }

        long arrival = start + Delay;
        if (Happens(Reordering))
        {
            arrival += _random.NextInt64(Delay + SimulatedTime.Millisecond);
        }
        else
        {
            arrival = Math.Max(arrival, _lastArrival);
            _lastArrival = arrival;
        }

        if (Happens(Corruption))
        {
            bytes[_random.Next(bytes.Length)] ^= (byte)(1 << _random.Next(8));
        }

        time.After(arrival - time.Now, () => To!.Arrive(bytes, header, segmentSize));
        if (Happens(Duplication))
        {
            time.After(arrival - time.Now + _random.NextInt64(Delay + 1), () => To!.Arrive(bytes, header, segmentSize));
        }
    }
}
