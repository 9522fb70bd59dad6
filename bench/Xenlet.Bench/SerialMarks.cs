using System.Diagnostics;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>
/// Host times of lines on the machine's serial port. A script in dom0 that writes a mark to /dev/console tells so when it got there:
/// the line leaves dom0 before its write returns.
/// </summary>
internal sealed class SerialMarks : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly TextLog _log;
    private readonly Lock _lock = new();
    private readonly List<(long Time, string Line)> _lines = [];

    public SerialMarks(TextLog log)
    {
        _log = log;
        _log.LineAdded += Add;
    }

    /// <summary>Forgets the lines so far.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _lines.Clear();
        }
    }

    /// <summary>When the first line with a text came, as <see cref="Stopwatch.GetTimestamp"/> counts; it may still be on its way.</summary>
    /// <exception cref="BenchException">It does not come.</exception>
    public async Task<long> TimeOfAsync(string text, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < Limit)
        {
            lock (_lock)
            {
                int found = _lines.FindIndex(line => line.Line.Contains(text, StringComparison.Ordinal));
                if (found >= 0)
                {
                    return _lines[found].Time;
                }
            }

            await Task.Delay(20, cancellationToken);
        }

        throw new BenchException($"dom0's console has no line with \"{text}\"; its last lines are\n{_log.Tail(8)}");
    }

    public void Dispose() => _log.LineAdded -= Add;

    private void Add(string line)
    {
        lock (_lock)
        {
            _lines.Add((Stopwatch.GetTimestamp(), line));
        }
    }
}
