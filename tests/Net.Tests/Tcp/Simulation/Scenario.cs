using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp.Simulation;

/// <summary>
/// A transfer both ways over a bad path, all of it chosen by a seed. What must hold: every byte arrives once and in order, the end arrives,
/// nothing stalls, nothing is left.
/// </summary>
internal sealed class Scenario
{
    private const long Stall = 1_200 * SimulatedTime.Second;

    private readonly Random _random;
    private readonly SimulatedNetwork _network;
    private readonly List<Side> _sides = [];
    private readonly int _sendCapacity;
    private readonly int _receiveCapacity;
    private long _progressAt;

    public Scenario(int seed)
    {
        _random = new Random(seed);
        _network = new SimulatedNetwork(seed, _random.Next(3) == 0, Features(), Features());
        _sendCapacity = 1 << _random.Next(10, 19);
        _receiveCapacity = 1 << _random.Next(9, 19);
        Worsen(_network.Left);
        Worsen(_network.Right);
    }

    /// <summary>What was chosen.</summary>
    public string Description { get; private set; } = "";

    public void Run()
    {
        TcpSettings settings = new() { IsNoDelay = _random.Next(2) == 0 };
        SimulatedServer server = new(_sendCapacity, _receiveCapacity);
        server.OnNew = user => _sides.Add(new Side(this, user, _random.Next()));
        _network.Listen(server, settings);
        SimulatedUser client = new(_sendCapacity, _receiveCapacity);
        _network.Connect(client, settings);
        _sides.Add(new Side(this, client, _random.Next()));
        PlanPauses();
        _progressAt = _network.Time.Now;

        bool isDone = _network.RunUntil(IsDone, 100_000 * SimulatedTime.Second, () => Assert.True(
            _network.Time.Now - _progressAt < Stall || _sides.TrueForAll(side => side.IsDone), $"a stall: {State()}"));

        Assert.True(isDone, $"no end: {State()}");
        Assert.Equal(2, _sides.Count);
        Assert.All(_sides, side => Assert.Equal(TcpError.None, side.User.Error));
        Assert.All(_sides, side => Assert.True(side.User.HasPeerFinished, "the end did not arrive"));
        Assert.Equal(_sides[0].Total, _sides[1].User.Received);
        Assert.Equal(_sides[1].Total, _sides[0].User.Received);
        _network.AssertNothingIsLeft();
    }

    private bool IsDone() => _sides.Count == 2 && _sides.TrueForAll(side => side.IsDone);

    private TcpFeatures Features() => _random.Next(3) == 0 ? (TcpFeatures)_random.Next(8) : TcpFeatures.All;

    private string State() => string.Join("; ", _sides.Select(side =>
        $"{side.User.Connection!.GetInfo()} wrote {side.User.Written} of {side.Total}, received {side.User.Received}, "
        + $"read {side.User.Consumed}, finished {side.User.HasPeerFinished}, ended {side.User.HasEnded}"));

    private void Worsen(SimulatedHost host)
    {
        SimulatedLink link = host.Link!;
        link.Delay = _random.Next(4) switch
        {
            0 => _random.NextInt64(SimulatedTime.Millisecond),
            3 => _random.NextInt64(400 * SimulatedTime.Millisecond),
            _ => _random.NextInt64(50 * SimulatedTime.Millisecond),
        };
        link.Bandwidth = _random.Next(2) == 0 ? 0 : 1L << _random.Next(14, 26);
        link.QueueLimit = _random.NextInt64(5, 500) * SimulatedTime.Millisecond;
        link.Loss = _random.Next(3) == 0 ? _random.NextDouble() * 0.1 : _random.Next(2) * 0.01;
        link.Duplication = _random.Next(4) == 0 ? _random.NextDouble() * 0.2 : 0;
        link.Reordering = _random.Next(3) == 0 ? _random.NextDouble() * 0.3 : 0;
        link.Corruption = _random.Next(4) == 0 ? _random.NextDouble() * 0.03 : 0;
        host.Segments = _random.Next(2) == 0;
        host.Batches = _random.Next(2) == 0;
        link.KeepsSuperSegments = host.Segments && _random.Next(3) == 0;
        host.Mtu = _random.Next(4) == 0 ? _random.Next(1_280, 9_000) : 1_500;
        link.Mtu = host.Mtu;
        if (_random.Next(6) == 0)
        {
            link.TellsMtu = _random.Next(2) == 0;
            int smaller = link.TellsMtu ? _random.Next(1_280, 1_500) : 1_280;
            _network.Time.After(_random.NextInt64(SimulatedTime.Second), () => link.Mtu = Math.Min(link.Mtu, smaller));
        }

        Description += $"[{host.Address} delay {link.Delay / 1_000} us, {link.Bandwidth} B/s, "
            + $"loss {link.Loss:f3}, dup {link.Duplication:f2}, reorder {link.Reordering:f2}, corrupt {link.Corruption:f3}, mtu "
                + $"{host.Mtu} tso {host.Segments} "
            + $"batches {host.Batches} {host.Tcp.Features} "
            + $"send {_sendCapacity} receive {_receiveCapacity}] ";
    }

    private void PlanPauses()
    {
        for (int i = _random.Next(4); i > 0; i--)
        {
            SimulatedHost host = _random.Next(2) == 0 ? _network.Left : _network.Right;
            long duration = _random.NextInt64(1, _random.Next(2) == 0 ? 100 : 20_000) * SimulatedTime.Millisecond;
            bool isPause = _random.Next(2) == 0;
            _network.Time.After(_random.NextInt64(2 * SimulatedTime.Second), () =>
            {
                if (isPause)
                {
                    host.Pause(duration);
                }
                else
                {
                    host.Refuse(duration / 10);
                }
            });
        }
    }

    /// <summary>A program at one end: it writes, reads and closes in its own time.</summary>
    private sealed class Side
    {
        private readonly Scenario _scenario;
        private readonly Random _random;
        private readonly int _chunk;
        private readonly int _portion;
        private readonly long _rest;
        private readonly bool _isEager;
        private bool _hasFinished;

        public Side(Scenario scenario, SimulatedUser user, int seed)
        {
            _scenario = scenario;
            _random = new Random(seed);
            User = user;
            Total = _random.Next(5) == 0 ? _random.Next(10) : _random.Next(1 << _random.Next(8, 18));
            _chunk = 1 << _random.Next(4, 17);
            _portion = 1 << _random.Next(6, 18);
            _rest = _random.Next(3) == 0 ? _random.NextInt64(100 * SimulatedTime.Millisecond) : 0;

            // One end may wait for the other's end before it ends itself.
            _isEager = _random.Next(3) != 0 || scenario._sides.Count == 0;
            user.Refusals = _random.Next(10) == 0 ? _random.Next(5) : 0;
            user.Connected = Work;
            user.Arrived = () => scenario._progressAt = scenario._network.Time.Now;
            user.Released = () => scenario._progressAt = scenario._network.Time.Now;
        }

        public SimulatedUser User { get; }

        public int Total { get; }

        public bool IsDone => User.HasEnded;

        private void Work()
        {
            if (User.HasEnded)
            {
                return;
            }

            int read = User.Read(_portion);
            int left = (int)(Total - User.Written);
            int written = left > 0 ? User.Write(Math.Min(left, _chunk)) : 0;
            if (User.HasEnded)
            {
                return;
            }

            if (User.Written == Total && !_hasFinished && (_isEager || User.HasPeerFinished))
            {
                _hasFinished = true;
                User.Connection!.FinishSending();
            }

            long wait = _rest > 0 ? _random.NextInt64(_rest) + 1
                : read > 0 || written > 0 ? SimulatedTime.Millisecond / 10
                : 5 * SimulatedTime.Millisecond;
            _scenario._network.Time.After(wait, Work);
        }
    }
}
