using System.Text.RegularExpressions;

namespace Xenlet.Linker.Cultures;

/// <summary>Which items of ICU's data an image has, for the cultures of some languages.</summary>
internal static partial class CultureItems
{
    /// <summary>
    /// What .NET asks for: patterns and symbols, orders of sorting, currencies, and the names of languages, regions and time zones. It asks
    /// for no units, spelled-out numbers, transliterations or converters.
    /// </summary>
    private static readonly string[] Trees = ["", "coll/", "curr/", "lang/", "region/", "zone/"];

    /// <summary>
    /// Items that no language names: a tree's root and what its bundles share, tables of regions, plurals, zones and numbers, the normal
    /// forms and the weights of characters. Of the rules for breaks, searching asks for those of characters.
    /// </summary>
    private static readonly string[] Common =
    [
        "brkitr/char.brk", "brkitr/root.res", "coll/ucadata.icu", "currencyNumericCodes.res", "curr/supplementalData.res", "dayPeriods.res",
        "genderList.res", "icustd.res", "icuver.res", "keyTypeData.res", "langInfo.res", "likelySubtags.res", "metaZones.res",
        "metadata.res", "nfkc.nrm", "nfkc_cf.nrm", "numberingSystems.res", "pluralRanges.res", "plurals.res", "supplementalData.res",
        "timezoneTypes.res", "uemoji.icu", "ulayout.icu", "uts46.nrm", "windowsZones.res", "zone/tzdbNames.res", "zoneinfo64.res",
    ];

    /// <summary>.NET falls back to en-US where a name is to be said in no language.</summary>
    private static readonly string[] CommonLocales = ["en", "en_US"];

    /// <summary>The language whose data another one's refer to.</summary>
    private static readonly Dictionary<string, string> Bases = new(StringComparer.Ordinal) { ["nb"] = "no", ["nn"] = "no", ["no"] = "nb" };

    /// <summary>The language of a culture's name, such as <c>de-AT</c>.</summary>
    /// <param name="culture">The name.</param>
    public static string LanguageOf(string culture) => culture.Split('-')[0].ToLowerInvariant();

    /// <summary>The name of the list of a tree's locales.</summary>
    /// <param name="tree">The tree.</param>
    public static string IndexOf(string tree) => $"{tree}res_index.res";

    /// <summary>Whether ICU's data have the language.</summary>
    /// <param name="items">The names of all items.</param>
    /// <param name="language">The language.</param>
    public static bool Has(IEnumerable<string> items, string language) => items.Contains($"{language}.res");

    /// <summary>The items to keep. A language brings all its regions and scripts: they are small, and refer to one another.</summary>
    /// <param name="items">The names of all items.</param>
    /// <param name="languages">The languages.</param>
    public static IReadOnlyList<string> Choose(IEnumerable<string> items, IReadOnlyCollection<string> languages)
    {
        HashSet<string> wanted = [.. languages, .. languages.Select(language => Bases.GetValueOrDefault(language, language))];
        return [.. items.Where(item => Common.Contains(item) || Trees.Any(tree => IsOf(item, tree, wanted)))];
    }

    /// <summary>The locales of each tree among some items.</summary>
    /// <param name="items">The names of the items.</param>
    public static IEnumerable<(string Tree, IReadOnlyList<string> Locales)> Indexes(IReadOnlyCollection<string> items) =>
        Trees.Select(tree => (
            tree,
            (IReadOnlyList<string>)[.. items
                .Select(item => Locale().Match(item))
                .Where(match => match.Success && match.Groups["tree"].Value == tree)
                .Select(match => match.Groups["locale"].Value)
                .Order(StringComparer.Ordinal)]));

    private static bool IsOf(string item, string tree, HashSet<string> languages) =>
        item == $"{tree}root.res" || item == $"{tree}pool.res"
        || (Locale().Match(item) is { Success: true } match && match.Groups["tree"].Value == tree
            && (languages.Contains(match.Groups["language"].Value) || CommonLocales.Contains(match.Groups["locale"].Value)));

    [GeneratedRegex("^(?<tree>([a-z]+/)?)(?<locale>(?<language>[a-z]{2,3})(_[A-Za-z0-9_]*)?)[.]res$")]
    private static partial Regex Locale();
}
