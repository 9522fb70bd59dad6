using System.Globalization;
using System.Net;
using Xenlet.Net.Internet;
using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp.Simulation;

/// <summary>
/// A peer that does what a script says, and checks what our host sends, in the manner of packetdrill. Sequence numbers count from each
/// side's first one. <c>in SA seq=0 ack=1 win=500 mss=1000 sackok ts=7,0 sack=1-5</c> is a segment of the peer's, <c>out A ack=1</c> the
/// next one of ours, of which what is written is compared. The other commands are the cases of <see cref="Do"/>.
/// </summary>
internal sealed class ScriptedPeer
{
    private const uint PeerInitial = 5_000;
    private const ushort PeerPort = 4_321;
    private const ushort Port = 80;

    private readonly SimulatedTime _time = new();
    private readonly Queue<byte[]> _sent = new();
    private readonly InternetAddress _address = InternetAddress.From(IPAddress.Parse("10.0.0.9"));
    private TcpSettings _settings = new();
    private SimulatedServer? _server;
    private uint? _initial;
    private uint? _firstTimestamp;
    private ushort _port = Port;
    private string _line = "";

    private ScriptedPeer(TcpFeatures features, int receiveCapacity)
    {
        Host = new SimulatedHost(_time, "10.0.0.1", 1, features);
        Host.Link = new SimulatedLink(_time, 2, Host) { KeepsSuperSegments = true, Filter = Take, Mtu = int.MaxValue };
        User = new SimulatedUser(1_000_000, receiveCapacity);
        ReceiveCapacity = receiveCapacity;
    }

    public SimulatedHost Host { get; }

    /// <summary>The socket on our side.</summary>
    public SimulatedUser User { get; private set; }

    private int ReceiveCapacity { get; }

    /// <summary>Runs a script.</summary>
    public static ScriptedPeer Run(string script, int receiveCapacity = 60_000, TcpFeatures features = TcpFeatures.All)
    {
        ScriptedPeer peer = new(features, receiveCapacity);
        foreach (string line in script.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            peer._line = line;
            peer.Do(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        }

        Assert.Equal(0, peer.Host.Pool.Rented);
        Assert.Equal(0, peer.Host.Tcp.Counters.Faults);
        return peer;
    }

    private void Do(string[] words)
    {
        string[] rest = words[1..];
        switch (words[0])
        {
            case "in":
                Send(rest);
                break;
            case "out":
                Expect(rest);
                break;
            case "outs":
                Assert.True(_sent.Count == Number(rest[0]), $"'{_line}': {_sent.Count} were sent");
                _sent.Clear();
                break;
            case "none":
                Assert.True(_sent.Count == 0, $"'{_line}': sent was {(_sent.Count == 0 ? "" : Describe(_sent.Peek()))}");
                break;
            case "times":
                for (int i = 0; i < Number(rest[0]); i++)
                {
                    Do(rest[1..]);
                }

                break;
            case "connect":
                Assert.Equal(TcpError.None, Connect(out TcpConnection? connection));
                User.Connection = connection;
                break;
            case "established":
                Do(["connect"]);
                Do(["out", "S", "seq=0"]);
                Do(["+0.1"]);
                Do(["in", "SA", "seq=0", "ack=1", "win=50000", "mss=1000", .. rest]);
                Do(["out", "A", "seq=1", "ack=1", "len=0"]);
                Do(["state", "Established"]);
                break;
            case "listen":
                Listen();
                break;
            case "accepted":
                Do(["listen"]);
                Do(["in", "S", "seq=0", "win=50000", "mss=1000", .. rest]);
                Do(["out", "SA", "seq=0", "ack=1"]);
                Do(["+0.1"]);
                Do(["in", "A", "seq=1", "ack=1", "win=50000"]);
                Do(["state", "Established"]);
                break;
            case "calm":
                // Past the acknowledgments that come at once at the start of a connection.
                for (int i = 1; i <= 16; i++)
                {
                    Do(["in", "A", $"seq={i}", "ack=1", "len=1", "win=50000"]);
                }

                _sent.Clear();
                break;
            case "write":
                Assert.Equal(Number(rest[0]), User.Write(Number(rest[0])));
                break;
            case "urgent":
                Assert.Equal(Number(rest[0]), User.WriteUrgent(Number(rest[0])));
                break;
            case "refuse":
                User.Refusals = Number(rest[0]);
                break;
            case "read":
                Assert.Equal(Number(rest[0]), User.Read(Number(rest[0])));
                break;
            case "finish":
                User.Connection!.FinishSending();
                break;
            case "close":
                User.Connection!.Close(hasUnread: rest is ["unread"]);
                break;
            case "abort":
                User.Connection!.Abort();
                break;
            case "nodelay":
                _settings = _settings with { IsNoDelay = true };
                break;
            case "keepalive":
                _settings = _settings with
                {
                    IsKeepAlive = true,
                    KeepAliveIdle = Number(rest[0]) * SimulatedTime.Second,
                    KeepAliveInterval = Number(rest[1]) * SimulatedTime.Second,
                    KeepAliveProbes = Number(rest[2]),
                };
                break;
            case "usertimeout":
                _settings = _settings with { UserTimeout = Number(rest[0]) * SimulatedTime.Second };
                break;
            case "segmenting":
                Host.Segments = true;
                break;
            case "mtu":
                Host.LearnMtu(_address, Number(rest[0]));
                break;
            case "batch":
                Host.Tcp.BeginBatch();
                break;
            case "end-batch":
                Host.Tcp.EndBatch();
                break;
            case "sends":
                Host.Answers = rest[0] == "normally" ? null : Enum.Parse<InternetSendResult>(rest[0]);
                break;
            case "room":
                Host.Answers = null;
                Host.Tcp.OnRoom();
                break;
            case "icmp":
                Host.Tcp.OnError(
                    new Flow(new Endpoint(Host.Address, _port), new Endpoint(_address, PeerPort)),
                    _initial!.Value + (uint)Number(rest[2]), Enum.Parse<TcpError>(rest[1]), rest[0] == "hard");
                break;
            case "doubts":
                Assert.True(Host.Doubts == Number(rest[0]), $"'{_line}': {Host.Doubts}");
                break;
            case "state":
                Assert.True(User.Connection!.State.ToString() == rest[0], $"'{_line}': the state is {User.Connection.State}");
                break;
            case "error":
                Assert.True(User.HasEnded && User.Error.ToString() == rest[0], $"'{_line}': ended {User.HasEnded}, {User.Error}");
                break;
            case "alive":
                Assert.False(User.HasEnded, $"'{_line}': ended, {User.Error}");
                break;
            case "gone":
                Assert.True(Host.Tcp.Connections.Count == 0, $"'{_line}': there are {Host.Tcp.Connections.Count} connections");
                break;
            case "timewait":
                Assert.True(Host.Tcp.TimeWaitCount == Number(rest[0]), $"'{_line}': there are {Host.Tcp.TimeWaitCount}");
                break;
            case "received":
                Assert.True(User.Received == Number(rest[0]), $"'{_line}': {User.Received}");
                break;
            case "unmarked":
                Assert.True(User.Mark < 0, $"'{_line}': the mark is before byte {User.Mark}");
                break;
            case "announced" or "marked":
                bool isSo = User.Mark == Number(rest[0]) && User.HasUrgentByte == (words[0] == "marked");
                Assert.True(isSo, $"'{_line}': {User.Mark}, {User.HasUrgentByte}");
                break;
            case "finished":
                Assert.True(User.HasPeerFinished, $"'{_line}': it is not known");
                break;
            case "cwnd":
                Assert.True(User.Connection!.GetInfo().CongestionWindow == Number(rest[0]), $"'{_line}': {User.Connection.GetInfo()}");
                break;
            case "ssthresh":
                Assert.True(User.Connection!.GetInfo().Threshold == Number(rest[0]), $"'{_line}': {User.Connection.GetInfo()}");
                break;
            case "info":
                ExpectInfo(rest);
                break;
            default:
                Assert.StartsWith("+", words[0], StringComparison.Ordinal);
                Pass((long)(double.Parse(words[0], CultureInfo.InvariantCulture) * SimulatedTime.Second));
                break;
        }
    }

    /// <summary>Compares properties of the connection's <see cref="TcpConnectionInfo"/>, by their names; a switch is 0 or 1.</summary>
    private void ExpectInfo(string[] expected)
    {
        TcpConnectionInfo info = User.Connection!.GetInfo();
        foreach (string each in expected)
        {
            string[] parts = each.Split('=');
            object? value = typeof(TcpConnectionInfo).GetProperty(parts[0])!.GetValue(info);
            long number = Convert.ToInt64(value, CultureInfo.InvariantCulture);
            Assert.True(long.Parse(parts[1], CultureInfo.InvariantCulture) == number, $"'{_line}': {parts[0]} is {number}");
        }
    }

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);

    private TcpError Connect(out TcpConnection? connection)
    {
        TcpError error = Host.Tcp.Connect(new Endpoint(_address, PeerPort), User, null, _settings, out connection);
        _port = connection?.Flow.Local.Port ?? Port;
        return error;
    }

    private void Listen()
    {
        _server = new SimulatedServer(1_000_000, ReceiveCapacity) { OnNew = user => User = user };
        Assert.Equal(TcpError.None, Host.Tcp.Bind(new Endpoint(Host.Address, Port), false, true, false, out TcpBinding? binding));
        Assert.Equal(TcpError.None, Host.Tcp.Listen(binding!, _server, _settings, 16, out _));
    }

    private void Pass(long duration)
    {
        long end = _time.Now + duration;
        while (Math.Min(_time.Next, Host.NextDue) <= end)
        {
            _time.GoTo(Math.Min(_time.Next, Host.NextDue));
            _time.RunDue();
            Host.RunTimers();
        }

        _time.GoTo(end);
    }

    private bool Take(byte[] bytes)
    {
        _sent.Enqueue(bytes);
        Assert.True(TcpHeader.TryRead(bytes, out TcpHeader header));
        if (_initial is null || (header.Flags & (TcpFlags.Syn | TcpFlags.Rst)) == TcpFlags.Syn)
        {
            _initial = header.Sequence.Value;
            TcpOptions options = TcpOptions.Read(bytes.AsSpan(TcpHeader.FixedSize..header.HeaderSize));
            _firstTimestamp ??= options.TimestampValue;
        }

        return false;
    }

    private static TcpFlags Flags(string letters)
    {
        TcpFlags flags = TcpFlags.None;
        foreach (char letter in letters)
        {
            flags |= letter switch
            {
                'S' => TcpFlags.Syn,
                'A' => TcpFlags.Ack,
                'F' => TcpFlags.Fin,
                'R' => TcpFlags.Rst,
                'P' => TcpFlags.Psh,

                // There must be none; a line without either letter says nothing of PSH.
                'p' => TcpFlags.None,
                'U' => TcpFlags.Urg,
                _ => throw new FormatException($"no flag: {letter}"),
            };
        }

        return flags;
    }

    private void Send(string[] words)
    {
        uint sequence = PeerInitial;
        uint acknowledgment = 0;
        ushort window = 50_000;
        int length = 0;
        int segmentSize = 0;
        ushort urgent = 0;
        bool isDamaged = false;
        TcpOptions options = default;
        foreach (string word in words[1..])
        {
            string[] parts = word.Split('=');
            int[] values = parts.Length == 1 ? [] : [.. parts[1].Split(',', '-').Where(each => each.Length > 0).Select(Number)];
            switch (parts[0])
            {
                case "seq":
                    sequence = PeerInitial + (uint)(parts[1][0] == '-' ? -values[0] : values[0]);
                    break;
                case "ack":
                    acknowledgment = _initial.GetValueOrDefault() + (uint)(parts[1][0] == '-' ? -values[0] : values[0]);
                    break;
                case "win":
                    window = (ushort)values[0];
                    break;
                case "len":
                    length = values[0];
                    break;
                case "mss":
                    options.MaximumSegmentSize = (ushort)values[0];
                    break;
                case "ws":
                    options.HasWindowScale = true;
                    options.WindowScale = (byte)values[0];
                    break;
                case "sackok":
                    options.IsSackPermitted = true;
                    break;
                case "ts":
                    options.HasTimestamps = true;
                    options.TimestampValue = (uint)values[0];
                    options.TimestampEcho = _firstTimestamp.GetValueOrDefault() + (uint)values[1];
                    break;
                case "sack":
                    for (int i = 0; i < values.Length; i += 2)
                    {
                        SequenceNumber start = new(_initial!.Value + (uint)values[i]);
                        options.AddSack(new SackBlock(start, start + (values[i + 1] - values[i])));
                    }

                    break;
                case "urg":
                    urgent = (ushort)values[0];
                    break;
                case "joined":
                    segmentSize = values[0];
                    break;
                case "damaged":
                    isDamaged = true;
                    break;
                default:
                    Assert.Fail($"'{_line}': no {parts[0]}");
                    break;
            }
        }

        int size = TcpHeader.FixedSize + options.Size;
        byte[] bytes = new byte[size + length];
        SequenceNumber number = new(sequence);
        new TcpHeader(PeerPort, _port, number, new SequenceNumber(acknowledgment), Flags(words[0]), window, urgent, size).Write(bytes);
        options.Write(bytes.AsSpan(TcpHeader.FixedSize));
        long position = sequence - PeerInitial - (words[0].Contains('S', StringComparison.Ordinal) ? 0 : 1);
        Pattern.Fill(Math.Max(position, 0), bytes.AsSpan(size));
        InternetHeader header = new(_address, Host.Address, TcpHeader.Protocol, 64, 0, false);
        ushort pseudo = TcpChecksum.OfPseudoHeader(header.Source, header.Destination, bytes.Length);
        ushort sum = InternetChecksum.Of(InternetChecksum.Add(bytes, pseudo));
        bytes[TcpHeader.ChecksumOffset] = (byte)(sum >> 8);
        bytes[TcpHeader.ChecksumOffset + 1] = (byte)(isDamaged ? ~sum : sum);
        Host.Arrive(bytes, header, segmentSize);
    }

    private string Describe(byte[] bytes)
    {
        TcpHeader.TryRead(bytes, out TcpHeader header);
        return $"{header.Flags} seq={header.Sequence.Value - _initial.GetValueOrDefault()} "
            + $"ack={(int)(header.Acknowledgment.Value - PeerInitial)} win={header.Window} len={bytes.Length - header.HeaderSize}";
    }

    private void Expect(string[] words)
    {
        Assert.True(_sent.TryDequeue(out byte[]? bytes), $"'{_line}': nothing was sent");
        Assert.True(TcpHeader.TryRead(bytes, out TcpHeader header));
        TcpOptions options = TcpOptions.Read(bytes.AsSpan(TcpHeader.FixedSize..header.HeaderSize));
        List<string> found = [];
        bool isPushNamed = words[0].Contains('P', StringComparison.OrdinalIgnoreCase);
        TcpFlags compared = isPushNamed ? header.Flags : header.Flags & ~TcpFlags.Psh;
        Assert.True(Flags(words[0]) == compared, $"'{_line}': sent was {Describe(bytes)}");
        foreach (string word in words[1..])
        {
            found.Add(word.Split('=')[0] switch
            {
                "seq" => $"seq={(int)(header.Sequence.Value - _initial!.Value)}",
                "ack" => $"ack={(int)(header.Acknowledgment.Value - PeerInitial)}",
                "win" => $"win={header.Window}",
                "urg" => $"urg={header.UrgentPointer}",
                "len" => $"len={bytes.Length - header.HeaderSize}",
                "mss" => $"mss={options.MaximumSegmentSize}",
                "ws" => options.HasWindowScale ? $"ws={options.WindowScale}" : "no ws",
                "sackok" => options.IsSackPermitted ? "sackok" : "no sackok",
                "ts" => options.HasTimestamps
                    ? $"ts={options.TimestampValue - _firstTimestamp.GetValueOrDefault()},{options.TimestampEcho}"
                    : "no ts",
                "sack" => "sack=" + string.Join(',', Enumerable.Range(0, options.SackCount).Select(i =>
                    $"{options.Sack(i).Start.Value - PeerInitial}-{options.Sack(i).End.Value - PeerInitial}")),
                "plain" => options.Size == 0 ? "plain" : "options",
                _ => "?",
            });
        }

        Assert.True(words[1..].SequenceEqual(found), $"'{_line}': sent was {Describe(bytes)}, {string.Join(' ', found)}");
    }
}
