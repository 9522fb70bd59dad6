using System.Globalization;

namespace Xenlet.Bench;

/// <summary>One figure's values over the rounds of a run.</summary>
internal sealed class Series
{
    /// <summary>What stands in place of a figure that no round gave.</summary>
    public const string Failed = "failed";

    private readonly List<double> _values = [];

    /// <summary>No round gave a value.</summary>
    public bool IsEmpty => _values.Count == 0;

    /// <summary>The middle value, or the mean of the two in the middle.</summary>
    public double Median
    {
        get
        {
            double[] sorted = [.. _values.Order()];
            int middle = sorted.Length / 2;
            return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }

    /// <summary>The values in the order in which they came.</summary>
    public IReadOnlyList<double> Values => _values;

    public void Add(double value) => _values.Add(value);

    public void AddRange(IEnumerable<double> values) => _values.AddRange(values);

    /// <summary>The values converted, such as from a time to a rate.</summary>
    public Series Select(Func<double, double> convert)
    {
        Series converted = new();
        converted.AddRange(_values.Select(convert));
        return converted;
    }

    /// <summary>The median, or <see cref="Failed"/> without a value.</summary>
    public string MedianText => IsEmpty ? Failed : Format(Median);

    /// <summary>Median, then least and greatest, or <see cref="Failed"/> without a value.</summary>
    public override string ToString() => IsEmpty ? Failed : $"{Format(Median)} ({Format(_values.Min())}-{Format(_values.Max())})";

    /// <summary>How many times the one's median is the other's, or a dash when one is missing or the other's is zero.</summary>
    public static string Ratio(Series dividend, Series divisor) =>
        dividend.IsEmpty || divisor.IsEmpty || divisor.Median == 0 ? "-" : Format(dividend.Median / divisor.Median);

    /// <summary>Three significant digits, as no figure here has more.</summary>
    public static string Format(double value) => value switch
    {
        >= 100 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("F1", CultureInfo.InvariantCulture),
        >= 1 => value.ToString("F2", CultureInfo.InvariantCulture),
        _ => value.ToString("F3", CultureInfo.InvariantCulture),
    };
}
