using Xenlet.Net.Tests.Simulation;

namespace Xenlet.Net.Tests.Udp;

/// <summary>What a packet costs the collector: nothing.</summary>
public sealed class GarbageTests
{
    [Theory]
    [InlineData("10.0.0.1", "10.0.0.2", 1_000)]
    [InlineData("10.0.0.1", "10.0.0.2", 20_000)]
    [InlineData("fd00::1", "fd00::2", 1_000)]
    [InlineData("127.0.0.1", "127.0.0.1", 1_000)]
    public void A_datagram_makes_no_garbage(string ours, string theirs, int length)
    {
        TestClock clock = new();
        IpStack[] stacks = [Create(clock, 1), Create(clock, 2)];
        DirectLink[] links = [new(stacks[0].Pool, 1), new(stacks[1].Pool, 2)];
        (links[0].Peer, links[1].Peer) = (links[1], links[0]);
        for (int i = 0; i < 2; i++)
        {
            IpInterface at = stacks[i].AddInterface("eth0", links[i]);
            stacks[i].AddAddress(at, TestNetwork.Parse($"10.0.0.{i + 1}"), 24);
            stacks[i].AddAddress(at, TestNetwork.Parse($"fd00::{i + 1}"), 64);
        }

        bool isLocal = ours == theirs;
        Counter counter = new();
        UdpEndpoint receiver = stacks[isLocal ? 0 : 1].CreateUdpEndpoint(counter, isIPv6: true);
        receiver.Bind(new Endpoint(InternetAddress.AnyIPv6, 53));
        UdpEndpoint sender = stacks[0].CreateUdpEndpoint(new Counter(), isIPv6: true);
        Endpoint target = new(TestNetwork.Parse(theirs), 53);
        byte[] data = new byte[length];
        Exchange(200);

        long least = Garbage.Least(() => Exchange(200));

        Assert.True(counter.Count >= 390, $"{counter.Count} datagrams arrived");
        Assert.True(least == 0, $"200 datagrams made {least} bytes of garbage");

        void Exchange(int count)
        {
            for (int i = 0; i < count; i++)
            {
                sender.Send(data, target);
                stacks[0].Run();
                stacks[1].Run();
                stacks[0].Run();
            }
        }
    }

    private static IpStack Create(TestClock clock, int seed) => new(clock, new TestRandom(seed), TestNetwork.Unprobed);

    private sealed class Counter : IUdpUser
    {
        public int Count { get; private set; }

        public bool TryReceive(in UdpOrigin origin, ReadOnlySpan<byte> data)
        {
            Count++;
            return true;
        }

        public void OnError(NetworkError reason)
        {
        }

        public void OnWritable()
        {
        }
    }

    /// <summary>A link that copies frames into the other stack's buffers.</summary>
    private sealed class DirectLink(PacketPool pool, byte number) : ILink
    {
        private readonly Queue<PacketBuffer> _inbox = new();

        public DirectLink? Peer { get; set; }

        public MacAddress Address { get; } = new([2, 0, 0, 0, 0, number]);

        public int Mtu => 1_500;

        public LinkOffloads Offloads => LinkOffloads.None;

        public bool TrySend(PacketBuffer frame)
        {
            Peer!.Deliver(frame.Data);
            pool.Return(frame);
            return true;
        }

        public PacketBuffer? TryReceive(PacketPool into) => _inbox.TryDequeue(out PacketBuffer? frame) ? frame : null;

        public void SetMulticast(MacAddress group, bool isJoined)
        {
        }

        private void Deliver(ReadOnlySpan<byte> frame)
        {
            PacketBuffer buffer = pool.Rent(frame.Length);
            frame.CopyTo(buffer.Append(frame.Length));
            _inbox.Enqueue(buffer);
        }
    }
}
