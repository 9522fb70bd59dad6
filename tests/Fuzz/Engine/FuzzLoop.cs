using System.Diagnostics;

namespace Xenlet.Fuzz;

/// <summary>An input for which the product did what it must not.</summary>
/// <param name="Input">The input, as small as it could be made.</param>
/// <param name="Error">What was thrown.</param>
/// <param name="Executions">Executions before it was found.</param>
internal sealed record Finding(byte[] Input, Exception Error, long Executions);

/// <summary>
/// Runs a target over and over: takes an input that has shown something new, changes it, and keeps what shows something new again.
/// </summary>
/// <param name="target">What is fuzzed.</param>
/// <param name="routine">Its routine, instrumented.</param>
/// <param name="map">Where instrumented code counts.</param>
/// <param name="random">Chooses everything.</param>
internal sealed class FuzzLoop(FuzzTarget target, Action<byte[]> routine, CoverageMap map, Random random)
{
    // A finding is worth more than another input.
    private const int AttemptsForFinding = 2000;
    private const int AttemptsForInput = 60;

    /// <summary>A finding may be that something does not end, so that each attempt takes its time.</summary>
    private static readonly TimeSpan MostTimeToShorten = TimeSpan.FromMinutes(1);

    private readonly Mutator _mutator = new(random, target.MaximumLength, target.Tokens);
    private readonly List<byte[]> _corpus = [];
    private readonly Stopwatch _quiet = Stopwatch.StartNew();

    /// <summary>Executions so far.</summary>
    public long Executions { get; private set; }

    /// <summary>Inputs that have shown something new.</summary>
    public IReadOnlyList<byte[]> Corpus => _corpus;

    /// <summary>How long no new edge has been seen.</summary>
    public TimeSpan QuietTime => _quiet.Elapsed;

    /// <summary>Called with each input before it is run: what ends the process must be known.</summary>
    public Action<byte[]>? Running { get; init; }

    /// <summary>Fuzzes until <paramref name="isOver"/> or the first finding.</summary>
    /// <param name="seeds">Inputs to begin with.</param>
    /// <param name="isOver">Asked before each execution.</param>
    public Finding? Run(IEnumerable<byte[]> seeds, Func<bool> isOver)
    {
        foreach (byte[] seed in seeds.Prepend([]))
        {
            if (TryAdd(seed) is { } finding)
            {
                return finding;
            }
        }

        while (!isOver())
        {
            // Recent inputs lead to new ones more often than old ones.
            int choice = Math.Max(random.Next(_corpus.Count), random.Next(_corpus.Count));
            if (TryAdd(_mutator.Mutate(_corpus[choice], _corpus)) is { } finding)
            {
                return finding;
            }
        }

        return null;
    }

    /// <summary>A small part of the corpus that covers everything that the whole corpus covers.</summary>
    public IReadOnlyList<byte[]> Minimise()
    {
        map.Forget();
        List<byte[]> kept = [];
        int edges = 0;
        foreach (byte[] input in _corpus.OrderBy(input => input.Length).ToArray())
        {
            if (Execute(input) is null && map.TakeNews() && map.Edges > edges)
            {
                edges = map.Edges;
                kept.Add(input);
            }
        }

        return kept;
    }

    private Finding? TryAdd(byte[] input)
    {
        if (Execute(input) is { } error)
        {
            long executions = Executions;
            byte[] least = Shorten(input, AttemptsForFinding, shorter => Execute(shorter)?.GetType() == error.GetType());
            return new Finding(least, error, executions);
        }

        int edges = map.Edges;
        if (map.TakeNews() || _corpus.Count == 0)
        {
            if (map.Edges > edges)
            {
                _quiet.Restart();
            }

            ulong sign = map.Sign();
            _corpus.Add(Shorten(input, AttemptsForInput, shorter => Execute(shorter) is null && map.Sign() == sign));
        }

        return null;
    }

    private Exception? Execute(byte[] input)
    {
        Running?.Invoke(input);
        Executions++;
        map.Begin();
        try
        {
            routine(input);
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }

    /// <summary>Removes parts of an input as long as it still does the same.</summary>
    private static byte[] Shorten(byte[] input, int attempts, Func<byte[], bool> isSame)
    {
        Stopwatch time = Stopwatch.StartNew();
        for (int size = Math.Max(1, input.Length / 2); size > 0; size /= 2)
        {
            for (int at = 0; at + size <= input.Length && attempts > 0 && time.Elapsed < MostTimeToShorten; attempts--)
            {
                byte[] shorter = [.. input.AsSpan(0, at), .. input.AsSpan(at + size)];
                if (isSame(shorter))
                {
                    input = shorter;
                }
                else
                {
                    at += size;
                }
            }
        }

        return input;
    }
}
