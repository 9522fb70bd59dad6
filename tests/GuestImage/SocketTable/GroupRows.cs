using System.Net;
using System.Net.Sockets;
using static Xenlet.GuestImage.SocketTable.SocketFamily;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>Groups of multicast.</summary>
internal static class GroupRows
{
    private const int Patience = 30_000_000;

    private static readonly IPAddress Group4 = IPAddress.Parse("239.1.2.3");
    private static readonly IPAddress Group6 = IPAddress.Parse("ff15::123");

    public static IEnumerable<SocketRow> All =>
    [
        new("groups 4", Four),
        new("groups 6", Six),
        new("groups of UdpClient", ClientAsync),
        new("groups of streams", Streams),
        new("groups, their options", Options),
    ];

    private static void Four(SocketTrace trace)
    {
        Socket member = IPv4.Datagrams(trace);
        member.Bind(IPv4.Any);
        int port = ((IPEndPoint)member.LocalEndPoint!).Port;
        IPEndPoint to = new(Group4, port);
        Join(trace, "join by interface", member, new MulticastOption(Group4, 2), SocketOptionName.AddMembership);
        Join(trace, "join again", member, new MulticastOption(Group4, 2), SocketOptionName.AddMembership);
        Join(trace, "by address", member, new MulticastOption(IPAddress.Parse("239.1.2.4"), IPAddress.Parse("10.9.0.2")),
            SocketOptionName.AddMembership);
        Join(trace, "by another address", member, new MulticastOption(IPAddress.Parse("239.1.2.5"), IPAddress.Parse("10.9.0.99")),
            SocketOptionName.AddMembership);
        Join(trace, "no group", member, new MulticastOption(IPAddress.Parse("10.9.0.7"), 2), SocketOptionName.AddMembership);
        Join(trace, "no interface", member, new MulticastOption(Group4, 77), SocketOptionName.AddMembership);
        Socket sender = IPv4.Datagrams(trace);
        sender.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.HostToNetworkOrder(2));
        trace.Get("send", () => sender.SendTo(Bytes("to all"), to));
        trace.Get("heard", () => Hear(trace, member));
        sender.MulticastLoopback = false;
        trace.Get("send not to ourselves", () => sender.SendTo(Bytes("to others"), to));
        trace.Get("heard", () => member.Poll(50_000, SelectMode.SelectRead));
        sender.MulticastLoopback = true;
        Join(trace, "leave", member, new MulticastOption(Group4, 2), SocketOptionName.DropMembership);
        Join(trace, "leave again", member, new MulticastOption(Group4, 2), SocketOptionName.DropMembership);
        trace.Get("send", () => sender.SendTo(Bytes("to nobody"), to));
        trace.Get("heard", () => member.Poll(50_000, SelectMode.SelectRead));
        Socket plain = IPv4.Datagrams(trace);
        trace.Get("without interface", () => plain.SendTo(Bytes("a"), to));
        Join(trace, "join without interface", plain, new MulticastOption(Group4), SocketOptionName.AddMembership);
    }

    private static void Six(SocketTrace trace)
    {
        Socket member = IPv6.Datagrams(trace);
        member.Bind(IPv6.Any);
        IPEndPoint to = new(Group6, ((IPEndPoint)member.LocalEndPoint!).Port);
        Join(trace, "join", member, new IPv6MulticastOption(Group6, 2), SocketOptionName.AddMembership);
        Join(trace, "join again", member, new IPv6MulticastOption(Group6, 2), SocketOptionName.AddMembership);
        Join(trace, "no group", member, new IPv6MulticastOption(IPAddress.IPv6Loopback, 2), SocketOptionName.AddMembership);
        Join(trace, "no interface", member, new IPv6MulticastOption(Group6, 77), SocketOptionName.AddMembership);
        Socket sender = IPv6.Datagrams(trace);
        sender.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface, 2);
        trace.Get("send", () => sender.SendTo(Bytes("to all"), to));
        trace.Get("heard", () => Hear(trace, member));
        sender.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastLoopback, false);
        trace.Get("send not to ourselves", () => sender.SendTo(Bytes("to others"), to));
        trace.Get("heard", () => member.Poll(50_000, SelectMode.SelectRead));
        Join(trace, "leave", member, new IPv6MulticastOption(Group6, 2), SocketOptionName.DropMembership);
        Join(trace, "leave again", member, new IPv6MulticastOption(Group6, 2), SocketOptionName.DropMembership);
    }

    private static async Task ClientAsync(SocketTrace trace)
    {
        using UdpClient member = new(new IPEndPoint(IPAddress.Any, 0));
        trace.Do("join", () => member.JoinMulticastGroup(Group4, IPAddress.Parse("10.9.0.2")));
        trace.Get("loopback", () => member.MulticastLoopback);
        using UdpClient sender = new(new IPEndPoint(IPAddress.Parse("10.9.0.2"), 0));
        int port = ((IPEndPoint)member.Client.LocalEndPoint!).Port;
        sender.Client.SetSocketOption(
            SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.Parse("10.9.0.2").GetAddressBytes());
        await trace.GetAsync("send", () => sender.SendAsync(Bytes("all"), 3, new IPEndPoint(Group4, port)));
        await trace.GetAsync("receive", () => member.ReceiveAsync());
        trace.Do("leave", () => member.DropMulticastGroup(Group4));
        trace.Do("leave again", () => member.DropMulticastGroup(Group4));
    }

    private static void Streams(SocketTrace trace)
    {
        Socket stream = IPv4.Stream(trace);
        Join(trace, "join", stream, new MulticastOption(Group4, 2), SocketOptionName.AddMembership);
        Socket six = IPv6.Stream(trace);
        Join(trace, "join", six, new IPv6MulticastOption(Group6, 2), SocketOptionName.AddMembership);
    }

    private static void Options(SocketTrace trace)
    {
        Socket socket = IPv4.Datagrams(trace);
        foreach (int index in (int[])[1, 2, 77])
        {
            trace.Do($"interface {index}", () => socket.SetSocketOption(
                SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.HostToNetworkOrder(index)));
            trace.Get("is", () => socket.GetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface));
        }

        foreach (string address in (string[])["10.9.0.2", "127.0.0.1", "10.9.0.99", "0.0.0.0"])
        {
            trace.Do(address, () => socket.SetSocketOption(
                SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.Parse(address).GetAddressBytes()));
            trace.Get("is", () => new IPAddress(
                BitConverter.GetBytes((int)socket.GetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface)!)));
        }

        Socket six = IPv6.Datagrams(trace);
        foreach (int index in (int[])[1, 2, 77, 0])
        {
            trace.Do(
                $"interface {index}", () => six.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface, index));
            trace.Get("is", () => six.GetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface));
        }
    }

    private static void Join(SocketTrace trace, string what, Socket socket, object option, SocketOptionName name) => trace.Do(
        what, () => socket.SetSocketOption(option is MulticastOption ? SocketOptionLevel.IP : SocketOptionLevel.IPv6, name, option));

    private static string Hear(SocketTrace trace, Socket socket)
    {
        if (!socket.Poll(Patience, SelectMode.SelectRead))
        {
            return "nothing";
        }

        byte[] buffer = new byte[99];
        EndPoint from = socket.AddressFamily == AddressFamily.InterNetwork ? IPv4.Any : IPv6.Any;
        int length = socket.ReceiveFrom(buffer, ref from);
        return $"{trace.Show(buffer[..length])} from {((IPEndPoint)from).Address}";
    }
}
