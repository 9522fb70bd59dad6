using System.Text;

namespace Xenlet.Linker.Cultures;

/// <summary>Makes the object with the part of ICU's data that the cultures of an image need.</summary>
internal static class CultureData
{
    /// <summary>What stands for all cultures in a list of names.</summary>
    public const string All = "all";

    private const int Alignment = 16;

    /// <summary>The names in a list with semicolons between.</summary>
    /// <param name="list">The list.</param>
    public static string[] Split(string list) =>
        list.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>Writes the object.</summary>
    /// <param name="library">The one member of ICU's <c>libicudata.a</c>.</param>
    /// <param name="cultures">The names of cultures, or <see cref="All"/>.</param>
    /// <returns>The object's bytes.</returns>
    /// <exception cref="InvalidDataException">ICU has no such culture, or is not as it is known.</exception>
    public static byte[] WriteObject(ObjectFile library, IReadOnlyCollection<string> cultures)
    {
        (string symbol, byte[] bytes) = Find(library);
        if (!cultures.Contains(All))
        {
            bytes = Keep(IcuPackage.Read(bytes), cultures).Write();
        }

        ObjectWriter writer = new();
        ObjectSection constants = writer.AddConstants(".rodata.icu");
        writer.Define(symbol, constants, constants.Append(bytes, Alignment, []), bytes.Length, SymbolKind.Data);
        writer.AddMarker(".note.GNU-stack");
        return writer.Write();
    }

    /// <summary>The symbol that ICU's code looks for, such as <c>icudt72_dat</c>, and what it names.</summary>
    private static (string Symbol, byte[] Bytes) Find(ObjectFile library)
    {
        for (int symbol = 1; symbol < library.SymbolCount; symbol++)
        {
            string name = Encoding.ASCII.GetString(library.SymbolName(symbol));
            if (name.StartsWith("icudt", StringComparison.Ordinal) && name.EndsWith("_dat", StringComparison.Ordinal))
            {
                Span<byte> contents = library.Contents(library.Sections[library.SymbolSection(symbol)]);
                return (name, contents[(int)library.SymbolValue(symbol)..].ToArray());
            }
        }

        throw new InvalidDataException($"{library.Name} has no symbol icudt..._dat, by which ICU finds its data");
    }

    private static IcuPackage Keep(IcuPackage all, IReadOnlyCollection<string> cultures)
    {
        string[] languages = [.. cultures.Select(CultureItems.LanguageOf).Distinct(StringComparer.Ordinal)];
        if (languages.FirstOrDefault(language => !CultureItems.Has(all.Items.Keys, language)) is { } unknown)
        {
            throw new InvalidDataException($"ICU has no culture of the language {unknown}");
        }

        Dictionary<string, ReadOnlyMemory<byte>> kept = CultureItems.Choose(all.Items.Keys, languages)
            .ToDictionary(item => item, item => all.Items[item], StringComparer.Ordinal);
        foreach ((string tree, IReadOnlyList<string> locales) in CultureItems.Indexes([.. kept.Keys]))
        {
            kept.Add(CultureItems.IndexOf(tree), LocaleIndex.Compile(locales));
        }

        return all.With(kept);
    }
}
