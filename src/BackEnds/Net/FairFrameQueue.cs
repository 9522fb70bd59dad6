using Xenlet.Drivers;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// Frames that wait for one receiver, limited in number and memory: each sender has a line of its own, and the lines have turns (deficit
/// round robin, RFC 8290 section 3.1 has the idea). When there is no room, the longest line loses its last frame. So whoever floods the
/// receiver delays and loses its own frames, and a lone sender may use all of the room.
/// </summary>
/// <param name="maximumFrames">The most frames that wait.</param>
/// <param name="maximumBytes">The most memory of frames that wait, in bytes.</param>
internal sealed class FairFrameQueue(int maximumFrames, int maximumBytes)
{
    /// <summary>What a line may send in a turn, in bytes: as much as the largest frame has.</summary>
    private const int Quantum = 64 << 10;

    /// <summary>What a frame costs at least, since a small one is as much work as one of this size.</summary>
    private const int LeastCost = 2048;

    /// <summary>Lines that are kept: of senders that are gone there must not be more and more.</summary>
    private const int KeptLines = 64;

    private static readonly object Nobody = new();

    private readonly Lock _lock = new();
    private readonly AsyncSignal _arrival = new();
    private readonly Dictionary<object, FrameLine> _lines = [];

    // Those with frames, the next one to have its turn first.
    private readonly LinkedList<FrameLine> _turns = [];
    private int _count;
    private int _bytes;

    /// <summary>Frames that wait.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Lines that there are, those without frames among them.</summary>
    public int Lines => _lines.Count;

    /// <summary>
    /// Adds a frame to the line of its <see cref="FrameBuffer.Origin"/>, and takes it over. The reader is woken by <see cref="Wake"/>, once
    /// for many.
    /// </summary>
    /// <returns>How many frames were dropped to make room, this one among them if it has none.</returns>
    public int Add(FrameBuffer frame)
    {
        lock (_lock)
        {
            FrameLine line = LineOf(frame.Origin ?? Nobody);
            int dropped = 0;
            while (_count == maximumFrames || _bytes + frame.Capacity > maximumBytes)
            {
                dropped++;
                FrameLine? longest = Longest();
                if (longest is null || longest.Bytes <= line.Bytes + frame.Capacity)
                {
                    frame.Dispose();
                    return dropped;
                }

                Drop(longest);
            }

            line.Put(frame);
            _count++;
            _bytes += frame.Capacity;
            if (line.Turn.List is null)
            {
                line.Credit = Quantum;
                _turns.AddLast(line.Turn);
            }

            return dropped;
        }
    }

    /// <summary>Takes the next frame.</summary>
    public bool TryTake(out FrameBuffer? frame)
    {
        lock (_lock)
        {
            frame = null;
            while (_turns.First is { } first)
            {
                FrameLine line = first.Value;
                if (line.Credit <= 0)
                {
                    line.Credit += Quantum;
                    _turns.RemoveFirst();
                    _turns.AddLast(first);
                    continue;
                }

                frame = line.TakeFirst();
                line.Credit -= Math.Max(frame.Length, LeastCost);
                Forget(line, frame);
                return true;
            }

            return false;
        }
    }

    /// <summary>Has the reader look.</summary>
    public void Wake() => _arrival.Set();

    /// <summary>Waits until <see cref="Wake"/>. One reader at a time.</summary>
    public ValueTask WaitAsync(CancellationToken cancellationToken) => _arrival.WaitAsync(cancellationToken);

    /// <summary>Drops all frames.</summary>
    public void Clear()
    {
        while (TryTake(out FrameBuffer? frame))
        {
            frame!.Dispose();
        }
    }

    private FrameLine LineOf(object origin)
    {
        if (_lines.TryGetValue(origin, out FrameLine? line))
        {
            return line;
        }

        if (_lines.Count >= KeptLines)
        {
            foreach ((object one, FrameLine other) in _lines)
            {
                if (other.Count == 0)
                {
                    _lines.Remove(one);
                }
            }
        }

        return _lines[origin] = new();
    }

    private FrameLine? Longest()
    {
        FrameLine? longest = null;
        foreach (FrameLine line in _turns)
        {
            longest = longest is null || line.Bytes > longest.Bytes ? line : longest;
        }

        return longest;
    }

    private void Drop(FrameLine line)
    {
        FrameBuffer frame = line.TakeLast();
        Forget(line, frame);
        frame.Dispose();
    }

    private void Forget(FrameLine line, FrameBuffer frame)
    {
        _count--;
        _bytes -= frame.Capacity;
        if (line.Count == 0)
        {
            _turns.Remove(line.Turn);
        }
    }
}
