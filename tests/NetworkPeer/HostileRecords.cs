using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Xenlet.NetworkPeer;

/// <summary>
/// What a client of TLS must not send (RFC 8446, sections 4 to 6), each on a connection of its own: the server has to end it. Meanwhile
/// other connections have begun a handshake, and never go on.
/// </summary>
internal static class HostileRecords
{
    private const byte ChangeCipherSpec = 20, Alert = 21, Handshake = 22, ApplicationData = 23;

    private const int Mutations = 60;
    private const int Idle = 20;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>Sends all of it, and says of each what came of it.</summary>
    /// <param name="server">The server.</param>
    public static async Task<int> RunAsync(IPEndPoint server)
    {
        byte[] hello = ClientHello();
        List<Socket> idle = [];
        for (int i = 0; i < Idle; i++)
        {
            idle.Add(await ConnectAsync(server));
            await idle[^1].SendAsync(hello.AsMemory(0, hello.Length * i / Idle));
        }

        Console.WriteLine($"a good greeting: {await SendAsync(server, hello)}");
        foreach ((string name, byte[] bytes) in Table(hello))
        {
            Console.WriteLine($"{name}: {await SendAsync(server, bytes)}");
        }

        int ended = 0;
        for (int seed = 0; seed < Mutations; seed++)
        {
            await SendAsync(server, Mutate(hello, new Random(seed)));
            ended++;
        }

        Console.WriteLine($"{ended} changed greetings ended");
        idle.ForEach(static each => each.Dispose());
        return 0;
    }

    private static IEnumerable<(string Name, byte[] Bytes)> Table(byte[] hello) =>
    [
        ("nothing", []),
        ("HTTP", "GET / HTTP/1.1\r\nHost: guest.test\r\n\r\n"u8.ToArray()),
        ("zeros", new byte[20_000]),
        ("a greeting of SSL 2", [0x80, 0x2e, 1, 0, 2, .. new byte[43]]),
        ("half a greeting", hello[..(hello.Length / 2)]),
        ("a greeting cut to its first byte", Record(Handshake, [1])),
        ("a greeting that is too long", Record(Handshake, [1, 0xff, 0xff, 0xff, .. new byte[16_000]])),
        ("a greeting that is empty", Record(Handshake, [1, 0, 0, 0])),
        ("the end of a handshake first", Record(Handshake, [20, 0, 0, 12, .. new byte[12]])),
        ("a server's greeting", Record(Handshake, [2, .. hello[6..]])),
        ("an unknown message", Record(Handshake, [99, 0, 0, 1, 0])),
        ("an unknown record", Record(99, new byte[100])),
        ("a record longer than may be", [Handshake, 3, 1, 0xff, 0xff, .. new byte[65_535]]),
        ("a record of another version", [Handshake, 9, 9, .. hello[3..]]),
        ("data first", Record(ApplicationData, new byte[1000])),
        ("data behind a greeting", [.. hello, .. Many(Record(ApplicationData, new byte[16_000]), 20)]),
        ("a greeting twice", [.. hello, .. hello]),
        ("a fatal alert", Record(Alert, [2, 40])),
        ("a damaged alert", Record(Alert, [7])),
        ("thousands of warnings", Many(Record(Alert, [1, 90]), 5000)),
        ("thousands of empty records", Many(Record(Handshake, []), 5000)),
        ("thousands of changes of the cipher", [.. hello, .. Many(Record(ChangeCipherSpec, [1]), 5000)]),
        ("a greeting in records of one byte", [.. hello[5..].SelectMany(each => Record(Handshake, [each])), .. Record(99, [1])]),
    ];

    /// <summary>What a client of TLS 1.3 and 1.2 sends first.</summary>
    private static byte[] ClientHello()
    {
        byte[] random = new byte[96];
        new Random(1).NextBytes(random);
        byte[] extensions =
        [
            .. Extension(10, [0, 4, 0, 0x1d, 0, 0x17]), // supported_groups: x25519, secp256r1
            .. Extension(13, [0, 6, 4, 3, 8, 4, 4, 1]), // signature_algorithms
            .. Extension(43, [4, 3, 4, 3, 3]), // supported_versions
            .. Extension(51, [0, 36, 0, 0x1d, 0, 32, .. random[..32]]), // key_share
        ];
        byte[] body =
        [
            3, 3, .. random[32..64], 32, .. random[64..], // version, random, session
            0, 10, 0x13, 2, 0x13, 1, 0xc0, 0x2f, 0xc0, 0x30, 0xc0, 0x2b, // cipher suites
            1, 0, // compression
            .. Length(extensions.Length), .. extensions,
        ];
        return Record(Handshake, [1, 0, .. Length(body.Length), .. body]);
    }

    private static byte[] Extension(byte type, byte[] content) => [0, type, .. Length(content.Length), .. content];

    private static byte[] Record(byte type, byte[] content) => [type, 3, 1, .. Length(content.Length), .. content];

    private static byte[] Length(int length)
    {
        byte[] bytes = new byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)length);
        return bytes;
    }

    private static byte[] Many(byte[] record, int count) => [.. Enumerable.Repeat(record, count).SelectMany(static each => each)];

    /// <summary>Changes a few bytes, and sometimes the length.</summary>
    private static byte[] Mutate(byte[] hello, Random random)
    {
        byte[] mutated = [.. hello];
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
        }

        return random.Next(4) == 0 ? mutated[..random.Next(mutated.Length)] : mutated;
    }

    /// <summary>Sends, sends no more, and reads to the end.</summary>
    /// <returns>"answered" if the server takes part in the handshake, else "refused".</returns>
    private static async Task<string> SendAsync(IPEndPoint server, byte[] bytes)
    {
        using CancellationTokenSource limit = new(Limit);
        using Socket socket = await ConnectAsync(server);
        byte[] came = new byte[65_536];
        int first = 0;
        Task<int> reading = socket.ReceiveAsync(came, limit.Token).AsTask();
        try
        {
            await socket.SendAsync(bytes, limit.Token);
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The server has ended it: what it said before is read.
        }

        try
        {
            while (await reading > 0)
            {
                first = first == 0 ? came[0] : first;
                reading = socket.ReceiveAsync(came, limit.Token).AsTask();
            }
        }
        catch (SocketException)
        {
            // Ended by a reset.
        }

        return first is 0 or Alert ? "refused" : first == Handshake ? "answered" : $"answered with {first}";
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint server)
    {
        Socket socket = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        using CancellationTokenSource limit = new(Limit);
        await socket.ConnectAsync(server, limit.Token);
        return socket;
    }
}
