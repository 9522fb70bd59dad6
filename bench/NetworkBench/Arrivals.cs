using System.Diagnostics;

namespace Xenlet.NetworkBench;

/// <summary>
/// Counts the frames that arrive in a run. The clock is read once for many, since reading it takes about as long as a frame does.
/// </summary>
/// <param name="run">The run; frames of others do not count.</param>
internal sealed class Arrivals(int run)
{
    private long _first;
    private long _last;
    private int _seen;

    /// <summary>How many have come.</summary>
    public int Count { get; private set; }

    /// <summary>No more will come.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>From the first to the last of them.</summary>
    public TimeSpan Time => Stopwatch.GetElapsedTime(_first, _last);

    public void Add(ReadOnlySpan<byte> frame)
    {
        switch (BenchFrame.KindOf(frame, run))
        {
            case FrameKind.Data:
                if (Count++ == 0)
                {
                    _first = Stopwatch.GetTimestamp();
                }

                break;
            case FrameKind.End:
                HasEnded = true;
                break;
        }
    }

    /// <summary>Takes the time of those that have come together.</summary>
    public void TakeTime()
    {
        if (_seen != Count)
        {
            _seen = Count;
            _last = Stopwatch.GetTimestamp();
        }
    }
}
