using System.Diagnostics;
using System.Reflection;
using System.Text.Json;

namespace Xenlet.Linker;

/// <summary>
/// Lists what an image was made from, as a CycloneDX 1.6 bill of materials (https://cyclonedx.org/docs/1.6/json/), so that anybody can
/// check whether it contains a defective part.
/// </summary>
public static class BillOfMaterials
{
    /// <summary>
    /// Finds the parts and writes the list. The same parts give the same bytes: the list contains neither a time nor a serial number.
    /// </summary>
    /// <param name="output">Receives the list.</param>
    /// <param name="name">The program's name.</param>
    /// <param name="version">The program's informational version.</param>
    /// <param name="assemblies">
    /// The assemblies that the compiler was given, and files of other packages whose content is in the image.
    /// </param>
    /// <param name="linkMap">The map that GNU ld wrote with <c>-Map</c>. It names the archives whose members are in the image.</param>
    public static void Write(Stream output, string name, string version, IEnumerable<string> assemblies, TextReader linkMap)
    {
        string[] given = [.. assemblies];
        IReadOnlyCollection<string> linked = LinkMap.Inputs(linkMap);
        IReadOnlyDictionary<string, Part> packages = new PackageFinder().OwnersOf([.. given, .. linked]);
        IOrderedEnumerable<Part> parts = given.Select(path => packages.GetValueOrDefault(path) ?? PartOfFile(path))
            .Concat(linked.Select(path => packages.GetValueOrDefault(path)))
            .OfType<Part>()
            .Distinct()
            .OrderBy(part => part.Name, StringComparer.Ordinal)
            .ThenBy(part => part.Version, StringComparer.Ordinal);
        using Utf8JsonWriter json = new(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("bomFormat", "CycloneDX");
        json.WriteString("specVersion", "1.6");
        json.WriteNumber("version", 1);
        json.WriteStartObject("metadata");
        json.WriteStartObject("component");
        json.WriteString("type", "application");
        json.WriteString("name", name);
        json.WriteString("version", WithoutCommit(version));
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartArray("components");
        foreach (Part? part in parts)
        {
            json.WriteStartObject();
            json.WriteString("type", "library");
            json.WriteString("name", part.Name);
            json.WriteString("version", part.Version);
            if (part.PackageUrl is { } url)
            {
                json.WriteString("purl", url);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>
    /// The part for an assembly that is in no package: the program, or a project beside it. The assembly's own version is for binding, and
    /// stays 1.0.0 where nobody sets it; the informational one is that of the package it would be in. Of another file there is none.
    /// </summary>
    private static Part? PartOfFile(string path) => Path.GetExtension(path) != ".dll"
        ? null
        : new(
            AssemblyName.GetAssemblyName(path).Name!,
            WithoutCommit(FileVersionInfo.GetVersionInfo(path).ProductVersion ?? ""),
            null);

    /// <summary>.NET's SDK appends the commit of a Git repository behind a plus sign, but a package's version has none.</summary>
    private static string WithoutCommit(string version) => version.Split('+')[0];
}
