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
    public void Linux_pings_the_stack_whole_and_in_fragments(string address, int length) => WithStack(() =>
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
    public void Linux_has_its_datagrams_echoed_whole_and_in_fragments(string address) => WithStack(
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
        stack => new UdpEcho(stack));

    /// <summary>Runs code in a namespace whose only neighbour, 10.99.0.2 and fd99::2, is a stack.</summary>
    private static void WithStack(Action code, Func<IpStack, object>? prepare = null) => NetworkNamespace.Run(() =>
    {
        using CancellationTokenSource ended = new();
        using TapStack tap = new("tap0", new() { IPv4ProbeInterval = TimeSpan.Zero, IPv6ProbeInterval = TimeSpan.Zero });
        NetworkNamespace.Command("ip", "addr add 10.99.0.1/24 dev tap0");
        NetworkNamespace.Command("ip", "addr add fd99::1/64 dev tap0 nodad");
        NetworkNamespace.Command("ip", "link set tap0 up");
        tap.Stack.AddAddress(tap.Interface, InternetAddress.FromIPv4(0x0A63_0002), 24);
        tap.Stack.AddAddress(tap.Interface, InternetAddress.From(IPAddress.Parse("fd99::2")), 64);
        prepare?.Invoke(tap.Stack);
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                tap.Run(ended.Token);
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        try
        {
            code();
        }
        finally
        {
            ended.Cancel();
            thread.Join();
        }

        Assert.True(failure is null, $"the stack's thread ended by {failure}");
    });
}
