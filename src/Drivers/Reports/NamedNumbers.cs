using System.Globalization;

namespace Xenlet.Drivers.Reports;

/// <summary>Numbers as people read them in the device tree and in reports.</summary>
internal static class NamedNumbers
{
    /// <summary>Those that are not zero, each behind its name.</summary>
    public static string Format(params IEnumerable<(string Name, long Value)> numbers) =>
        string.Join(", ", numbers.Where(number => number.Value != 0)
            .Select(number => string.Create(CultureInfo.InvariantCulture, $"{number.Name} {number.Value}")));
}
