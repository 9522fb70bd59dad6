using System.Text.Json;
using Xenlet.Tool.Base;

namespace Xenlet.Tool.Runs;

/// <summary>
/// The environment that <c>dotnet run</c> gives a program by its launch settings: this process has it among all that it has inherited, and
/// the guest is to have it alone.
/// </summary>
internal static class LaunchProfile
{
    /// <summary>What <c>dotnet run</c> says of the profile that it has taken.</summary>
    private const string ProfileVariable = "DOTNET_LAUNCH_PROFILE";

    /// <summary>What <c>dotnet run</c> makes of a profile's applicationUrl.</summary>
    private const string AddressVariable = "ASPNETCORE_URLS";

    /// <summary>The names of the variables of the profile that <c>dotnet run</c> has taken.</summary>
    /// <param name="project">The project file, or the file of a program without one.</param>
    /// <exception cref="ToolException">The settings cannot be read.</exception>
    public static IReadOnlyList<string> Names(string project) =>
        Environment.GetEnvironmentVariable(ProfileVariable) is { Length: > 0 } profile ? Names(project, profile) : [];

    /// <summary>The names of a profile's variables.</summary>
    /// <param name="project">The project file, or the file of a program without one.</param>
    /// <param name="profile">The profile's name.</param>
    /// <exception cref="ToolException">The settings cannot be read.</exception>
    public static IReadOnlyList<string> Names(string project, string profile)
    {
        if (SettingsOf(project).FirstOrDefault(File.Exists) is not { } file)
        {
            return [];
        }

        try
        {
            using JsonDocument json = JsonDocument.Parse(
                File.ReadAllBytes(file),
                new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            List<string> names = [];
            if (json.RootElement.TryGetProperty("profiles", out JsonElement profiles)
                && profiles.TryGetProperty(profile, out JsonElement settings))
            {
                if (settings.TryGetProperty("environmentVariables", out JsonElement variables))
                {
                    names.AddRange(variables.EnumerateObject().Select(variable => variable.Name));
                }

                if (settings.TryGetProperty("applicationUrl", out JsonElement addresses) && !IsLoopback(addresses.GetString()!))
                {
                    names.Add(AddressVariable);
                }
            }

            return names;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or IOException)
        {
            throw new ToolException($"{file}: {failure.Message}");
        }
    }

    /// <summary>
    /// Whether a service that listens there is reached from its own machine alone, as in every template's settings. In a guest nobody would
    /// reach it.
    /// </summary>
    private static bool IsLoopback(string addresses) =>
        addresses.Split(';').Any(address => Uri.TryCreate(address, UriKind.Absolute, out Uri? parsed) && parsed.IsLoopback);

    private static IEnumerable<string> SettingsOf(string project)
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(project))!;
        yield return Path.Combine(directory, "Properties", "launchSettings.json");
        yield return Path.Combine(directory, "My Project", "launchSettings.json");
        yield return Path.ChangeExtension(Path.GetFullPath(project), ".run.json");
    }
}
