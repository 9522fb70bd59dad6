using System.Buffers.Binary;
using Xenlet.Net.Internet;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Internet;

/// <summary>
/// Redirects of ICMP and ICMPv6. Host 1 sends to a destination over the router 2, which says that 3 is nearer, and to whom the packet went
/// is seen by the frame's hardware address.
/// </summary>
public sealed class RedirectTests
{
    private const string Remote4 = "192.0.2.9";
    private const string Remote6 = "2001:db8::9";

    private readonly TestNetwork _network = new();
    private readonly TestHost _host;
    private readonly TestTransport _transport;

    public RedirectTests()
    {
        _host = _network.AddHost("10.0.0.1/24 fd00::1/64");
        _network.AddHost("10.0.0.2/24 fd00::2/64");
        _network.AddHost("10.0.0.3/24 fd00::3/64");
        _transport = TestTransport.AddTo(_host);
        AddDefault("10.0.0.2");
        AddDefault(LinkLocal(2));
    }

    [Theory]
    [InlineData(Remote4)]
    [InlineData(Remote6)]
    public void The_router_of_a_destination_is_believed_for_a_while(string remote)
    {
        Assert.Equal(2, HopOf(remote));
        Redirect(remote, 3);
        Assert.Equal(3, HopOf(remote));
        Assert.Equal(2, HopOf(remote == Remote4 ? "192.0.2.10" : "2001:db8::10"));
        _network.Advance(TimeSpan.FromSeconds(310));
        Assert.Equal(2, HopOf(remote));
    }

    [Theory]
    [InlineData(Remote4)]
    [InlineData(Remote6)]
    public void The_next_router_may_say_another_one_and_the_first_no_more(string remote)
    {
        HopOf(remote);
        Redirect(remote, 3);
        Redirect(remote, 4);
        Assert.Equal(3, HopOf(remote));
        Redirect(remote, 2, by: 3);
        Assert.Equal(2, HopOf(remote));
    }

    [Theory]
    [InlineData("10.0.0.3", "10.0.0.3", "a neighbour that is not the router")]
    [InlineData("198.51.100.1", "10.0.0.3", "a stranger")]
    [InlineData("10.0.0.2", "198.51.100.1", "a gateway that is no neighbour")]
    [InlineData("10.0.0.2", "10.0.0.1", "ourselves")]
    [InlineData("10.0.0.2", "10.0.0.255", "everybody")]
    [InlineData("10.0.0.2", "224.0.0.1", "a group")]
    [InlineData("10.0.0.2", "127.0.0.1", "the loopback")]
    [InlineData("10.0.0.2", "0.0.0.0", "nobody")]
    public void What_is_not_from_the_router_or_not_to_a_neighbour_is_not_believed(string by, string gateway, string why)
    {
        HopOf(Remote4);
        Redirect4(Quote(), gateway, by);
        Assert.True(HopOf(Remote4) == 2, why);
        Assert.Equal(0, _host.Stack.Internet.Redirects.Count);
    }

    [Fact]
    public void A_redirect_that_quotes_no_packet_of_ours_is_not_believed()
    {
        HopOf(Remote4);
        byte[] quote = Quote();
        _transport.IsOurs = false;
        Redirect4(quote, "10.0.0.3");
        _transport.IsOurs = true;
        byte[] others = [.. quote];
        others[15]++;
        Redirect4(others, "10.0.0.3");
        Redirect4(quote[..20], "10.0.0.3");
        Redirect4(quote, "10.0.0.3", code: 4);
        Assert.Equal(2, HopOf(Remote4));
        Redirect4(quote, "10.0.0.3", code: 0);
        Assert.Equal(3, HopOf(Remote4));
    }

    [Fact]
    public void A_redirect_of_ICMPv6_that_RFC_4861_calls_invalid_is_not_believed()
    {
        HopOf(Remote6);
        Redirect6(LinkLocal(3), hopLimit: 254);
        Redirect6(LinkLocal(3), code: 1);
        Redirect6("fd00::3");
        Redirect6(LinkLocal(3), by: "fd00::2");
        Redirect6(LinkLocal(3), by: LinkLocal(3));
        Redirect6(LinkLocal(3), destination: "ff0e::1");
        Redirect6("ff02::1");
        Redirect6(LinkLocal(3), options: [2, 0, 2, 0, 0, 0, 0, 3]);
        Redirect6(LinkLocal(3), options: [2, 1, 2, 0]);
        Assert.Equal(0, _host.Stack.Internet.Redirects.Count);
        Assert.Equal(2, HopOf(Remote6));
    }

    [Fact]
    public void A_destination_may_be_a_neighbour_whose_hardware_address_the_router_tells()
    {
        HopOf(Remote6);
        Redirect6(Remote6, options: [2, 1, 2, 0, 0, 0, 0, 7]);
        Assert.Equal(7, HopOf(Remote6));
    }

    [Theory]
    [InlineData(Remote4)]
    [InlineData(Remote6)]
    public void A_router_that_does_not_answer_is_left_for_the_one_before(string remote)
    {
        HopOf(remote);
        Redirect(remote, 9);
        _transport.Send(remote, 10);
        _network.Advance(TimeSpan.FromSeconds(3.5));
        Assert.Equal(2, HopOf(remote));
        Assert.Equal(0, _host.Stack.Internet.Redirects.Count);
    }

    [Theory]
    [InlineData(Remote4)]
    [InlineData(Remote6)]
    public void Another_route_another_link_and_doubt_end_a_redirect(string remote)
    {
        HopOf(remote);
        Redirect(remote, 3);
        Route old = _host.Stack.Routes.Single(
            each => each.Prefix.Length == 0 && each.Prefix.Address.IsIPv4 == TestNetwork.Parse(remote).IsIPv4);
        _host.Stack.RemoveRoute(old);
        AddDefault(remote == Remote4 ? "10.0.0.4" : LinkLocal(4));
        _network.AddHost("10.0.0.4/24");
        Assert.Equal(4, HopOf(remote));
        Redirect(remote, 3, by: 4);
        Assert.Equal(3, HopOf(remote));
        _host.Stack.Internet.Output.Doubt(TestNetwork.Parse(remote));
        Assert.Equal(4, HopOf(remote));

        // The first time the interface gets its link-local address too.
        for (int change = 0; change < 2; change++)
        {
            Redirect(remote, 3, by: 4);
            Assert.Equal(3, HopOf(remote));
            _host.Stack.OnLinkChanged(_host.Interface);
            _network.Settle();
            Assert.Equal(4, HopOf(remote));
        }
    }

    [Fact]
    public void However_many_redirects_a_router_sends_they_take_bounded_memory_and_the_latest_count()
    {
        byte[] quote = [];
        for (int i = 0; i < 1_000; i++)
        {
            HopOf($"192.0.{2 + (i / 250)}.{1 + (i % 250)}");
            quote = Quote();
            Redirect4(quote, "10.0.0.3");
        }

        Assert.Equal(RedirectTable.Capacity, _host.Stack.Internet.Redirects.Count);
        Assert.Equal(3, HopOf("192.0.5.250"));
        Assert.Equal(2, HopOf("192.0.2.1"));
        Assert.Equal(0, _host.Stack.Pool.Rented);
    }

    private static string LinkLocal(int number) => $"fe80::ff:fe00:{number}";

    private void AddDefault(string gateway)
    {
        InternetAddress router = TestNetwork.Parse(gateway);
        NetworkPrefix all = new(router.IsIPv4 ? InternetAddress.AnyIPv4 : InternetAddress.AnyIPv6, 0);
        Assert.True(_host.Stack.TryAddRoute(new Route(all, router, _host.Interface, AddressOrigin.Static)));
    }

    /// <summary>Sends a packet, and says by the last byte of the hardware address to whom.</summary>
    private int HopOf(string remote)
    {
        int before = _network.Wire.Sent.Count;
        Assert.Equal(InternetSendResult.Sent, _transport.Send(remote, 10));
        _network.Settle();
        return _network.Wire.Sent.Skip(before).Last(IsOfTransport)[5];
    }

    /// <summary>What a router quotes of the last packet.</summary>
    private byte[] Quote() => _network.Wire.Sent.Last(IsOfTransport)[EthernetHeader.Size..(EthernetHeader.Size + IPv4Header.Size + 8)];

    private static bool IsOfTransport(byte[] frame) =>
        (frame[14] >> 4 == 4 && frame[23] == TestTransport.Protocol) || (frame[14] >> 4 == 6 && frame[20] == TestTransport.Protocol);

    /// <summary>A router tells of another one, both by their numbers.</summary>
    private void Redirect(string remote, int to, int by = 2)
    {
        if (remote == Remote4)
        {
            Redirect4(Quote(), $"10.0.0.{to}", $"10.0.0.{by}");
        }
        else
        {
            Redirect6(LinkLocal(to), LinkLocal(by));
        }
    }

    private void Redirect4(byte[] quote, string gateway, string by = "10.0.0.2", byte code = 1)
    {
        byte[] message = TestHost.Icmp(IcmpType.Redirect, code, TestNetwork.Parse(gateway).IPv4, quote);
        _host.TakeIPv4(by, "10.0.0.1", ProtocolNumber.Icmp, message);
        _network.Settle();
    }

    private void Redirect6(
        string target, string? by = null, string destination = Remote6, byte hopLimit = 255, byte code = 0, byte[]? options = null)
    {
        by ??= LinkLocal(2);
        byte[] message = new byte[RedirectMessage.Size + (options?.Length ?? 0)];
        BinaryPrimitives.WriteUInt16BigEndian(message, (ushort)((IcmpV6Type.Redirect << 8) | code));
        TestNetwork.Parse(target).WriteIPv6(message.AsSpan(8));
        TestNetwork.Parse(destination).WriteIPv6(message.AsSpan(24));
        options?.CopyTo(message, RedirectMessage.Size);
        _host.TakeIPv6(by, LinkLocal(1), ProtocolNumber.IcmpV6, TestHost.WithIcmpV6Checksum(message, by, LinkLocal(1)), hopLimit);
        _network.Settle();
    }
}
