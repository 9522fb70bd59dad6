using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Xenlet.Net.Tests.Linux.Services;

/// <summary>
/// As much of iperf3's server as one client's test over TCP needs. The client's first connection carries the control; states have a byte
/// each, and settings and results are JSON behind four bytes of length (iperf's src/iperf_api.h and iperf_api.c).
/// </summary>
internal sealed class IperfServer
{
    public const ushort Port = 5201;

    private const int CookieSize = 37;
    private const byte TestStart = 1;
    private const byte TestRunning = 2;
    private const byte TestEnd = 4;
    private const byte ParameterExchange = 9;
    private const byte CreateStreams = 10;
    private const byte ExchangeResults = 13;
    private const byte DisplayResults = 14;

    private readonly List<Stream> _streams = [];
    private Stream? _control;
    private int _receiving;
    private int _sending;

    /// <summary>Bytes that arrived by the client's streams.</summary>
    public long Received { get; private set; }

    /// <summary>Bytes that the client has acknowledged.</summary>
    public long Sent { get; private set; }

    /// <summary>Serves the port.</summary>
    public void Start(IpStack stack) => TcpService.Start(stack, Port, () => new Stream(this));

    private void OnCookie(Stream stream)
    {
        if (_control is null or { Ended: not null })
        {
            _streams.Clear();
            _control = stream;
            stream.Say(ParameterExchange);
            return;
        }

        _streams.Add(stream);
        if (_streams.Count == _receiving + _sending)
        {
            _control.Say(TestStart, TestRunning);

            // The streams by which the client sends come first.
            foreach (Stream sender in _streams.Skip(_receiving))
            {
                sender.IsSender = true;
                sender.Fill();
            }
        }
    }

    private void OnControl(Stream control, ReadOnlySpan<byte> json)
    {
        if (_sending + _receiving == 0)
        {
            using JsonDocument settings = JsonDocument.Parse(json.ToArray());
            int parallel = settings.RootElement.GetProperty("parallel").GetInt32();
            bool isBoth = IsSet(settings, "bidirectional");
            _receiving = isBoth || !IsSet(settings, "reverse") ? parallel : 0;
            _sending = isBoth || IsSet(settings, "reverse") ? parallel : 0;
            control.Say(CreateStreams);
            return;
        }

        // The client's results are in; ours follow, and then it prints them.
        byte[] results = JsonSerializer.SerializeToUtf8Bytes(new
        {
            cpu_util_total = 0.0,
            cpu_util_user = 0.0,
            cpu_util_system = 0.0,
            sender_has_retransmits = 0,
            streams = _streams.Select((stream, index) => new
            {
                // iperf3 leaves the number 2 out.
                id = index == 0 ? 1 : index + 2,
                bytes = stream.Bytes,
                retransmits = 0,
                jitter = 0,
                errors = 0,
                packets = 0,
            }),
        });
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, results.Length);
        control.Say([.. length, .. results, DisplayResults]);
        _sending = _receiving = 0;
    }

    private static bool IsSet(JsonDocument settings, string name) =>
        settings.RootElement.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.False;

    /// <summary>A connection of the client.</summary>
    private sealed class Stream(IperfServer server) : TcpStream
    {
        private static readonly byte[] Chunk = new byte[128 * 1024];

        private readonly List<byte> _received = [];
        private bool _hasCookie;

        public bool IsSender { get; set; }

        public long Bytes { get; private set; }

        public void Say(params ReadOnlySpan<byte> bytes) => Send(bytes);

        public void Fill()
        {
            Send(Chunk);
            Send(Chunk);
        }

        protected override void OnSent(int count)
        {
            if (IsSender)
            {
                Bytes += count;
                server.Sent += count;
                if (server._sending > 0)
                {
                    Send(Chunk.AsSpan(0, Math.Min(count, Chunk.Length)));
                }
            }
        }

        protected override void OnData(ReadOnlySpan<byte> data)
        {
            if (_hasCookie && server._control != this)
            {
                Bytes += data.Length;
                server.Received += data.Length;
                return;
            }

            _received.AddRange(data);
            ReadOnlySpan<byte> bytes = CollectionsMarshal.AsSpan(_received);
            if (!_hasCookie)
            {
                if (bytes.Length < CookieSize)
                {
                    return;
                }

                _hasCookie = true;
                ReadOnlySpan<byte> rest = bytes[CookieSize..].ToArray();
                _received.Clear();
                server.OnCookie(this);
                if (rest.Length > 0)
                {
                    OnData(rest);
                }

                return;
            }

            // Lengths begin with a zero, states do not.
            if (bytes[0] != 0)
            {
                if (bytes[0] == TestEnd)
                {
                    Say(ExchangeResults);
                }

                ReadOnlySpan<byte> rest = bytes[1..].ToArray();
                _received.Clear();
                if (rest.Length > 0)
                {
                    OnData(rest);
                }
            }
            else if (bytes.Length >= 4 && bytes.Length >= 4 + BinaryPrimitives.ReadInt32BigEndian(bytes))
            {
                byte[] json = bytes[4..].ToArray();
                _received.Clear();
                server.OnControl(this, json);
            }
        }
    }
}
