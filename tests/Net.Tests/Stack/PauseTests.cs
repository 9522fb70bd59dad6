using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tests.Tcp.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Stack;

/// <summary>Connections of a host that stands for a while: it gets no processor, or it is saved and restored, perhaps elsewhere.</summary>
public sealed class PauseTests
{
    private const int Size = 2_000_000;

    private readonly TestNetwork _network = new();
    private readonly TestHost _host;
    private readonly TestHost _peer;

    public PauseTests()
    {
        _host = _network.AddHost("10.0.0.1/24 fd00::1/64");
        _peer = _network.AddHost("10.0.0.2/24 fd00::2/64");
        _host.Link.Offloads = All;
    }

    private static LinkOffloads All => LinkOffloads.ChecksumIPv4 | LinkOffloads.ChecksumIPv6 | LinkOffloads.SegmentationIPv4
        | LinkOffloads.SegmentationIPv6;

    [Theory]
    [InlineData("10.0.0.2", 0.3, true, 1_500, true)]
    [InlineData("10.0.0.2", 0.3, false, 1_500, true)]
    [InlineData("10.0.0.2", 60, true, 1_500, false)]
    [InlineData("10.0.0.2", 60, true, 1_300, true)]
    [InlineData("10.0.0.2", 60, true, 1_300, false)]
    [InlineData("10.0.0.2", 60, false, 1_500, true)]
    [InlineData("fd00::2", 5, true, 1_400, false)]
    [InlineData("fd00::2", 60, true, 9_000, true)]
    public void Transfers_both_ways_and_an_idle_connection_live_through_a_minute(
        string address, double pause, bool isSaved, int mtu, bool segments)
    {
        (SimulatedUser client, SimulatedUser server, SimulatedUser idle, SimulatedUser idleThere) = Connect(address);

        // In the midst of it, and with packets that wait for the link.
        Transfer(client, server, Size / 3);
        Assert.InRange(client.Received, 1, Size - 1);
        _host.Link.HasRoom = false;
        client.Write(client.SendRoom);
        _network.Advance(TimeSpan.FromMilliseconds(1));
        _host.Link.HasRoom = true;
        Pause(pause, isSaved, mtu, segments);

        Transfer(client, server, Size);
        Assert.Equal((Size, Size), (client.Received, server.Received));
        Assert.Equal(3, idle.Write(3));
        _network.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(3, idleThere.Received);
        Assert.All([client, server, idle, idleThere], user => Assert.False(user.HasEnded, $"a connection has ended: {user.Error}"));
        Assert.Equal(0, _host.Link.Unfit);
    }

    [Theory]
    [InlineData(600, true)]
    [InlineData(600, false)]
    [InlineData(7_200, true)]
    [InlineData(7_200, false)]
    [InlineData(86_400 * 30, true)]
    public void After_a_longer_pause_a_transfer_goes_on_or_ends_with_an_error(int pause, bool isSaved)
    {
        (SimulatedUser client, SimulatedUser server, SimulatedUser _, SimulatedUser _) = Connect("10.0.0.2");
        Transfer(client, server, Size / 3);

        Pause(pause, isSaved, 1_500, segments: true);

        Transfer(client, server, Size);
        _network.Advance(TimeSpan.FromMinutes(30));
        Assert.All([client, server], user => Assert.True(
            user.Received == Size || (user.HasEnded && user.Error is TcpError.TimedOut or TcpError.Reset or TcpError.HostUnreachable),
            $"a connection hangs after {user.Received} bytes, or has ended with {user.Error}"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_connection_of_a_lease_that_may_have_run_out_sends_nothing_until_the_server_answers(bool isGranted)
    {
        TestDhcpServer dhcp = new(_network.AddHost("10.0.0.3/24")) { LeaseTime = 50 };
        TestHost host = _network.AddHost();
        host.Stack.StartDhcp(host.Interface);
        _network.Advance(TimeSpan.FromSeconds(2));
        StackListener listener = new(_peer.Stack, 80);
        SimulatedUser client = StackUser.Connect(host, "10.0.0.2", 80, out _);
        _network.Settle();
        SimulatedUser server = listener.Users[0];
        Transfer(client, server, Size / 3);
        dhcp.IsSilent = true;
        dhcp.Refuses = !isGranted;

        _network.Save(host, TimeSpan.FromSeconds(60));
        int before = _network.Wire.Sent.Count;
        client.Write(5_000);
        _network.Advance(TimeSpan.FromMilliseconds(700));
        Assert.DoesNotContain(_network.Wire.Sent.Skip(before), IsOfLease);
        dhcp.IsSilent = false;

        Transfer(client, server, Size);
        Assert.Equal(isGranted ? (false, Size) : (true, client.Received), (client.HasEnded, client.Received));
        Assert.Equal(isGranted ? TcpError.None : TcpError.NetworkDown, client.Error);

        static bool IsOfLease(byte[] frame) =>
            frame[12] == 8 && frame[13] == 0 && frame[23] == ProtocolNumber.Tcp && frame.AsSpan(26, 4).SequenceEqual<byte>([10, 0, 0, 50]);
    }

    private void Pause(double seconds, bool isSaved, int mtu, bool segments)
    {
        if (!isSaved)
        {
            _network.Starve(_host, TimeSpan.FromSeconds(seconds));
            return;
        }

        _network.Save(_host, TimeSpan.FromSeconds(seconds), link =>
        {
            link.Mtu = mtu;
            link.Offloads = segments ? All : LinkOffloads.None;
        });
    }

    private (SimulatedUser Client, SimulatedUser Server, SimulatedUser Idle, SimulatedUser IdleThere) Connect(string address)
    {
        StackListener listener = new(_peer.Stack, 80);
        SimulatedUser client = StackUser.Connect(_host, address, 80, out _);
        _network.Settle();
        SimulatedUser idle = StackUser.Connect(_host, address, 80, out _);
        _network.Settle();
        return (client, listener.Users[0], idle, listener.Users[1]);
    }

    /// <summary>Has both ends send until each has received so much, or ended; each millisecond what fits.</summary>
    private void Transfer(SimulatedUser client, SimulatedUser server, long size)
    {
        for (int i = 0; i < 120_000 && ((client.Received < size && !client.HasEnded) || (server.Received < size && !server.HasEnded)); i++)
        {
            foreach (SimulatedUser user in new[] { client, server }.Where(user => !user.HasEnded))
            {
                user.Write((int)Math.Min(size - user.Written, 5_000));
            }

            _network.Advance(TimeSpan.FromMilliseconds(1));
        }
    }
}
