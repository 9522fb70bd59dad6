using System.Net;
using System.Net.Sockets;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tests.Tcp.Simulation;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tests.Linux;

/// <summary>The stack with Linux as its peer, over a TAP device.</summary>
public sealed class LinuxTests
{
    [Theory]
    [InlineData("10.9.0.2", 56)]
    [InlineData("10.9.0.2", 9_000)]
    [InlineData("fd09::2", 56)]
    [InlineData("fd09::2", 9_000)]
    public void Linux_gets_its_echo(string address, int length) => LinuxHost.Run(host =>
    {
        bool isIPv4 = address.Contains('.');
        using Socket socket = new(
            isIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6,
            SocketType.Raw,
            isIPv4 ? ProtocolType.Icmp : ProtocolType.IcmpV6);
        byte[] data = new byte[length];
        new Random(1).NextBytes(data);
        byte[] request = TestHost.Icmp(isIPv4 ? IcmpType.EchoRequest : IcmpV6Type.EchoRequest, 0, 0x1234_0001, data);
        socket.SendTo(request, new IPEndPoint(IPAddress.Parse(address), 0));
        byte[] answer = new byte[length + 100];
        int header = isIPv4 ? IPv4Header.Size : 0;
        byte reply = isIPv4 ? IcmpType.EchoReply : IcmpV6Type.EchoReply;

        // A raw socket of ICMPv6 hears neighbour discovery too.
        int received = 0;
        host.WaitFor("the echo", () => socket.Poll(0, SelectMode.SelectRead)
            && (received = socket.Receive(answer)) > header && answer[header] == reply);

        Assert.Equal(data, answer[(header + IcmpHeader.Size)..received]);
    });

    [Theory]
    [InlineData("10.9.0.1", "10.9.0.2", 100)]
    [InlineData("10.9.0.1", "10.9.0.2", 20_000)]
    [InlineData("fd09::1", "fd09::2", 100)]
    [InlineData("fd09::1", "fd09::2", 20_000)]
    public void Datagrams_go_both_ways(string theirs, string ours, int length) => LinuxHost.Run(host =>
    {
        using Socket socket = Bound(theirs, SocketType.Dgram, ProtocolType.Udp);
        TestUdpUser user = new();
        UdpEndpoint endpoint = host.Stack.CreateUdpEndpoint(user, isIPv6: true);
        endpoint.Bind(new Endpoint(TestNetwork.Parse(ours), 53));
        byte[] data = new byte[length];
        new Random(1).NextBytes(data);

        socket.SendTo(data, new IPEndPoint(IPAddress.Parse(ours), 53));
        host.WaitFor("Linux's datagram", () => user.Received.Count == 1);
        Assert.Equal(data, user.Received[0].Data);

        Assert.Equal(NetworkError.None, endpoint.Send(user.Received[0].Data, user.Received[0].Origin.Remote));
        host.WaitFor("our datagram", () => socket.Poll(0, SelectMode.SelectRead));
        byte[] received = new byte[length + 1];
        Assert.Equal(data, received[..socket.Receive(received)]);
    });

    [Theory]
    [InlineData("10.9.0.1", "10.9.0.2")]
    [InlineData("fd09::1", "fd09::2")]
    public void A_port_where_nobody_listens_is_told_both_ways(string theirs, string ours) => LinuxHost.Run(host =>
    {
        using Socket socket = Bound(theirs, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(IPAddress.Parse(ours), 9);
        socket.Send([1]);
        int error = 0;
        host.WaitFor("Linux's error", () =>
            (error = (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!) != 0);
        Assert.Equal(SocketError.ConnectionRefused, (SocketError)error);

        TestUdpUser user = new();
        UdpEndpoint endpoint = host.Stack.CreateUdpEndpoint(user, isIPv6: true);
        endpoint.Connect(new Endpoint(TestNetwork.Parse(theirs), 9));
        endpoint.Send([1]);
        host.WaitFor("our error", () => user.Errors.Count == 1);
        Assert.Equal(NetworkError.Refused, user.Errors[0]);
    });

    [Theory]
    [InlineData("10.9.0.1")]
    [InlineData("fd09::1")]
    public void A_connection_to_Linux_carries_bytes_both_ways_and_ends_in_order(string theirs) => LinuxHost.Run(host =>
    {
        const int Size = 500_000;
        using Socket listener = Bound(theirs, SocketType.Stream, ProtocolType.Tcp);
        listener.Listen();
        ushort port = (ushort)((IPEndPoint)listener.LocalEndPoint!).Port;
        SimulatedUser user = new(60_000, 60_000);
        user.Arrived = () => user.Read(int.MaxValue);
        Assert.Equal(TcpError.None, host.Stack.Tcp.Connect(
            new Endpoint(TestNetwork.Parse(theirs), port), user, null, null, out TcpConnection? connection));
        user.Connection = connection;
        host.WaitFor("Linux to accept", () => listener.Poll(0, SelectMode.SelectRead));
        using Socket socket = listener.Accept();
        socket.Blocking = false;

        int received = 0;
        int sent = 0;
        byte[] buffer = new byte[20_000];
        host.WaitFor("all bytes", () =>
        {
            user.Write((int)(Size - user.Written));
            while (socket.Poll(0, SelectMode.SelectRead) && received < Size)
            {
                int count = socket.Receive(buffer);
                Assert.Equal(-1, Pattern.FirstDifference(received, buffer.AsSpan(0, count)));
                received += count;
            }

            while (sent < Size && socket.Poll(0, SelectMode.SelectWrite))
            {
                int count = Math.Min(buffer.Length, Size - sent);
                Pattern.Fill(sent, buffer.AsSpan(0, count));
                sent += socket.Send(buffer.AsSpan(0, count), SocketFlags.None, out SocketError error);
                if (error == SocketError.WouldBlock)
                {
                    break;
                }
            }

            return received == Size && user.Received == Size;
        });

        socket.Shutdown(SocketShutdown.Send);
        host.WaitFor("Linux's end", () => user.HasPeerFinished);
        connection!.Close();
        host.WaitFor("our end", () => socket.Poll(0, SelectMode.SelectRead));
        Assert.Equal(0, socket.Receive(buffer));
        Assert.False(user.HasEnded && user.Error != TcpError.None, $"the connection ended with {user.Error}");
    });

    private static Socket Bound(string address, SocketType type, ProtocolType protocol)
    {
        IPAddress local = IPAddress.Parse(address);
        Socket socket = new(local.AddressFamily, type, protocol);
        socket.Bind(new IPEndPoint(local, 0));
        return socket;
    }
}
