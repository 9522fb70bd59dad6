using System.Globalization;

namespace Xenlet.Drivers.Reports;

/// <summary>Formats numbers for the device tree and for reports.</summary>
internal static class NamedNumbers
{
    /// <summary>The numbers that are not zero, each after its name.</summary>
    public static string Format(params IEnumerable<(string Name, long Value)> numbers) =>
        string.Join(", ", numbers.Where(number => number.Value != 0)
            .Select(number => string.Create(CultureInfo.InvariantCulture, $"{number.Name} {number.Value}")));
}
