using System.Net;
using Xenlet.Net;
using Xenlet.Net.Internet;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// A connection whose peer sends any segments, at any time, while its user writes, reads and closes as the script says: what the user gets
/// is what the peer has sent, byte for byte, and what leaves is what the user has written; every time ends, and nothing is left.
/// </summary>
internal static class TcpSegments
{
    public static byte[][] Tokens { get; } =
    [
        [2, 4, 5, 180], [3, 3, 7], [4, 2], [8, 10, 0, 0, 0, 1, 0, 0, 0, 0], [5, 10], [5, 18], [1, 1],
        [0x10], [0x12], [0x02], [0x11], [0x04],
    ];

    public static void Run(byte[] input) => new Exchange(new Script(input)).Run();

    private sealed class Exchange
    {
        private const int Capacity = 20_000;
        private const ushort PeerPort = 4_321;
        private const ushort Port = 80;
        private const int MostAtOnce = 4_096;
        private const int MostTurns = 20_000;

        private static readonly SequenceNumber PeerInitial = new(5_000);
        private static readonly InternetAddress PeerAddress = InternetAddress.From(IPAddress.Parse("10.0.0.9"));

        private readonly Script _script;
        private readonly SimulatedTime _time = new();
        private readonly SimulatedHost _host;
        private readonly SimulatedServer _server = new(Capacity, Capacity);
        private readonly TcpListener? _listener;
        private SimulatedUser? _user;
        private ushort _port = Port;
        private SequenceNumber? _initial;
        private SequenceNumber _sentEnd;
        private SequenceNumber _expected = PeerInitial;
        private TcpOptions _lastOptions;
        private int _sentAtOnce;

        public Exchange(Script script)
        {
            _script = script;
            byte mode = script.Byte();
            TcpFeatures features = (mode & 1) == 0 ? TcpFeatures.All : (TcpFeatures)(mode >> 4 & 7);
            _host = new SimulatedHost(_time, "10.0.0.1", 1, features) { Segments = (mode & 2) != 0 };
            _host.Link = new SimulatedLink(_time, 2, _host) { KeepsSuperSegments = true, Filter = Take, Mtu = int.MaxValue };
            if ((mode & 4) != 0)
            {
                _user = new SimulatedUser(Capacity, Capacity);
                Assert.Equal(
                    TcpError.None,
                    _host.Tcp.Connect(new Endpoint(PeerAddress, PeerPort), _user, null, null, out TcpConnection? connection));
                _user.Connection = connection;
            }
            else
            {
                _server.OnNew = user => _user = user;
                Endpoint local = new(_host.Address, Port);
                Assert.Equal(TcpError.None, _host.Tcp.Bind(local, false, true, false, out TcpBinding? binding));
                Assert.Equal(TcpError.None, _host.Tcp.Listen(binding!, _server, new TcpSettings(), 8, out _listener));
                _host.Tcp.Release(binding!);
            }

            if ((mode & 8) != 0)
            {
                Open();
            }
        }

        public void Run()
        {
            while (!_script.AtEnd)
            {
                _sentAtOnce = 0;
                Step();
                Assert.Equal(0, _host.Tcp.Counters.Faults);
                Assert.Equal(0, _host.Pool.Rented);
                Assert.InRange(_host.Timers.Count, 0, 64);
            }

            _host.Tcp.EndBatch();
            if (_listener is not null)
            {
                _host.Tcp.Close(_listener);
            }

            foreach (SimulatedUser user in _server.Accepted.Append(_user).OfType<SimulatedUser>().Where(user => !user.HasEnded))
            {
                user.Connection!.Abort();
            }

            Pass(120_000);
            Assert.Empty(_host.Tcp.Connections);
            Assert.Equal((0, 0, 0), (_host.Timers.Count, _host.Tcp.Ports.Count, _host.Tcp.TimeWaitCount));
            Assert.Equal(0, _host.Tcp.Counters.Faults);
        }

        private void Step()
        {
            SimulatedUser? user = _user is { HasEnded: false } living ? living : null;
            switch (_script.Below(12))
            {
                case 0:
                    Pass(_script.UInt16());
                    break;
                case 1:
                    user?.Write(_script.UInt16());
                    break;
                case 2:
                    user?.Read(_script.UInt16());
                    break;
                case 3:
                    user?.Connection!.FinishSending();
                    break;
                case 4:
                    byte how = _script.Byte();
                    if (how < 32)
                    {
                        user?.Connection!.Abort();
                    }
                    else
                    {
                        user?.Connection!.Close(hasUnread: how > 128);
                    }

                    break;
                case 5:
                    Disturb(user);
                    break;
                case 6:
                    _host.Tcp.BeginBatch();
                    break;
                case 7:
                    _host.Tcp.EndBatch();
                    break;
                default:
                    Segment();
                    break;
            }
        }

        /// <summary>What routers, the link and the user's settings do.</summary>
        private void Disturb(SimulatedUser? user)
        {
            byte what = _script.Byte();
            switch (what % 6)
            {
                case 0:
                    _host.Refuse(_script.Byte() * SimulatedTime.Millisecond);
                    break;
                case 1:
                    _host.LearnMtu(PeerAddress, 552 + (_script.UInt16() % 9_000));
                    break;
                case 2:
                    Flow flow = new(new Endpoint(_host.Address, _port), new Endpoint(PeerAddress, PeerPort));
                    _host.Tcp.OnError(flow, (_sentEnd + (sbyte)_script.Byte()).Value, TcpError.Refused, isHard: what > 128);
                    break;
                case 3 when user is not null:
                    user.Refusals = _script.Byte() % 4;
                    break;
                case 4 when user is not null:
                    user.Connection!.Apply(user.Connection.Settings with
                    {
                        IsNoDelay = what > 128,
                        IsKeepAlive = _script.Byte() > 128,
                        KeepAliveIdle = SimulatedTime.Second,
                        KeepAliveInterval = SimulatedTime.Second,
                        UserTimeout = (_script.Byte() & 15) * SimulatedTime.Second,
                    });
                    break;
                case 5:
                    _host.Segments = what > 128;
                    break;
            }
        }

        /// <summary>A handshake with all options.</summary>
        private void Open()
        {
            TcpOptions options = new()
            {
                MaximumSegmentSize = 1_000,
                HasTimestamps = true,
                HasWindowScale = true,
                WindowScale = 2,
                IsSackPermitted = true,
                TimestampValue = 7,
                TimestampEcho = _lastOptions.TimestampValue,
            };
            bool isActive = _listener is null;
            if (isActive)
            {
                Deliver(PeerInitial, _sentEnd, TcpFlags.Syn | TcpFlags.Ack, 20_000, Written(options), 0);
            }
            else
            {
                Deliver(PeerInitial, default, TcpFlags.Syn, 20_000, Written(options), 0);
                options = new() { HasTimestamps = true, TimestampValue = 7, TimestampEcho = _lastOptions.TimestampValue };
                Deliver(PeerInitial + 1, _sentEnd, TcpFlags.Ack, 20_000, Written(options), 0);
            }
        }

        private void Segment()
        {
            TcpFlags flags = (TcpFlags)(_script.Byte() & 0x3F);
            bool isSyn = (flags & TcpFlags.Syn) != 0;
            SequenceNumber sequence = isSyn ? PeerInitial : _expected + (short)_script.UInt16();
            SequenceNumber acknowledgment = _sentEnd + (short)_script.UInt16();
            ushort window = _script.UInt16();
            byte[] options = Options();
            Deliver(sequence, acknowledgment, flags, window, options, _script.UInt16() % 1_500);
        }

        private byte[] Options()
        {
            byte kind = _script.Byte();
            if (kind < 64)
            {
                byte[] any = new byte[4 * (kind % 11)];
                _script.Bytes(any.Length).CopyTo(any);
                return any;
            }

            TcpOptions options = new()
            {
                HasTimestamps = kind > 80,
                TimestampValue = _lastOptions.TimestampEcho + (uint)(sbyte)_script.Byte(),
                TimestampEcho = _lastOptions.TimestampValue + (uint)(sbyte)_script.Byte(),
            };
            for (int block = kind % 4; block > 0; block--)
            {
                SequenceNumber start = _sentEnd + (short)_script.UInt16();
                options.AddSack(new SackBlock(start, start + (short)_script.UInt16()));
            }

            return Written(options);
        }

        private void Deliver(
            SequenceNumber sequence, SequenceNumber acknowledgment, TcpFlags flags, ushort window, byte[] options, int length)
        {
            int size = TcpHeader.FixedSize + options.Length;
            byte[] bytes = new byte[size + length];
            new TcpHeader(PeerPort, _port, sequence, acknowledgment, flags, window, (ushort)length, size).Write(bytes);
            options.CopyTo(bytes, TcpHeader.FixedSize);

            // The peer's stream is known by its places; what lies before its begin is in no window.
            int position = sequence - PeerInitial - ((flags & TcpFlags.Syn) != 0 ? 0 : 1);
            Pattern.Fill(Math.Max(position, 0), bytes.AsSpan(Math.Min(size + Math.Max(-position, 0), bytes.Length)));
            PacketBuffer packet = _host.Pool.Rent(bytes.Length);
            bytes.CopyTo(packet.Append(bytes.Length));
            packet.Offload = new PacketOffload(false, true, 0);
            _host.Tcp.Receive(packet, new InternetHeader(PeerAddress, _host.Address, TcpHeader.Protocol, 64, 0, false));
        }

        /// <summary>Sees what the host sends.</summary>
        private bool Take(byte[] bytes)
        {
            Assert.True(TcpHeader.TryRead(bytes, out TcpHeader header), "what was sent is no segment");
            Assert.InRange(++_sentAtOnce, 0, MostAtOnce);
            TcpOptions options = TcpOptions.Read(bytes.AsSpan(TcpHeader.FixedSize..header.HeaderSize));
            ReadOnlySpan<byte> data = bytes.AsSpan(header.HeaderSize);
            _port = header.SourcePort;
            if ((header.Flags & TcpFlags.Rst) != 0)
            {
                return false;
            }

            bool isSyn = (header.Flags & TcpFlags.Syn) != 0;
            if (isSyn && _initial != header.Sequence)
            {
                _initial = _sentEnd = header.Sequence;
            }

            if (!data.IsEmpty)
            {
                int difference = Pattern.FirstDifference(header.Sequence - _initial!.Value - 1, data);
                Assert.True(difference < 0, $"byte {difference} of a segment is another one than was written");
            }

            int length = data.Length + (isSyn ? 1 : 0) + ((header.Flags & TcpFlags.Fin) != 0 ? 1 : 0);
            _sentEnd = SequenceNumber.Max(_sentEnd, header.Sequence + length);
            _expected = (header.Flags & TcpFlags.Ack) != 0 ? header.Acknowledgment : _expected;
            _lastOptions = options;
            return false;
        }

        private void Pass(int milliseconds)
        {
            long end = _time.Now + (milliseconds * SimulatedTime.Millisecond);
            for (int turn = 0; turn < MostTurns; turn++)
            {
                long next = Math.Min(_time.Next, _host.NextDue);
                if (next > end)
                {
                    _time.GoTo(end);
                    return;
                }

                _time.GoTo(next);
                _time.RunDue();
                _host.RunTimers();
            }

            Assert.Fail($"within {milliseconds} ms the connection has not come to rest in {MostTurns} turns");
        }

        private static byte[] Written(in TcpOptions options)
        {
            byte[] bytes = new byte[options.Size];
            options.Write(bytes);
            return bytes;
        }
    }
}
