using System.Diagnostics.Metrics;
using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.Domain;

/// <summary>What an instrument has measured, by its tags.</summary>
internal sealed class InstrumentRecord
{
    private const string Others = "others";
    private const int LongestTags = 200;

    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly string _unit;
    private readonly Kind _kind;
    private Series? _untagged;

    public InstrumentRecord(Instrument instrument)
    {
        Name = $"{instrument.Meter.Name}/{instrument.Name}";
        _unit = string.IsNullOrEmpty(instrument.Unit) ? "" : $" {instrument.Unit}";
        Type type = instrument.GetType();
        Type? definition = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
        _kind = definition == typeof(Histogram<>) ? Kind.Histogram
            : definition == typeof(Counter<>) || definition == typeof(UpDownCounter<>) ? Kind.Sum
            : Kind.Last;
    }

    private enum Kind
    {
        /// <summary>Measurements are added up.</summary>
        Sum,

        /// <summary>A measurement takes the place of the one before: gauges, and what is asked for its value.</summary>
        Last,

        /// <summary>Measurements are counted, and added up.</summary>
        Histogram,
    }

    /// <summary>Meter and instrument.</summary>
    public string Name { get; }

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string? key = tags.IsEmpty ? null : Format(tags);
        lock (_lock)
        {
            Find(key).Add(value);
        }
    }

    /// <summary>A line for each set of tags.</summary>
    public IReadOnlyList<string> Lines()
    {
        lock (_lock)
        {
            List<string> lines = [];
            if (_untagged is { } untagged)
            {
                lines.Add(Line("", untagged));
            }

            lines.AddRange(_series.Select(series => Line($"{{{series.Key}}}", series.Value)));
            return lines;
        }
    }

    private static string Format(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string text = "";
        foreach ((string key, object? value) in tags)
        {
            text += string.Create(CultureInfo.InvariantCulture, $"{(text.Length == 0 ? "" : ", ")}{key}={value}");
        }

        return text.Length > LongestTags ? text[..LongestTags] + "..." : text;
    }

    private Series Find(string? key)
    {
        if (key is null)
        {
            return _untagged ??= new();
        }

        if (!_series.TryGetValue(key, out Series? series))
        {
            key = _series.Count < MetricReport.MaximumTagSets ? key : Others;
            if (!_series.TryGetValue(key, out series))
            {
                _series.Add(key, series = new());
            }
        }

        return series;
    }

    private string Line(string tags, Series series)
    {
        string value = _kind switch
        {
            Kind.Sum => Number(series.Sum),
            Kind.Last => Number(series.Last),
            _ => $"count {series.Count}, sum {Number(series.Sum)}, least {Number(series.Least)}, most {Number(series.Most)}",
        };
        return $"{ForeignText.Escape(Name + tags)}: {value}{ForeignText.Escape(_unit)}";

        static string Number(double number) => number.ToString("G9", CultureInfo.InvariantCulture);
    }

    /// <summary>Measurements with the same tags.</summary>
    private sealed class Series
    {
        public long Count { get; private set; }

        public double Sum { get; private set; }

        public double Last { get; private set; }

        public double Least { get; private set; } = double.PositiveInfinity;

        public double Most { get; private set; } = double.NegativeInfinity;

        public void Add(double value)
        {
            Count++;
            Sum += value;
            Last = value;
            Least = Math.Min(Least, value);
            Most = Math.Max(Most, value);
        }
    }
}
