using System.Globalization;

namespace Xenlet.GuestWork;

/// <summary>Formats, orders and cases of some cultures, which come from ICU.</summary>
internal static class CulturesWork
{
    private static readonly string[] Cultures = ["", "de", "de-AT", "de-CH", "fr-FR", "fr-CA", "tr-TR"];

    private static readonly string[] Words =
    [
        "Zebra", "zebra", "Äpfel", "Apfel", "apfel", "Öl", "Ofen", "straße", "strasse", "côte", "coté", "cote", "ı", "I", "i", "İ",
        "resume", "résumé",
    ];

    private static readonly string[] Pairs =
    [
        "straße|STRASSE", "résumé|resume", "I|ı", "i|İ", "côté|cote", "a\u0308|ä", "Encyclopædia|Encyclopaedia", "co-op|coop", "|a",
    ];

    private static readonly string[] DateForms = ["d", "D", "t", "T", "g", "G", "F", "M", "Y"];

    private static readonly string[] NumberForms = ["N2", "C", "P1", "E3", "#,0.00"];

    private static readonly CompareOptions[] Comparisons =
    [
        CompareOptions.None, CompareOptions.IgnoreCase, CompareOptions.IgnoreNonSpace,
        CompareOptions.IgnoreCase | CompareOptions.IgnoreNonSpace, CompareOptions.IgnoreSymbols,
    ];

    public static void Run()
    {
        DateTime date = new(2024, 3, 5, 16, 7, 9);
        foreach (CultureInfo culture in Cultures.Select(CultureInfo.GetCultureInfo))
        {
            Console.WriteLine($"{culture.Name} {culture.LCID} {culture.EnglishName} {culture.NativeName} {culture.TextInfo.ListSeparator}");
            Console.WriteLine(string.Join(" | ", DateForms.Select(form => date.ToString(form, culture))));
            Console.WriteLine(string.Join(" | ", NumberForms.Select(form => (-1234567.891).ToString(form, culture))));
            Console.WriteLine(string.Join(" ", culture.DateTimeFormat.DayNames.Concat(culture.DateTimeFormat.MonthNames)));
            Console.WriteLine($"{culture.DateTimeFormat.FirstDayOfWeek} {culture.DateTimeFormat.CalendarWeekRule} {culture.Calendar}");
            Console.WriteLine(string.Join(" ", Words.Order(StringComparer.Create(culture, CompareOptions.None))));
            Console.WriteLine(string.Join(" ", Words.Select(word => culture.TextInfo.ToUpper(word) + culture.TextInfo.ToLower(word))));
            foreach (string[] pair in Pairs.Select(pair => pair.Split('|')))
            {
                CompareInfo compare = culture.CompareInfo;
                Console.WriteLine(string.Join(" ", Comparisons.Select(
                    options => $"{Math.Sign(compare.Compare(pair[0], pair[1], options))}"
                        + $"/{compare.IndexOf("x" + pair[1] + "y", pair[0], options)}/{compare.IsPrefix(pair[1], pair[0], options)}"
                        + $"/{compare.GetSortKey(pair[0], options).KeyData.Length}")));
            }

            double number = double.Parse(1234.5.ToString("N1", culture), culture);
            DateTime parsed = DateTime.Parse(date.ToString(culture), culture);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{number} {parsed:s}"));
        }

        foreach (string region in (string[])["DE", "AT", "FR", "TR"])
        {
            RegionInfo info = new(region);
            Console.WriteLine($"{info.EnglishName} {info.NativeName} {info.ISOCurrencySymbol} {info.CurrencyEnglishName} {info.IsMetric}");
            Console.WriteLine(info.CurrencySymbol);
        }

        Console.WriteLine("ｆｕｌｌ ﬁ ①".Normalize(System.Text.NormalizationForm.FormKC) + " " + new IdnMapping().GetAscii("bücher.example"));
        Console.WriteLine($"{TimeZoneInfo.TryConvertWindowsIdToIanaId("W. Europe Standard Time", out string? iana)} {iana}");
    }
}
