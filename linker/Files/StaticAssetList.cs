using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Xenlet.Linker.Files;

/// <summary>
/// The list of a web project's assets that ASP.NET Core's MapStaticAssets reads beside the program: what is answered for each.
/// </summary>
internal static class StaticAssetList
{
    private const string Suffix = ".staticwebassets.endpoints.json";
    private const string Assets = "wwwroot/";

    /// <summary>Whether a file of an image is such a list.</summary>
    /// <param name="path">Its path.</param>
    public static bool IsAt(string path) => path.EndsWith(Suffix, StringComparison.Ordinal) && !path.Contains('/');

    /// <summary>
    /// Gives each asset the time that its file has in the image. The build has written when it made it, which would make equal publishes
    /// differ.
    /// </summary>
    /// <param name="list">The list.</param>
    /// <param name="contentOf">The content of a file of the image; nothing, if there is none of this path.</param>
    /// <exception cref="InvalidDataException">It is no such list.</exception>
    public static byte[] WithTimesOfImage(byte[] list, Func<string, byte[]?> contentOf)
    {
        try
        {
            JsonNode root = JsonNode.Parse(list)!;
            foreach (JsonNode? endpoint in root["Endpoints"]!.AsArray())
            {
                byte[]? content = contentOf(Assets + endpoint!["AssetFile"]!.GetValue<string>());
                JsonNode? modified = endpoint["ResponseHeaders"]!.AsArray()
                    .FirstOrDefault(header => header!["Name"]!.GetValue<string>() == "Last-Modified");
                if (content is not null && modified is not null)
                {
                    DateTimeOffset time = DateTimeOffset.FromUnixTimeSeconds((long)FileSection.TimeOf(content));
                    modified["Value"] = time.ToString("R", CultureInfo.InvariantCulture);
                }
            }

            return Encoding.UTF8.GetBytes(root.ToJsonString());
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new InvalidDataException($"a list of static web assets cannot be read: {error.Message}");
        }
    }
}
