using System.Diagnostics;
using System.Globalization;
using Xenlet.Drivers;

namespace Xenlet.GuestImage;

/// <summary>
/// Reads and writes of random places of a disk without end, each checked against the last write to that place, while something else happens
/// to the guest. It checks time and timers on the way. Except around a suspend it rests between short operations: a guest that is always
/// busy takes the machine's processor from the tools, and a migration copies the memory that is written meanwhile once more, in five rounds
/// unless less than 50 pages were written in one.
/// </summary>
internal sealed class SteadyDiskWork
{
    private const int Checkers = 4;
    private const int Readers = 4;
    private const int LongestRun = 128;
    private const int LongestRestingRun = 8;

    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(200);

    private readonly BlockDevice _disk;
    private readonly int[] _model;
    private readonly Task _work;
    private volatile TaskCompletionSource _noRest = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isEnding;
    private string? _problem;
    private long _operations;
    private int _underWay;

    public SteadyDiskWork(BlockDevice disk, int seed)
    {
        _disk = disk;
        _model = new int[disk.Length / BlockPattern.SectorSize];
        Array.Fill(_model, seed);
        _work = Task.WhenAll([
            .. Enumerable.Range(0, Checkers).Select(part => StartCheckingAsync(part, new Random((seed * Checkers) + part))),
            .. Enumerable.Range(0, Readers).Select(_ => StartReadingAsync()),
            Task.Run(() => RunAsync(WatchTimeAsync)),
        ]);
    }

    /// <summary>Operations that the disk has not ended yet.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    private bool IsResting => !_noRest.Task.IsCompleted;

    /// <summary>Lets nobody rest, and waits until several operations are under way.</summary>
    public async Task WaitUntilUnderWayAsync(CancellationToken cancellationToken)
    {
        _noRest.TrySetResult();
        while (UnderWay < Readers)
        {
            await Task.Delay(1, cancellationToken);
        }
    }

    /// <summary>Lets the work rest again.</summary>
    public void LetRest() => _noRest = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Waits until more operations have ended than were under way.</summary>
    public async Task<string> ProgressAsync()
    {
        long goal = Interlocked.Read(ref _operations) + (2 * (Checkers + Readers));
        while (Interlocked.Read(ref _operations) < goal && _problem is null)
        {
            await Task.Delay(10);
        }

        return _problem ?? "ok";
    }

    /// <summary>Ends the work, and compares all of the disk.</summary>
    public async Task<string> EndAsync()
    {
        _isEnding = true;
        _noRest.TrySetResult();
        await _work;
        byte[] run = new byte[LongestRun * BlockPattern.SectorSize];
        for (int first = 0; first < _model.Length && _problem is null; first += LongestRun)
        {
            await _disk.ReadAsync((long)first * BlockPattern.SectorSize, run);
            Compare(run, first);
        }

        return _problem ?? "ok";
    }

    private async Task RunAsync(Func<Task> round)
    {
        try
        {
            while (!_isEnding && _problem is null)
            {
                await round();
                if (IsResting)
                {
                    await Task.WhenAny(_noRest.Task, Task.Delay(Rest));
                }
            }
        }
        catch (Exception failure)
        {
            _problem ??= $"{failure.GetType().Name}: {failure.Message}";
        }
    }

    /// <summary>Each of these has its own part of the disk, so that it knows what was written last.</summary>
    private Task StartCheckingAsync(int part, Random random)
    {
        byte[] buffer = new byte[LongestRun * BlockPattern.SectorSize];
        int size = _model.Length / Checkers;
        return Task.Run(() => RunAsync(async () =>
        {
            int length = random.Next(1, IsResting ? LongestRestingRun : LongestRun);
            int first = (part * size) + random.Next(size - length);
            Memory<byte> data = buffer.AsMemory(0, length * BlockPattern.SectorSize);
            long offset = (long)first * BlockPattern.SectorSize;
            if (random.Next(2) == 0)
            {
                await CountAsync(() => _disk.ReadAsync(offset, data));
                Compare(data.Span, first);
            }
            else
            {
                int seed = random.Next(1, 1 << 20);
                BlockPattern.Fill(data.Span, first, seed);
                await CountAsync(() => _disk.WriteAsync(offset, data));
                Array.Fill(_model, seed, first, length);
            }
        }));
    }

    /// <summary>Keeps operations in flight: these workers do nothing between two reads.</summary>
    private Task StartReadingAsync()
    {
        byte[] buffer = new byte[16 << 10];
        return Task.Run(() => RunAsync(async () =>
        {
            for (int i = 0; i < (IsResting ? 1 : 64); i++)
            {
                Memory<byte> data = IsResting ? buffer.AsMemory(0, LongestRestingRun * BlockPattern.SectorSize) : buffer;
                long offset = (long)i * buffer.Length;
                await CountAsync(() => _disk.ReadAsync(offset, data));
            }
        }));
    }

    private async Task WatchTimeAsync()
    {
        DateTime date = DateTime.UtcNow;
        long counter = Stopwatch.GetTimestamp();
        await Task.Delay(20);
        TimeSpan passed = Stopwatch.GetElapsedTime(counter);

        // .NET's timers count whole milliseconds, so that the last one may be a part of one.
        if (passed < TimeSpan.FromMilliseconds(19) || DateTime.UtcNow < date)
        {
            _problem ??= string.Create(
                CultureInfo.InvariantCulture, $"a delay of 20 ms ended after {passed.TotalMilliseconds} ms, and the date was {date:O} "
                    + $"before it and is {DateTime.UtcNow:O}");
        }
    }

    /// <summary>Counts an operation from before it is begun: the disk may have ended it when the call returns.</summary>
    private async ValueTask CountAsync(Func<ValueTask> operation)
    {
        Interlocked.Increment(ref _underWay);
        try
        {
            await operation();
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }

        Interlocked.Increment(ref _operations);
    }

    private void Compare(ReadOnlySpan<byte> data, int first)
    {
        for (int at = 0; at < data.Length; at += BlockPattern.SectorSize, first++)
        {
            if (BlockPattern.FindDifference(data.Slice(at, BlockPattern.SectorSize), first, _model[first]) >= 0)
            {
                _problem ??= string.Create(CultureInfo.InvariantCulture, $"sector {first} is not what was written last");
                return;
            }
        }
    }
}
