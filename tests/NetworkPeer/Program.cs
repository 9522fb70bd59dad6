using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xenlet.GuestImage;
using Xenlet.HostilePeer;
using Xenlet.NetworkPeer;
using Xenlet.NetworkPeer.Http;

// echo INTERFACE OUR-MAC GUEST-MAC COUNT   frames of all lengths to the guest, which sends each back
// bursts INTERFACE OUR-MAC GUEST-MAC       such frames by bursts until it is killed; what comes back is of no interest
// datagrams GUEST-ADDRESS PORT             datagrams of all lengths to a guest that echoes them
// stream GUEST-ADDRESS PORT FILE           bytes without end to a guest that echoes them, on a connection beside one that is idle, until
//                                          FILE.stop is there; how many came back is in FILE meanwhile
// asked PORT FILE                          what is in FILE, in datagrams to a guest that has asked for them at the port, until it is killed
// records GUEST-ADDRESS PORT               hostile records to a guest that serves TLS
// udp GUEST-ADDRESS PORT                   a datagram through Linux's own stack, and the answers that it accepts
// names ADDRESS                            a server of DNS, until it is killed
// requests FILE ADDRESS PORT               the connections of a table (Http/Exchange.cs) with a server of HTTP, and what comes
// idle ADDRESS PORT COUNT SLOW             COUNT connections that ask for nothing, and SLOW ones that never end their request
// flood INTERFACE NOWHERE OUR-MAC GUEST-MAC GUEST-ADDRESS PORT KIB   hostile frames, while the guest echoes so many KiB over TCP
// flooded GUEST-ADDRESS PORT FROM KIB      a connection from the port FROM, over which the guest echoes so many KiB while another floods it
// features INTERFACE on|off                what Linux leaves to the interface: checksums, frames of several pages, segmentation
// lie ...                                  a device whose back end lies (../HostilePeer/Lies.cs)
return args switch
{
    ["lie", .. string[] what] => await Lies.RunAsync(what),
    ["features", string name, string isOn] => InterfaceFeatures.Set(name, isOn == "on"),
    ["echo", string name, string ours, string theirs, string count] =>
        Echo(name, ours, theirs, int.Parse(count, CultureInfo.InvariantCulture)),
    ["bursts", string name, string ours, string theirs] => SendBursts(name, ours, theirs),
    ["flood", string name, string nowhere, string ours, string theirs, string guest, string port, string kibibytes] => Flood.Run(
        name,
        nowhere,
        Mac(ours),
        Mac(theirs),
        new IPEndPoint(IPAddress.Parse(guest), int.Parse(port, CultureInfo.InvariantCulture)),
        int.Parse(kibibytes, CultureInfo.InvariantCulture)),
    ["flooded", string guest, string port, string from, string kibibytes] => Flood.RunBeside(
        new IPEndPoint(IPAddress.Parse(guest), int.Parse(port, CultureInfo.InvariantCulture)),
        int.Parse(from, CultureInfo.InvariantCulture),
        int.Parse(kibibytes, CultureInfo.InvariantCulture)),
    ["datagrams", string guest, string port] => await DatagramsAsync(guest, int.Parse(port, CultureInfo.InvariantCulture)),
    ["stream", string guest, string port, string file] => await EchoedStream.RunAsync(
        new(IPAddress.Parse(guest), int.Parse(port, CultureInfo.InvariantCulture)), file),
    ["asked", string port, string file] => await AskedDatagrams.RunAsync(int.Parse(port, CultureInfo.InvariantCulture), file),
    ["records", string guest, string port] => await HostileRecords.RunAsync(
        new(IPAddress.Parse(guest), int.Parse(port, CultureInfo.InvariantCulture))),
    ["requests", string file, string address, string port] => await HttpTable.RunAsync(
        file, new(IPAddress.Parse(address), int.Parse(port, CultureInfo.InvariantCulture))),
    ["idle", string address, string port, string count, string slow] => await IdleConnections.RunAsync(
        new(IPAddress.Parse(address), int.Parse(port, CultureInfo.InvariantCulture)),
        int.Parse(count, CultureInfo.InvariantCulture),
        int.Parse(slow, CultureInfo.InvariantCulture)),
    ["udp", string guest, string port] => await UdpAsync(guest, int.Parse(port, CultureInfo.InvariantCulture)),
    ["names", string address] => await ServeNamesAsync(address),
    _ => 2,
};

static async Task<int> ServeNamesAsync(string address)
{
    using NameServer server = new(IPAddress.Parse(address));
    await Task.Delay(Timeout.Infinite);
    return 0;
}

static int SendBursts(string name, string ours, string theirs)
{
    const int Burst = 32;

    // What comes back costs dom0's only processor several times what sending takes, and on a busy host all takes longer. Without a rest in
    // proportion, little is left for whatever else a test has dom0 do meanwhile, such as a migration.
    const int RestsForOneBurst = 10;
    TimeSpan shortestRest = TimeSpan.FromMilliseconds(100);
    byte[] addresses = [.. Mac(theirs), .. Mac(ours)];
    using RawSocket socket = new(name, RawSocket.NoEtherType);
    byte[] buffer = new byte[65536];
    long began = Stopwatch.GetTimestamp();
    for (int number = Random.Shared.Next(); ; number = (number + 1) & int.MaxValue)
    {
        Span<byte> frame = buffer.AsSpan(0, TestFrame.LengthOf(number));
        addresses.CopyTo(frame);
        TestFrame.Fill(frame, number);
        socket.Send(frame);
        if (number % Burst == 0)
        {
            TimeSpan rest = Stopwatch.GetElapsedTime(began) * RestsForOneBurst;
            Thread.Sleep(rest > shortestRest ? rest : shortestRest);
            began = Stopwatch.GetTimestamp();
        }
    }
}

static int Echo(string name, string ours, string theirs, int count)
{
    const int Window = 64;
    const int Patience = 120_000;
    byte[] addresses = [.. Mac(theirs), .. Mac(ours)];
    using RawSocket socket = new(name, TestFrame.EtherType);
    HashSet<int> waiting = [];
    byte[] buffer = new byte[65536];

    // Each run has its own numbers, so that late answers to an earlier run are not taken for those of this one.
    int first = Random.Shared.Next(int.MaxValue - count);
    int sent = 0;
    int returned = 0;
    int changed = 0;
    while (returned < count)
    {
        while (sent < count && waiting.Count < Window)
        {
            int number = first + sent++;
            Span<byte> frame = buffer.AsSpan(0, TestFrame.LengthOf(number));
            addresses.CopyTo(frame);
            TestFrame.Fill(frame, number);
            waiting.Add(number);
            socket.Send(frame);
        }

        int length = socket.Receive(buffer, Patience);
        if (length == 0)
        {
            break;
        }

        // Others may use the bridge, and one's own frames come back to a socket like this.
        ReadOnlySpan<byte> came = buffer.AsSpan(0, length);
        if (TestFrame.IsOne(came) && came[..6].SequenceEqual(addresses.AsSpan(6)) && came[6..12].SequenceEqual(addresses.AsSpan(0, 6)))
        {
            int number = TestFrame.NumberOf(came);
            if (waiting.Remove(number))
            {
                returned++;
            }
            else if (number < 0 || (number >= first && number < first + sent))
            {
                changed++;
            }
        }
    }

    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"sent {sent}, returned {returned}, lost {sent - returned}, changed or twice {changed}"));
    return returned == count && changed == 0 ? 0 : 1;
}

static async Task<int> UdpAsync(string guest, int port)
{
    using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    await socket.ConnectAsync(IPAddress.Parse(guest), port);
    await socket.SendAsync("a datagram whose checksum Linux leaves blank"u8.ToArray());
    byte[] buffer = new byte[2048];
    List<string> answers = [];
    using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
    try
    {
        do
        {
            int length = await socket.ReceiveAsync(buffer, limit.Token);
            answers.Add(Encoding.ASCII.GetString(buffer, 0, length));
        }
        while (answers[^1] != "last");
    }
    catch (OperationCanceledException)
    {
        answers.Add("nothing more");
    }

    Console.WriteLine("answers: " + string.Join(", ", answers));
    return 0;
}

static async Task<int> DatagramsAsync(string guest, int port)
{
    // One frame, the largest of one frame, and some in fragments, up to the largest that there can be.
    int[] lengths = [.. Enumerable.Range(0, 100), 1471, 1472, 1473, 4096, 20_000, 65_507];
    using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    await socket.ConnectAsync(IPAddress.Parse(guest), port);
    byte[] buffer = new byte[65_536];
    int echoed = 0;
    foreach (int length in lengths)
    {
        byte[] data = new byte[length];
        new Random(length).NextBytes(data);
        await socket.SendAsync(data);
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        try
        {
            int came = await socket.ReceiveAsync(buffer, limit.Token);
            echoed += buffer.AsSpan(0, came).SequenceEqual(data) ? 1 : 0;
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine($"no echo of {length} bytes");
        }
    }

    Console.WriteLine($"echoed {echoed} of {lengths.Length}");
    return 0;
}

static byte[] Mac(string text) =>
    [.. text.Split(':').Select(part => byte.Parse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))];
