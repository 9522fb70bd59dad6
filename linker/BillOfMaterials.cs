using System.Reflection;
using System.Text.Json;

namespace Xenlet.Linker;

/// <summary>
/// What an image was made from, as CycloneDX 1.6 lists it (https://cyclonedx.org/docs/1.6/json/), for whoever has to know whether a defect
/// of a part is in it.
/// </summary>
public static class BillOfMaterials
{
    /// <summary>
    /// Finds the parts and writes the list. The same parts give the same bytes: the list has neither a time nor a number of its own.
    /// </summary>
    /// <param name="output">Takes the list.</param>
    /// <param name="name">The program's name.</param>
    /// <param name="version">The program's version.</param>
    /// <param name="assemblies">The assemblies that the compiler was given.</param>
    /// <param name="linkMap">What GNU ld wrote with <c>-Map</c>: it names the archives whose members are in the image.</param>
    public static void Write(Stream output, string name, string version, IEnumerable<string> assemblies, TextReader linkMap)
    {
        PackageFinder packages = new();
        IOrderedEnumerable<Part> parts = assemblies.Select(path => packages.OwnerOf(path) ?? PartOfAssembly(path))
            .Concat(LinkMap.Inputs(linkMap).Select(packages.OwnerOf).OfType<Part>())
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
        json.WriteString("version", version);
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

    /// <summary>An assembly of no package: the program, or one of this repository's rooms.</summary>
    private static Part PartOfAssembly(string path)
    {
        AssemblyName name = AssemblyName.GetAssemblyName(path);
        return new Part(name.Name!, name.Version!.ToString(3), null);
    }
}
