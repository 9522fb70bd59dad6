using System.Net;
using System.Net.Sockets;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>Ports, and who may share one.</summary>
internal static class BindRows
{
    private static readonly string[] BindAddresses =
        ["0.0.0.0", "127.0.0.1", "127.5.6.7", "10.9.0.2", "10.9.0.9", "192.0.2.1", "224.0.0.251", "255.255.255.255", "::", "::1", "fd09::2",
            "fd09::9", "ff02::fb", "ff15::fb", "fe80::1", "::ffff:127.0.0.1", "::ffff:10.9.0.9"];

    public static IEnumerable<SocketRow> All =>
    [
        .. ((SocketType[])[SocketType.Stream, SocketType.Dgram]).SelectMany(type => (SocketRow[])
        [
            new($"bind {type}", trace => Bind(trace, type)),
            new($"bind {type} in conflict", trace => Conflicts(trace, type)),
        ]),
    ];

    private static void Bind(SocketTrace trace, SocketType type)
    {
        foreach (string text in BindAddresses)
        {
            IPAddress address = IPAddress.Parse(text);
            using Socket socket = New(address.AddressFamily, type);
            trace.ForgetPorts();
            trace.Do(text, () => socket.Bind(new IPEndPoint(address, 0)));
            if (socket.IsBound)
            {
                trace.Get("at", () => socket.LocalEndPoint);
                trace.Do("again", () => socket.Bind(new IPEndPoint(address, 0)));
            }
        }

        using Socket six = New(AddressFamily.InterNetworkV6, type);
        six.DualMode = false;
        trace.Do("mapped, six only", () => six.Bind(new IPEndPoint(IPAddress.Loopback.MapToIPv6(), 0)));
        trace.Do("four by six", () => six.Bind(new IPEndPoint(IPAddress.Loopback, 0)));
        using Socket four = New(AddressFamily.InterNetwork, type);
        trace.Do("six by four", () => four.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0)));
    }

    private static void Conflicts(SocketTrace trace, SocketType type)
    {
        (string Name, Action<Socket> Prepare)[] ways =
        [
            ("plain", _ => { }),
            ("reuse", socket => socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true)),
            ("exclusive", socket => socket.ExclusiveAddressUse = true),
            ("not exclusive", socket => socket.ExclusiveAddressUse = false),

            // SO_REUSEADDR and SO_REUSEPORT of SOL_SOCKET, each alone.
            ("address", socket => socket.SetRawSocketOption(1, 2, BitConverter.GetBytes(1))),
            ("port", socket => socket.SetRawSocketOption(1, 15, BitConverter.GetBytes(1))),
        ];
        trace.Say(string.Join(' ', ways.Select(way => way.Name)));
        (string First, string Second)[] pairs =
        [
            ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("127.0.0.1", "127.0.0.2"),
            ("::", "127.0.0.1"), ("127.0.0.1", "::"), ("::1", "0.0.0.0"), ("::", "::1"),
        ];
        foreach ((string first, string second) in pairs)
        {
            // A line for each way of the first one, a sign for each of the second one.
            trace.Say($"{first}, {second} {string.Join('|', ways.Select(
                way => string.Concat(ways.Select(other => BindBoth(type, (first, way.Prepare), (second, other.Prepare))))))}");
        }

        using Socket only = New(AddressFamily.InterNetworkV6, type);
        using Socket four = New(AddressFamily.InterNetwork, type);
        only.DualMode = false;
        only.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        trace.Do("four beside six only", () => four.Bind(new IPEndPoint(IPAddress.Any, ((IPEndPoint)only.LocalEndPoint!).Port)));
    }

    /// <summary>
    /// Both at once: 'n' when the second may not even bind; else 'y', or for streams what may be once the first one listens: 'o' the second
    /// one listen, but no third one bind; 'b' a third one bind, but the second one not listen; 'l' neither; 'y' both.
    /// </summary>
    private static char BindBoth(
        SocketType type, (string Address, Action<Socket> Prepare) one, (string Address, Action<Socket> Prepare) two)
    {
        (IPAddress firstAddress, IPAddress secondAddress) = (IPAddress.Parse(one.Address), IPAddress.Parse(two.Address));
        using Socket first = New(firstAddress.AddressFamily, type);
        using Socket second = New(secondAddress.AddressFamily, type);
        one.Prepare(first);
        two.Prepare(second);
        first.Bind(new IPEndPoint(firstAddress, 0));
        IPEndPoint same = new(secondAddress, ((IPEndPoint)first.LocalEndPoint!).Port);
        if (!Succeeds(() => second.Bind(same)))
        {
            return 'n';
        }

        if (type == SocketType.Dgram)
        {
            return 'y';
        }

        // One that listens keeps others from the port that could have had it before.
        first.Listen();
        bool canListen = Succeeds(() => second.Listen());
        using Socket third = New(secondAddress.AddressFamily, type);
        two.Prepare(third);
        return (canListen, Succeeds(() => third.Bind(same))) switch
        {
            (true, true) => 'y',
            (true, false) => 'o',
            (false, true) => 'b',
            (false, false) => 'l',
        };
    }

    private static Socket New(AddressFamily family, SocketType type)
    {
        Socket socket = new(family, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);
        if (family == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = true;
        }

        return socket;
    }

    private static bool Succeeds(Action act)
    {
        try
        {
            act();
            return true;
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }
}
