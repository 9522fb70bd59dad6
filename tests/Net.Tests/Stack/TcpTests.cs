using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tests.Tcp.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Stack;

/// <summary>TCP over the whole stack: what only the layers together show.</summary>
public sealed class TcpTests
{
    private const int Size = 300_000;

    private readonly TestNetwork _network = new();

    [Theory]
    [InlineData("10.0.0.2", LinkOffloads.None)]
    [InlineData("10.0.0.2", LinkOffloads.ChecksumIPv4)]
    [InlineData("fd00::2", LinkOffloads.None)]
    [InlineData("fd00::2", LinkOffloads.ChecksumIPv6)]
    [InlineData("10.0.0.1", LinkOffloads.None)]
    [InlineData("127.0.0.1", LinkOffloads.None)]
    [InlineData("::1", LinkOffloads.None)]
    public void A_connection_carries_its_bytes_to_another_host_and_to_ourselves(string address, LinkOffloads offloads)
    {
        TestHost host = _network.AddHost("10.0.0.1/24 fd00::1/64");
        TestHost peer = _network.AddHost("10.0.0.2/24 fd00::2/64");
        host.Link.Offloads = peer.Link.Offloads = offloads;
        bool isPeer = address.EndsWith('2');
        StackListener server = new((isPeer ? peer : host).Stack, 80);
        SimulatedUser client = StackUser.Connect(host, address, 80, out TcpError error);
        Assert.Equal(TcpError.None, error);

        for (int i = 0; i < 2_000 && server.Received < Size; i++)
        {
            client.Write((int)(Size - client.Written));
            _network.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.True(client.IsConnected, $"there is no connection to {address}: {client.Error}");
        Assert.Equal(Size, server.Received);
        Assert.Equal((0, 0), (host.Stack.Pool.Rented, peer.Stack.Pool.Rented));
    }

    [Fact]
    public void A_port_where_nobody_listens_refuses_and_a_neighbour_that_is_not_there_is_unreachable()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        _network.AddHost("10.0.0.2/24");
        SimulatedUser refused = StackUser.Connect(host, "10.0.0.2", 81, out _);
        SimulatedUser unreachable = StackUser.Connect(host, "10.0.0.77", 80, out _);
        StackUser.Connect(host, "192.0.2.1", 80, out TcpError noRoute);

        _network.Advance(TimeSpan.FromSeconds(4));

        Assert.Equal((true, TcpError.Refused), (refused.HasEnded, refused.Error));
        Assert.Equal((true, TcpError.HostUnreachable), (unreachable.HasEnded, unreachable.Error));
        Assert.Equal(TcpError.NetworkUnreachable, noRoute);
    }

    [Fact]
    public void A_connection_ends_with_its_interface()
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestHost peer = _network.AddHost("10.0.0.2/24");
        _ = new StackListener(peer.Stack, 80);
        SimulatedUser client = StackUser.Connect(host, "10.0.0.2", 80, out _);
        _network.Settle();
        Assert.True(client.IsConnected);

        host.Stack.RemoveInterface(host.Interface);

        Assert.Equal((true, TcpError.NetworkDown), (client.HasEnded, client.Error));
    }

    /// <summary>A router between takes 1,300 bytes and says so, or somebody else says so who has not seen the connection.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_smaller_path_is_believed_when_its_error_quotes_what_is_under_way(bool isReal)
    {
        TestHost host = _network.AddHost("10.0.0.1/24");
        TestHost peer = _network.AddHost("10.0.0.2/24");
        StackListener server = new(peer.Stack, 80);
        SimulatedUser client = StackUser.Connect(host, "10.0.0.2", 80, out _);
        _network.Settle();
        byte[]? large = null;
        _network.Wire.Passes = frame =>
        {
            if (frame.Length <= 1_314)
            {
                return true;
            }

            large ??= frame;
            return false;
        };
        client.Write(20_000);
        Assert.NotNull(large);

        byte[] quote = large[14..(14 + 28)];
        quote[25] ^= (byte)(isReal ? 0 : 0x55);
        host.TakeIPv4("10.0.0.254", "10.0.0.1", ProtocolNumber.Icmp, TestHost.Icmp(
            IcmpType.DestinationUnreachable, IcmpType.FragmentationNeeded, 1_300, quote));
        _network.Settle();
        Assert.Equal(isReal ? 1_300 : 1_500, host.Stack.Internet.Output.PathMtu(TestNetwork.Parse("10.0.0.2")));

        _network.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(20_000, server.Received);
    }
}
