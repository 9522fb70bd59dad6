using System.Xml;
using System.Xml.Linq;

namespace Xenlet.Linker.Domains;

/// <summary>
/// The files in which a project's settings may stand. MSBuild does not tell a tool where a value came from, so they are searched.
/// </summary>
/// <param name="files">Their paths, the one that is read last at the end; what does not exist is left out.</param>
internal sealed class SettingSources(IReadOnlyList<string> files)
{
    private const string Directive = "#:property ";

    /// <summary>
    /// Where a property is set last. A property of the command line stands in no file: then it is the project's place without a line.
    /// </summary>
    /// <param name="name">Its name.</param>
    public SettingPlace OfProperty(string name) =>
        Existing.Reverse().Select(file => FindProperty(file, name)).FirstOrDefault(place => place is not null)
            ?? new SettingPlace(files.Count > 0 ? files[0] : "MSBuild", 0, 0);

    /// <summary>Where an item stands.</summary>
    /// <param name="file">The file that MSBuild says defines it.</param>
    /// <param name="name">The item's type.</param>
    /// <param name="identity">What it includes.</param>
    /// <param name="occurrence">Which of several such items is meant, from 0.</param>
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
            // MSBuild's names know no case.
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

        // The place of an element's name, behind its bracket.
        return new SettingPlace(file, place.LineNumber, place.LinePosition - 1);
    }
}
