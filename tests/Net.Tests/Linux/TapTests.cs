using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Xenlet.Samples;

namespace Xenlet.Net.Tests.Linux;

/// <summary>The stack over a TAP device, against Linux's own.</summary>
public sealed class TapTests
{
    private const int Patience = 60_000;

    [Theory]
    [InlineData("10.99.0.2", 56)]
    [InlineData("10.99.0.2", 20_000)]
    [InlineData("10.99.0.2", 65_500)]
    [InlineData("fd99::2", 56)]
    [InlineData("fd99::2", 20_000)]
    public void Linux_pings_the_stack_whole_and_in_fragments(string address, int length) => TapNeighbour.Run(() =>
    {
        byte[] data = new byte[length];
        new Random(length).NextBytes(data);
        using Ping ping = new();
        PingReply reply = ping.Send(address, Patience, data);
        Assert.Equal((IPStatus.Success, address), (reply.Status, reply.Address.ToString()));
        Assert.Equal(data, reply.Buffer);
    });

    [Theory]
    [InlineData("10.99.0.2")]
    [InlineData("fd99::2")]
    public void Linux_has_its_datagrams_echoed_whole_and_in_fragments(string address) => TapNeighbour.Run(
        () =>
        {
            using UdpClient client = new(address, 7);
            client.Client.ReceiveTimeout = Patience;
            IPEndPoint from = new(IPAddress.Any, 0);
            foreach (int length in (int[])[0, 1, 1452, 1473, 20_000, 65_000])
            {
                byte[] data = new byte[length];
                new Random(length).NextBytes(data);
                client.Send(data);
                Assert.Equal(data, client.Receive(ref from));
            }
        },
        stack => _ = new UdpEcho(stack));
}
