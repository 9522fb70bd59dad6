using System.Text.Json;
using Xenlet.Tool.Base;

namespace Xenlet.Tool.Images;

/// <summary>A part that an image was made from.</summary>
internal sealed record Component(string Name, string Version);

/// <summary>What an image was made from: the CycloneDX list beside it (https://cyclonedx.org/docs/1.6/json/).</summary>
/// <param name="Path">The list.</param>
/// <param name="Program">The program itself.</param>
/// <param name="Components">All parts, in the list's order.</param>
internal sealed record ComponentList(string Path, Component Program, IReadOnlyList<Component> Components)
{
    private const string RuntimePackage = "Microsoft.NETCore.App.Runtime.NativeAOT.";
    private const string Kernel = "Xenlet.Kernel";

    /// <summary>The version of .NET's runtime, if the list has it.</summary>
    public string? RuntimeVersion =>
        Components.FirstOrDefault(part => part.Name.StartsWith(RuntimePackage, StringComparison.Ordinal))?.Version;

    /// <summary>The version of Xenlet, if the list has it.</summary>
    public string? XenletVersion => Components.FirstOrDefault(part => part.Name == Kernel)?.Version;

    /// <summary>Where the list of an image is.</summary>
    public static string PathBeside(string image) => System.IO.Path.ChangeExtension(
        image, System.IO.Path.GetExtension(image) is ".elf" or "" ? ".cdx.json" : System.IO.Path.GetExtension(image) + ".cdx.json");

    /// <summary>The list of an image; null if there is none beside it.</summary>
    /// <exception cref="ToolException">It is damaged.</exception>
    public static ComponentList? FindBeside(string image)
    {
        string path = PathBeside(image);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
            return new(
                path,
                Read(json.RootElement.GetProperty("metadata").GetProperty("component")),
                [.. json.RootElement.GetProperty("components").EnumerateArray().Select(Read)]);
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new ToolException($"{path} is no CycloneDX list as Xenlet writes it: {failure.Message}");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ToolException(failure.Message);
        }
    }

    private static Component Read(JsonElement part) =>
        new(part.GetProperty("name").GetString() ?? "", part.GetProperty("version").GetString() ?? "");
}
