using System.Globalization;

namespace Xenlet.Bench;

/// <summary>
/// What runs of GuestBench in one kind of guest measured: by the operation's name, nanoseconds of one of it (for "boot-pages": pages).
/// </summary>
internal sealed class WorkResults
{
    /// <summary>The line that ends a run's results.</summary>
    public const string LastLine = "GuestBench has ended";

    /// <summary>GuestBench's first line.</summary>
    public const string FirstLine = "GuestBench";

    private const string Prefix = "measured ";
    private const string RuntimePrefix = "runtime ";

    private readonly Dictionary<string, Series> _series = [];

    /// <summary>What the program says of its runtime, or null before a run.</summary>
    public string? Runtime { get; private set; }

    /// <summary>The times of an operation; empty if no run measured it.</summary>
    public Series this[string operation] => _series.GetValueOrDefault(operation) ?? new Series();

    /// <summary>Takes the results of one run from its console.</summary>
    public void Read(string console)
    {
        foreach (string line in console.Replace("\r", "", StringComparison.Ordinal).Split('\n'))
        {
            if (line.StartsWith(RuntimePrefix, StringComparison.Ordinal))
            {
                Runtime = line[RuntimePrefix.Length..];
            }
            else if (line.StartsWith(Prefix, StringComparison.Ordinal))
            {
                string[] words = line[Prefix.Length..].Split(' ');
                Of(words[0]).AddRange(words[1..].Select(word => double.Parse(word, CultureInfo.InvariantCulture)));
            }
        }
    }

    /// <summary>Adds a figure that was measured from outside the guest.</summary>
    public void Add(string operation, double value) => Of(operation).Add(value);

    private Series Of(string operation)
    {
        _series.TryAdd(operation, new Series());
        return _series[operation];
    }
}
