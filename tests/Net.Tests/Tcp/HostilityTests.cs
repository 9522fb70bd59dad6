using Xenlet.Net.Internet;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>Peers that mean harm: bounded memory, and the others are served.</summary>
public sealed class HostilityTests
{
    private const int Port = SimulatedNetwork.Port;

    [Fact]
    public void Under_a_flood_of_SYNs_memory_is_bounded_and_cookies_open_connections_with_all_options()
    {
        SimulatedNetwork network = new(7);
        SimulatedServer server = new(100_000, 1_000_000);
        network.Listen(server, backlog: 32);
        Flood(network, 5_000);
        Assert.Equal(32, network.Listener!.SynCount);
        Assert.Equal(5_000 - 32, network.Right.Tcp.Counters.SynCookiesSent);

        SimulatedUser client = new(100_000, 1_000_000);
        network.Connect(client);
        Assert.True(network.RunUntil(() => client.IsConnected && server.Accepted.Count == 1, SimulatedTime.Second));
        Assert.Equal(1, network.Right.Tcp.Counters.SynCookiesReceived);
        Assert.Equal(99_000, client.Write(99_000));
        Assert.True(network.RunUntil(() => server.Accepted[0].Received == 99_000, 10 * SimulatedTime.Second));
        Assert.Equal(1_448, server.Accepted[0].Connection!.GetInfo().SegmentSize);
        Assert.True(server.Accepted[0].Connection!.GetInfo().SendWindow > 500_000, "the peer's window scale was lost");
        Assert.True(TellsOfGaps(network, network.Left, client, server.Accepted[0]), "we cannot tell of a gap");
        Assert.True(TellsOfGaps(network, network.Right, server.Accepted[0], client), "the peer cannot tell of a gap");

        client.Connection!.Close();
        server.Accepted[0].Connection!.Close();
        network.AssertNothingIsLeft();
    }

    [Fact]
    public void A_guessed_cookie_opens_nothing()
    {
        SimulatedNetwork network = new(8);
        SimulatedServer server = new(1_000, 1_000);
        network.Listen(server);
        Random random = new(8);
        for (int i = 0; i < 20_000; i++)
        {
            Inject(network.Right, random, network.Left.Address, (ushort)random.Next(1, 65_536), TcpFlags.Ack, default);
        }

        Assert.Empty(server.Accepted);
        Assert.Empty(network.Right.Tcp.Connections);
    }

    [Fact]
    public void A_cookie_is_good_for_two_minutes_and_for_its_flow_alone()
    {
        SimulatedTime time = new();
        SynCookies cookies = new(new KeyedHash(new SeededRandom(1)), time);
        Endpoint one = new(InternetAddress.FromIPv4(1), 1);
        Endpoint two = new(InternetAddress.FromIPv4(2), 2);
        Flow flow = new(one, two);
        SequenceNumber remote = new(77);
        SequenceNumber cookie = cookies.Make(flow, remote, 1_400);

        Assert.True(cookies.TryRead(flow, remote, cookie, out ushort size));
        Assert.Equal(1_360, size);
        Assert.False(cookies.TryRead(flow, remote + 1, cookie, out _));
        Assert.False(cookies.TryRead(flow, remote, cookie + 1, out _));
        Assert.False(cookies.TryRead(new Flow(two, one), remote, cookie, out _));
        time.GoTo(time.Now + (64 * SimulatedTime.Second));
        Assert.True(cookies.TryRead(flow, remote, cookie, out _));
        time.GoTo(time.Now + (64 * SimulatedTime.Second));
        Assert.False(cookies.TryRead(flow, remote, cookie, out _));
    }

    [Fact]
    public void While_nobody_accepts_SYNs_are_dropped_and_served_later()
    {
        SimulatedNetwork network = new(9);
        SimulatedServer server = new(1_000, 1_000) { Limit = 1 };
        network.Listen(server);
        SimulatedUser first = new(1_000, 1_000);
        SimulatedUser second = new(1_000, 1_000);
        network.Connect(first);
        network.Run(SimulatedTime.Second / 2);
        network.Connect(second);
        network.Run(SimulatedTime.Second / 2);
        Assert.True(first.IsConnected);
        Assert.False(second.IsConnected);

        server.Limit = 2;
        Assert.True(network.RunUntil(() => second.IsConnected, 10 * SimulatedTime.Second));
        Array.ForEach([first, second, .. server.Accepted], user => user.Connection!.Close());
        network.AssertNothingIsLeft();
    }

    [Fact]
    public void A_peer_whose_connection_found_no_room_is_reset_when_the_listener_closes()
    {
        SimulatedNetwork network = new(10);
        SimulatedServer server = new(1_000, 1_000) { Limit = 1 };
        network.Listen(server);
        SimulatedUser user = new(1_000, 1_000);
        network.Connect(user);
        Assert.True(network.RunUntil(() => network.Listener!.SynCount == 1, SimulatedTime.Second));

        // As while the socket is being closed: the peer is connected, and only waits.
        server.Limit = 0;
        Assert.True(network.RunUntil(() => user.IsConnected, SimulatedTime.Second));
        network.Run(SimulatedTime.Second / 5);
        Assert.Empty(server.Accepted);
        network.Right.Tcp.Close(network.Listener!);
        network.Run(SimulatedTime.Second / 5);

        Assert.Equal(TcpError.Reset, user.Error);
        network.AssertNothingIsLeft();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_sequence_of_random_segments_harms_more_than_its_connection(int seed)
    {
        // The segments lie near what the connection expects, so that all of its code is reached.
        SimulatedNetwork network = new(seed);
        SimulatedServer server = new(30_000, 30_000) { Limit = int.MaxValue };
        network.Listen(server);
        Random random = new(seed);
        for (int round = 0; round < 40; round++)
        {
            SimulatedUser client = new(30_000, 30_000);
            network.Connect(client);
            Assert.True(network.RunUntil(() => server.Accepted.Count > round, SimulatedTime.Second));
            SimulatedUser served = server.Accepted[^1];
            network.Left.Link!.Filter = _ => false;
            network.Right.Link!.Filter = bytes => Answer(network.Time, network.Right, random, bytes, served);
            served.Write(random.Next(30_000));
            for (int i = 0; i < 200 && !served.HasEnded; i++)
            {
                network.Run(random.NextInt64(SimulatedTime.Second / 10));
                if (random.Next(20) == 0 && !served.HasEnded)
                {
                    served.Connection!.FinishSending();
                }
            }

            client.Connection!.Abort();
            served.Connection!.Abort();
            network.Left.Link.Filter = network.Right.Link.Filter = null;
        }

        Assert.Equal(0, network.Right.Tcp.Counters.Faults);
        network.AssertNothingIsLeft();
    }

    [Fact]
    public void Sequence_numbers_of_one_flow_go_up_and_say_nothing_of_another_flow()
    {
        SimulatedNetwork network = new(10);
        TcpLayer tcp = network.Right.Tcp;
        HashSet<uint> low = [];
        for (ushort port = 1; port <= 1_000; port++)
        {
            Flow flow = new(new Endpoint(network.Right.Address, Port), new Endpoint(network.Left.Address, port));
            low.Add(tcp.InitialSequence(flow, null).Value);
        }

        Assert.Equal(1_000, low.Count);
        Flow same = new(new Endpoint(network.Right.Address, Port), new Endpoint(network.Left.Address, 1));
        SequenceNumber before = tcp.InitialSequence(same, null);
        network.Run(SimulatedTime.Second);
        Assert.Equal(250_000, tcp.InitialSequence(same, null) - before);
    }

    [Fact]
    public void A_fault_of_the_stack_ends_the_connection_that_it_served_and_no_other()
    {
        SimulatedNetwork network = new(11);
        SimulatedServer server = new(1_000, 1_000);
        network.Listen(server);
        SimulatedUser one = new(1_000, 1_000);
        SimulatedUser other = new(1_000, 1_000);
        network.Connect(one);
        network.Connect(other);
        Assert.True(network.RunUntil(() => server.Accepted.Count == 2, SimulatedTime.Second));
        server.Accepted[0].Arrived = () => throw new InvalidOperationException("planted");
        one.Write(10);
        other.Write(10);
        network.Run(SimulatedTime.Second);

        Assert.Equal(1, network.Right.Tcp.Counters.Faults);
        Assert.Equal(TcpError.Reset, server.Accepted[0].Error);
        Assert.Equal(TcpError.Reset, one.Error);
        Assert.Equal(10, server.Accepted[1].Received);
        Assert.False(other.HasEnded);
    }

    /// <summary>Loses a segment of one host, and sees whether the other tells by SACK what it has behind the gap.</summary>
    private static bool TellsOfGaps(SimulatedNetwork network, SimulatedHost from, SimulatedUser sender, SimulatedUser receiver)
    {
        bool hasLost = false;
        bool isTold = false;
        SimulatedHost to = from == network.Left ? network.Right : network.Left;
        from.Link!.Filter = bytes =>
        {
            bool isLost = !hasLost && bytes.Length > 1_000;
            hasLost |= isLost;
            return !isLost;
        };
        to.Link!.Filter = bytes =>
        {
            Assert.True(TcpHeader.TryRead(bytes, out TcpHeader header));
            isTold |= TcpOptions.Read(bytes.AsSpan(TcpHeader.FixedSize..header.HeaderSize)).SackCount > 0;
            return true;
        };
        long end = receiver.Received + sender.Write(20_000);
        Assert.True(network.RunUntil(() => receiver.Received == end, 10 * SimulatedTime.Second));
        from.Link.Filter = to.Link.Filter = null;
        return isTold;
    }

    private static void Flood(SimulatedNetwork network, int count)
    {
        Random random = new(5);
        network.Right.Link!.Filter = _ => false;
        for (int i = 0; i < count; i++)
        {
            TcpOptions options = new() { MaximumSegmentSize = 1_460 };
            InternetAddress from = InternetAddress.FromIPv4((uint)random.Next(0x0B00_0000, 0x0C00_0000));
            Inject(network.Right, random, from, (ushort)random.Next(1, 65_536), TcpFlags.Syn, options);
        }

        network.Right.Link.Filter = null;
    }

    private static void Inject(
        SimulatedHost host, Random random, InternetAddress from, ushort port, TcpFlags flags, in TcpOptions options)
    {
        byte[] bytes = new byte[TcpHeader.FixedSize + options.Size];
        new TcpHeader(
            port, Port, new SequenceNumber((uint)random.Next()), new SequenceNumber((uint)random.Next()), flags, 1_000, 0, bytes.Length)
            .Write(bytes);
        options.Write(bytes.AsSpan(TcpHeader.FixedSize));
        Deliver(host, from, bytes);
    }

    private static void Deliver(SimulatedHost host, InternetAddress from, byte[] bytes)
    {
        PacketBuffer packet = host.Pool.Rent(bytes.Length);
        bytes.CopyTo(packet.Append(bytes.Length));
        packet.Offload = new PacketOffload(false, true, 0);
        host.Tcp.Receive(packet, new InternetHeader(from, host.Address, TcpHeader.Protocol, 64, 0, false));
    }

    /// <summary>
    /// Answers what the host sends with a segment at random around it; the data is that of the stream, so that it may be taken.
    /// </summary>
    private static bool Answer(SimulatedTime time, SimulatedHost host, Random random, byte[] sent, SimulatedUser user)
    {
        Assert.True(TcpHeader.TryRead(sent, out TcpHeader header));
        if (user.HasEnded || (header.Flags & TcpFlags.Rst) != 0 || header.DestinationPort != user.Connection!.Flow.Remote.Port)
        {
            return false;
        }

        int ahead = random.Next(3) == 0 ? random.Next(-3_000, 3_000) : 0;
        int length = random.Next(2) * random.Next(2_000);
        long position = user.Received + ahead;
        if (position < 0)
        {
            ahead = 0;
            position = user.Received;
        }

        TcpOptions options = TcpOptions.Read(sent.AsSpan(TcpHeader.FixedSize..header.HeaderSize));
        (options.TimestampValue, options.TimestampEcho) = (
            options.TimestampEcho + (uint)random.Next(2), options.TimestampValue - (uint)random.Next(2));
        TcpOptions answer = new()
        {
            HasTimestamps = options.HasTimestamps,
            TimestampValue = options.TimestampValue,
            TimestampEcho = options.TimestampEcho,
        };
        for (int i = random.Next(3); i > 0; i--)
        {
            SequenceNumber start = header.Sequence + random.Next(-5_000, 5_000);
            answer.AddSack(new SackBlock(start, start + random.Next(-10, 3_000)));
        }

        TcpFlags flags = TcpFlags.Ack;
        flags |= random.Next(200) switch
        {
            0 => TcpFlags.Fin,
            1 => TcpFlags.Syn,
            2 => TcpFlags.Rst,
            3 => TcpFlags.Urg,
            _ => 0,
        };
        int size = TcpHeader.FixedSize + answer.Size;
        byte[] bytes = new byte[size + length];
        int acknowledged = random.Next(4) == 0 ? random.Next(-3_000, 3_000) : sent.Length - header.HeaderSize;
        SequenceNumber acknowledgment = header.Sequence + acknowledged;
        new TcpHeader(
            header.DestinationPort, header.SourcePort, header.Acknowledgment + ahead, acknowledgment, flags,
            (ushort)(random.Next(8) == 0 ? 0 : random.Next(65_536)), 0, size).Write(bytes);
        answer.Write(bytes.AsSpan(TcpHeader.FixedSize));
        Pattern.Fill(position, bytes.AsSpan(size));
        InternetAddress from = user.Connection.Flow.Remote.Address;
        time.After(random.NextInt64(SimulatedTime.Second / 5), () => Deliver(host, from, bytes));
        return false;
    }
}
