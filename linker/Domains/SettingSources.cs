using System.Xml;
using System.Xml.Linq;

namespace Xenlet.Linker.Domains;

/// <summary>
/// The files that may contain a project's settings. MSBuild does not tell a tool where a value comes from, so they are searched.
/// </summary>
/// <param name="files">Their paths; the one that is read last comes last. Missing files are skipped.</param>
internal sealed class SettingSources(IReadOnlyList<string> files)
{
    private const string Directive = "#:property ";

    /// <summary>
    /// Where a property is set last. A property of the command line is in no file: its place is then the project without a line.
    /// </summary>
    /// <param name="name">Its name.</param>
    public SettingPlace OfProperty(string name) =>
        Existing.Reverse().Select(file => FindProperty(file, name)).FirstOrDefault(place => place is not null)
            ?? new SettingPlace(files.Count > 0 ? files[0] : "MSBuild", 0, 0);

    /// <summary>Where an item is.</summary>
    /// <param name="file">The file that defines it according to MSBuild.</param>
    /// <param name="name">The item's type.</param>
    /// <param name="identity">What it includes.</param>
    /// <param name="occurrence">The index among several such items, from 0.</param>
    public static SettingPlace OfItem(string file, string name, string identity, int occurrence)
    {
        XElement[] items = [.. Elements(file, name)
            .Where(element => element.Attribute("Include")?.Value.Split(';').Any(part => part.Trim() == identity) == true)];
        return items.Length == 0 ? new SettingPlace(file, 0, 0) : PlaceOf(file, items[Math.Min(occurrence, items.Length - 1)]);
    }

    private IEnumerable<string> Existing => files.Where(File.Exists);

    private static SettingPlace? FindProperty(string file, string name)
    {
        if (Path.GetExtension(file) is not ".cs")
        {
            return Elements(file, name).LastOrDefault() is { } element ? PlaceOf(file, element) : null;
        }

        int line = 0;
        foreach (string text in File.ReadLines(file))
        {
            line++;
            if (text.StartsWith(Directive, StringComparison.Ordinal)
                && text[Directive.Length..].Split('=')[0].Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return new SettingPlace(file, line, 1);
            }
        }

        return null;
    }

    private static IEnumerable<XElement> Elements(string file, string name)
    {
        if (!File.Exists(file))
        {
            return [];
        }

        try
        {
            // MSBuild's names are not case-sensitive.
            return XDocument.Load(file, LoadOptions.SetLineInfo).Descendants()
                .Where(element => element.Name.LocalName.Equals(name, StringComparison.OrdinalIgnoreCase));
        }
        catch (XmlException)
        {
            return [];
        }
    }

    private static SettingPlace PlaceOf(string file, XElement element)
    {
        IXmlLineInfo place = element;

        // The position of the element's name is after its bracket.
        return new SettingPlace(file, place.LineNumber, place.LinePosition - 1);
    }
}
