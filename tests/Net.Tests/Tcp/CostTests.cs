using System.Reflection;
using System.Runtime.CompilerServices;
using Xenlet.Net.Internet;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>What a segment costs, and a connection.</summary>
public sealed class CostTests
{
    private const int Chunk = 60_000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_segment_makes_no_garbage(bool isSegmenting)
    {
        (SimulatedTime time, Loop left, Loop right, SimulatedUser client, SimulatedUser accepted) = Connect(isSegmenting);
        for (int i = 0; i < 20; i++)
        {
            Transfer(client, accepted, left, right, time);
        }

        long segments = left.Sent + right.Sent;
        long least = Garbage.Least(() =>
        {
            for (int i = 0; i < 50; i++)
            {
                Transfer(client, accepted, left, right, time);
            }
        });

        Assert.Equal(0, least);
        Assert.True(left.Sent + right.Sent - segments >= 100, "hardly anything was sent");
    }

    [Fact]
    public void A_connection_of_which_nothing_is_under_way_holds_no_object_of_its_own()
    {
        (SimulatedTime time, Loop left, Loop right, SimulatedUser client, SimulatedUser accepted) = Connect(isSegmenting: false);
        for (int i = 0; i < 3; i++)
        {
            Transfer(client, accepted, left, right, time, 100);
            Transfer(accepted, client, left, right, time, 100);
        }

        Assert.True(left.Timers.Count + right.Timers.Count > 0, "no timer has had anything to do");
        time.GoTo(time.Now + (60 * SimulatedTime.Second));
        left.Timers.Run(time.Now);
        right.Timers.Run(time.Now);
        Assert.Equal((0, 0), (left.Timers.Count, right.Timers.Count));
        Assert.Equal(["<Binding>k__BackingField", "<Settings>k__BackingField", "_flight", "_user"], Held(client.Connection!));
        Assert.Equal(Held(client.Connection!), Held(accepted.Connection!));
        Assert.Same(TcpFlight.None, FieldOf("_flight").GetValue(client.Connection));
        Assert.Same(TcpFlight.None, FieldOf("_flight").GetValue(accepted.Connection));

        client.Write(100);
        Assert.Equal(1, left.Timers.Count);
        client.Connection!.Abort();
        Assert.Equal(0, left.Timers.Count);
    }

    [Fact]
    public void A_connection_has_at_most_296_bytes()
    {
        object? made = null;
        Assert.InRange(Garbage.Least(() => made = RuntimeHelpers.GetUninitializedObject(typeof(TcpConnection))), 1, 296);
        Assert.NotNull(made);
    }

    private static FieldInfo FieldOf(string name) => typeof(TcpConnection).GetField(name, BindingFlags.Instance | BindingFlags.NonPublic)!;

    /// <summary>The names of a connection's fields that refer to something.</summary>
    private static IEnumerable<string> Held(TcpConnection connection) => typeof(TcpConnection)
        .GetFields(BindingFlags.Instance | BindingFlags.NonPublic)
        .Where(field => !field.FieldType.IsValueType && field.GetValue(connection) is not null)
        .Select(field => field.Name)
        .Order(StringComparer.Ordinal);

    private static (SimulatedTime Time, Loop Left, Loop Right, SimulatedUser Client, SimulatedUser Accepted) Connect(bool isSegmenting)
    {
        SimulatedTime time = new();
        Loop left = new(time, 1, isSegmenting);
        Loop right = new(time, 2, isSegmenting);
        (left.To, right.To) = (right, left);
        SimulatedServer server = new(Chunk, 2 * Chunk);
        right.Tcp.Bind(new Endpoint(right.Address, 80), false, false, false, out TcpBinding? binding);
        right.Tcp.Listen(binding!, server, new TcpSettings(), 16, out _);
        SimulatedUser client = new(Chunk, 2 * Chunk);
        Assert.Equal(TcpError.None, left.Tcp.Connect(new Endpoint(right.Address, 80), client, null, null, out TcpConnection? connection));
        client.Connection = connection;
        Exchange(left, right);
        return (time, left, right, client, server.Accepted[0]);
    }

    private static void Transfer(SimulatedUser from, SimulatedUser to, Loop left, Loop right, SimulatedTime time, int length = Chunk)
    {
        from.Write(length);
        while (from.Length > 0)
        {
            time.GoTo(time.Now + SimulatedTime.Millisecond);
            Exchange(left, right);
            to.Read(Chunk);
            left.Timers.Run(time.Now);
            right.Timers.Run(time.Now);
        }
    }

    private static void Exchange(Loop left, Loop right)
    {
        while (left.Deliver() || right.Deliver())
        {
        }
    }

    /// <summary>A host whose packets reach the other one without a copy.</summary>
    private sealed class Loop : IInternetOutput
    {
        private readonly Queue<PacketBuffer> _arrived = new(256);
        private readonly bool _isSegmenting;

        public Loop(SimulatedTime time, int number, bool isSegmenting)
        {
            _isSegmenting = isSegmenting;
            Address = InternetAddress.FromIPv4(0x0A00_0000u + (uint)number);
            Tcp = new TcpLayer(this, time, Timers, new SeededRandom(number));
        }

        public Loop? To { get; set; }

        public InternetAddress Address { get; }

        public StackTimers Timers { get; } = new();

        public PacketPool Pool { get; } = new();

        public TcpLayer Tcp { get; }

        public int Sent { get; private set; }

        public bool TrySelectSource(InternetAddress remote, int interfaceIndex, out InternetAddress local)
        {
            local = Address;
            return true;
        }

        public int PathMtu(InternetAddress remote, int interfaceIndex) => 1_500;

        public bool CanSegment(InternetAddress remote, int interfaceIndex) => _isSegmenting;

        public void ConfirmReachable(InternetAddress remote, int interfaceIndex)
        {
        }

        public void Doubt(InternetAddress remote, int interfaceIndex)
        {
        }

        public InternetSendResult Send(PacketBuffer packet, in InternetHeader header)
        {
            Sent++;
            PacketBuffer copy = To!.Pool.Rent(packet.Length);
            packet.Data.CopyTo(copy.Append(packet.Length));
            copy.Offload = packet.Offload;
            Pool.Return(packet);
            To._arrived.Enqueue(copy);
            return InternetSendResult.Sent;
        }

        public bool Deliver()
        {
            if (!_arrived.TryDequeue(out PacketBuffer? packet))
            {
                return false;
            }

            Tcp.Receive(packet, new InternetHeader(To!.Address, Address, TcpHeader.Protocol, 64, 0, false));
            return true;
        }
    }
}
