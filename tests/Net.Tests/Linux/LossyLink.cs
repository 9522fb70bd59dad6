using System.Diagnostics;

namespace Xenlet.Net.Tests.Linux;

/// <summary>What a link does to frames, each with this probability.</summary>
/// <param name="Seed">Of the random numbers that decide.</param>
/// <param name="Loss">The frame does not arrive.</param>
/// <param name="Duplication">It arrives twice.</param>
/// <param name="Reordering">It arrives later than those behind it.</param>
/// <param name="Delay">How long every frame takes.</param>
internal sealed record Weather(int Seed, double Loss, double Duplication, double Reordering, TimeSpan Delay);

/// <summary>A link that loses, repeats, reorders and delays frames, both ways.</summary>
internal sealed class LossyLink(ILink inner, Weather weather) : ILink
{
    private readonly Way _out = new(weather, 1);
    private readonly Way _in = new(weather, 2);

    public MacAddress Address => inner.Address;

    public int Mtu => inner.Mtu;

    /// <summary>None: each segment is a frame, to be lost by itself.</summary>
    public LinkOffloads Offloads => LinkOffloads.None;

    /// <summary>How many frames were lost.</summary>
    public int Lost => _out.Lost + _in.Lost;

    /// <summary>When the next frame arrives at either end.</summary>
    public long NextDue => Math.Min(_out.NextDue, _in.NextDue);

    public bool TrySend(PacketBuffer frame)
    {
        _out.Enter(frame);
        return true;
    }

    public PacketBuffer? TryReceive(PacketPool pool)
    {
        while (inner.TryReceive(pool) is PacketBuffer frame)
        {
            _in.Enter(frame);
        }

        return _in.TryLeave(pool);
    }

    /// <summary>Hands the other end the frames whose time has come.</summary>
    public void Deliver(PacketPool pool)
    {
        while (_out.TryLeave(pool) is PacketBuffer frame)
        {
            if (!inner.TrySend(frame))
            {
                frame.Return();
            }
        }
    }

    public void SetMulticast(MacAddress group, bool isJoined) => inner.SetMulticast(group, isJoined);

    /// <summary>One direction.</summary>
    private sealed class Way(Weather weather, int number)
    {
        private readonly Random _random = new((weather.Seed * 2) + number);
        private readonly PriorityQueue<byte[], (long Due, int Number)> _frames = new();
        private int _count;

        public int Lost { get; private set; }

        public long NextDue => _frames.TryPeek(out _, out (long Due, int) priority) ? priority.Due : long.MaxValue;

        public void Enter(PacketBuffer frame)
        {
            byte[] bytes = frame.Data.ToArray();
            frame.Return();
            if (_random.NextDouble() < weather.Loss)
            {
                Lost++;
                return;
            }

            int copies = _random.NextDouble() < weather.Duplication ? 2 : 1;
            for (int copy = 0; copy < copies; copy++)
            {
                double delay = _random.NextDouble() < weather.Reordering ? 1 + _random.NextDouble() : 1;
                _frames.Enqueue(bytes, (Stopwatch.GetTimestamp() + (long)(weather.Delay.TotalNanoseconds * delay), _count++));
            }
        }

        public PacketBuffer? TryLeave(PacketPool pool)
        {
            if (NextDue > Stopwatch.GetTimestamp())
            {
                return null;
            }

            byte[] bytes = _frames.Dequeue();
            PacketBuffer frame = pool.Rent(bytes.Length);
            bytes.CopyTo(frame.Append(bytes.Length));
            return frame;
        }
    }
}
