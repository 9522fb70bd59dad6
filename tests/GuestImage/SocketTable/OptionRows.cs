using System.Net;
using System.Net.Sockets;

namespace Xenlet.GuestImage.SocketTable;

/// <summary>Every socket option: what it is at first, and what it becomes when it is set.</summary>
internal static class OptionRows
{
    private const int Ip = 0;
    private const int General = 1;
    private const int Tcp = 6;
    private const int IPv6 = 41;

    private static readonly (string Name, AddressFamily Family, SocketType Type)[] Kinds =
    [
        ("tcp4", AddressFamily.InterNetwork, SocketType.Stream), ("tcp6", AddressFamily.InterNetworkV6, SocketType.Stream),
        ("udp4", AddressFamily.InterNetwork, SocketType.Dgram), ("udp6", AddressFamily.InterNetworkV6, SocketType.Dgram),
    ];

    private static readonly SocketOptionLevel[] Levels =
        [SocketOptionLevel.Socket, SocketOptionLevel.IP, SocketOptionLevel.IPv6, SocketOptionLevel.Tcp, SocketOptionLevel.Udp];

    /// <summary>
    /// By Linux's names, those that .NET has no name for (asm-generic/socket.h, linux/in.h, linux/in6.h, linux/tcp.h); of some
    /// only whether they are there, since their values are the machine's.
    /// </summary>
    private static readonly (string Name, int Level, int Number, int[] Values)[] Raw =
    [
        ("SO_PRIORITY", General, 12, [0, 6, 7]), ("SO_REUSEPORT", General, 15, [1, 0, 5]), ("SO_RCVLOWAT", General, 18, [0, 1, 100]),
        ("SO_SNDLOWAT", General, 19, [1]), ("SO_BINDTODEVICE", General, 25, []), ("SO_PROTOCOL", General, 38, []),
        ("SO_DOMAIN", General, 39, []), ("SO_177", General, 177, [1]),
        ("IP_TOS", Ip, 1, [0x10, 0xb8, 0, 256]), ("IP_PKTINFO", Ip, 8, [1, 0]), ("IP_MTU_DISCOVER", Ip, 10, [0, 1, 2, 3, 4, 5, 6]),
        ("IPV6_UNICAST_HOPS", IPv6, 16, [1, 255, -1, 256, 0]), ("IPV6_MTU_DISCOVER", IPv6, 23, [0, 1, 2, 3, 4, 5, 6]),
        ("IPV6_V6ONLY", IPv6, 26, [1, 0]), ("IPV6_RECVPKTINFO", IPv6, 49, [1, 0]), ("IPV6_TCLASS", IPv6, 67, [0x10, -1, 256, 0]),
        ("TCP_MAXSEG", Tcp, 2, [1_000, 87, 40_000]), ("TCP_CONGESTION", Tcp, 13, []), ("TCP_USER_TIMEOUT", Tcp, 18, [1_000, 0, -1]),
    ];

    public static IEnumerable<SocketRow> All =>
    [
        .. Kinds.SelectMany(kind => Levels.Select(level => new SocketRow($"options {kind.Name} {level}", trace => Of(trace, kind, level)))),
        .. Kinds.Select(kind => new SocketRow($"options {kind.Name} by number", trace => OfNumbers(trace, kind))),
        new("options as properties", Properties),
        new("options of a connection", OfConnection),
        new("options with other lengths", Lengths),
        new("options for one device", OneDevice),
        new("options of keep-alive", KeepAlive),
        new("controls", Controls),
    ];

    private static void Of(SocketTrace trace, (string Name, AddressFamily Family, SocketType Type) kind, SocketOptionLevel level)
    {
        // IP_OPTIONS, which is no number (StructureRows), and TCP_FASTOPEN, which the stack does not have.
        HashSet<int> seen = level switch
        {
            SocketOptionLevel.IP => [(int)SocketOptionName.IPOptions],
            SocketOptionLevel.Tcp => [(int)SocketOptionName.FastOpen],
            _ => [],
        };
        foreach (SocketOptionName name in Enum.GetValues<SocketOptionName>())
        {
            if (!seen.Add((int)name))
            {
                continue;
            }

            using Socket socket = New(kind);

            // The sizes of buffers at first are the machine's.
            bool isSize = level == SocketOptionLevel.Socket && name is SocketOptionName.SendBuffer or SocketOptionName.ReceiveBuffer;
            List<string> steps = [isSize ? "any" : Get(trace, socket, level, name)];
            foreach (int value in ValuesOf(level, name))
            {
                string set = Attempt(trace, () => socket.SetSocketOption(level, name, value));
                steps.Add(set == "ok" ? $"{value}>{Get(trace, socket, level, name)}" : $"{value}:{set}");
            }

            // What no system has needs no word.
            if (steps.Exists(step => !step.EndsWith(nameof(SocketError.OperationNotSupported), StringComparison.Ordinal)))
            {
                trace.Say($"{(int)name} {string.Join(' ', steps)}");
            }
        }
    }

    private static int[] ValuesOf(SocketOptionLevel level, SocketOptionName name) => (level, name) switch
    {
        (SocketOptionLevel.Socket, SocketOptionName.SendBuffer or SocketOptionName.ReceiveBuffer) => [1, 4_096, 100_000],
        (SocketOptionLevel.Socket, SocketOptionName.SendTimeout or SocketOptionName.ReceiveTimeout) => [0, 1_500],
        (SocketOptionLevel.IP, SocketOptionName.TypeOfService) => [0, 8, 255],
        (SocketOptionLevel.IP, SocketOptionName.IpTimeToLive) => [0, 1, 64, 255, 256, -1],
        (SocketOptionLevel.IP or SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface) => [0],
        (SocketOptionLevel.IP or SocketOptionLevel.IPv6, SocketOptionName.MulticastTimeToLive) => [0, 1, 255, 256, -1],
        (SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime or SocketOptionName.TcpKeepAliveInterval) => [1, 100, 0, 32_768],
        (SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount) => [1, 100, 0, 128],
        _ => [1, 0, 5],
    };

    private static void OfNumbers(SocketTrace trace, (string Name, AddressFamily Family, SocketType Type) kind)
    {
        foreach ((string name, int level, int number, int[] values) in Raw)
        {
            using Socket socket = New(kind);
            List<string> steps = [GetRaw(trace, socket, level, number)];
            foreach (int value in values)
            {
                string set = Attempt(trace, () => socket.SetRawSocketOption(level, number, BitConverter.GetBytes(value)));
                steps.Add(set == "ok" ? $"{value}>{GetRaw(trace, socket, level, number)}" : $"{value}:{set}");
            }

            trace.Say($"{name} {string.Join(' ', steps)}");
        }
    }

    private static void Properties(SocketTrace trace)
    {
        foreach ((string Name, AddressFamily Family, SocketType Type) kind in Kinds)
        {
            using Socket socket = New(kind);
            trace.Say(kind.Name);
            trace.Get("ttl", () => socket.Ttl);
            trace.Do("33", () => socket.Ttl = 33);
            trace.Get("ttl", () => socket.Ttl);
            trace.Get("dont fragment", () => socket.DontFragment);
            trace.Do("set", () => socket.DontFragment = true);
            trace.Get("dont fragment", () => socket.DontFragment);
            trace.Get("multicast loopback", () => socket.MulticastLoopback);
            trace.Do("unset", () => socket.MulticastLoopback = false);
            trace.Get("multicast loopback", () => socket.MulticastLoopback);
            trace.Get("linger", () => socket.LingerState);
            trace.Do("set", () => socket.LingerState = new LingerOption(true, 9));
            trace.Get("linger", () => socket.LingerState);
            trace.Get("no delay", () => socket.NoDelay);
            trace.Do("set", () => socket.NoDelay = true);
            trace.Get("no delay", () => socket.NoDelay);
            trace.Get("broadcast", () => socket.EnableBroadcast);
            trace.Get("exclusive", () => socket.ExclusiveAddressUse);
            trace.Get("dual", () => socket.DualMode);
            trace.Do("send buffer 0", () => socket.SendBufferSize = 0);
            trace.Get("is", () => socket.SendBufferSize);
            trace.Do("send buffer -1", () => socket.SendBufferSize = -1);
            trace.Get("send time-out", () => socket.SendTimeout);
            trace.Do("send time-out 1", () => socket.SendTimeout = 1);
            trace.Get("is", () => socket.SendTimeout);
        }
    }

    private static void OfConnection(SocketTrace trace)
    {
        (Socket client, Socket server) = SocketFamily.IPv4.Pair(trace);
        byte[] value = new byte[16];
        trace.Get("congestion control", () => client.GetRawSocketOption(Tcp, 13, value));
        trace.Get("has a name", () => value[0] != 0);
        server.Shutdown(SocketShutdown.Both);
        client.Receive(new byte[1]);
        foreach (SocketOptionName name in (SocketOptionName[])[SocketOptionName.ReuseAddress, SocketOptionName.KeepAlive])
        {
            trace.Do($"{name}", () => client.SetSocketOption(SocketOptionLevel.Socket, name, true));
        }

        trace.Do("no delay", () => client.NoDelay = true);
        trace.Get("no delay", () => client.NoDelay);
        trace.Do("segments", () => client.SetRawSocketOption(Tcp, 2, BitConverter.GetBytes(600)));
    }

    private static void Lengths(SocketTrace trace)
    {
        Socket stream = SocketFamily.IPv4.Stream(trace);
        Socket datagrams = SocketFamily.IPv4.Datagrams(trace);
        foreach ((string name, Socket socket, int level, int number) in ((string, Socket, int, int)[])
        [
            ("SO_KEEPALIVE", stream, General, 9), ("SO_LINGER", stream, General, 13), ("SO_RCVTIMEO", stream, General, 20),
            ("TCP_NODELAY", stream, Tcp, 1), ("IP_TTL", datagrams, Ip, 2), ("IP_MULTICAST_LOOP", datagrams, Ip, 34),
            ("IP_MULTICAST_IF", datagrams, Ip, 32), ("IP_ADD_MEMBERSHIP", datagrams, Ip, 35),
        ])
        {
            foreach (int length in (int[])[0, 1, 2, 4, 8, 12, 16, 20, 100])
            {
                trace.Do($"{name} {length}", () => socket.SetRawSocketOption(level, number, new byte[length]));
                byte[] value = new byte[length];
                trace.Get("get", () => socket.GetRawSocketOption(level, number, value));
            }
        }
    }

    private static void OneDevice(SocketTrace trace)
    {
        Socket server = SocketFamily.IPv4.BoundDatagrams(trace);
        Socket socket = SocketFamily.IPv4.Datagrams(trace);
        trace.Do("vif9", () => socket.SetRawSocketOption(General, 25, SocketFamily.Bytes("vif9\0")));
        trace.Do("vif0", () => socket.SetRawSocketOption(General, 25, SocketFamily.Bytes("vif0\0")));
        byte[] name = new byte[16];
        trace.Get("is", () => socket.GetRawSocketOption(General, 25, name));
        trace.Get("named", () => name.TakeWhile(each => each != 0).ToArray());
        trace.Do("none", () => socket.SetRawSocketOption(General, 25, SocketFamily.Bytes("\0")));
        trace.Get("is", () => socket.GetRawSocketOption(General, 25, name));
        trace.Do("lo", () => socket.SetRawSocketOption(General, 25, SocketFamily.Bytes("lo\0")));
        trace.Get("send", () => socket.SendTo(SocketFamily.Bytes("a"), server.LocalEndPoint!));
        trace.Get("receive", () => server.Receive(new byte[9]));
        Socket stream = SocketFamily.IPv4.Stream(trace);
        trace.Do("lo", () => stream.SetRawSocketOption(General, 25, SocketFamily.Bytes("lo\0")));
        Socket listener = SocketFamily.IPv4.Listener(trace);
        trace.Do("connect", () => stream.Connect(listener.LocalEndPoint!));
    }

    private static void KeepAlive(SocketTrace trace)
    {
        (Socket client, Socket server) = SocketFamily.IPv4.Pair(trace);
        trace.Do("on", () => client.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true));
        trace.Do("after 1 s", () => client.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 1));
        trace.Do("each 1 s", () => client.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 1));
        trace.Do("twice", () => client.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 2));
        trace.Get("send", () => server.Send(new byte[1]));
        trace.Get("receive", () => client.Receive(new byte[9]));
    }

    private static void Controls(SocketTrace trace)
    {
        (Socket client, Socket server) = SocketFamily.IPv4.Pair(trace);
        server.Send(new byte[7]);
        client.Poll(10_000_000, SelectMode.SelectRead);
        byte[] count = new byte[4];
        trace.Get("DataToRead", () => client.IOControl(IOControlCode.DataToRead, null, count));
        trace.Get("count", () => BitConverter.ToInt32(count));
        trace.Get("OobDataRead", () => client.IOControl(IOControlCode.OobDataRead, null, count));
        trace.Get("NonBlockingIO", () => client.IOControl(IOControlCode.NonBlockingIO, BitConverter.GetBytes(1), null));
        trace.Get("KeepAliveValues", () => client.IOControl(IOControlCode.KeepAliveValues, new byte[12], null));
        trace.Get("GetBroadcastAddress", () => client.IOControl(IOControlCode.GetBroadcastAddress, null, count));
    }

    private static Socket New((string Name, AddressFamily Family, SocketType Type) kind) =>
        new(kind.Family, kind.Type, kind.Type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);

    private static string Get(SocketTrace trace, Socket socket, SocketOptionLevel level, SocketOptionName name)
    {
        string got = "";
        string failed = Attempt(trace, () => got = socket.GetSocketOption(level, name) is { } value ? trace.Show(value) : "null");
        return failed != "ok" ? failed : got;
    }

    private static string GetRaw(SocketTrace trace, Socket socket, int level, int number)
    {
        byte[] value = new byte[16];
        int length = 0;
        string failed = Attempt(trace, () => length = socket.GetRawSocketOption(level, number, value));
        return failed != "ok" ? failed : length == 4 ? trace.Show(BitConverter.ToInt32(value)) : $"[{length}]";
    }

    private static string Attempt(SocketTrace trace, Action act)
    {
        try
        {
            act();
            return "ok";
        }
        catch (Exception error)
        {
            return error is SocketException { SocketErrorCode: not SocketError.SocketError } known
                ? known.SocketErrorCode.ToString() : trace.Show(error);
        }
    }
}
