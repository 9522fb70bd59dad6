using System.Reflection;

namespace Xenlet.Build.Tests;

/// <summary>The paths of the things under test, as the build of this project stored them.</summary>
internal static class Places
{
    public static string RepositoryRoot { get; } = Metadata("RepositoryRoot").TrimEnd('/');

    public static string PowerShellHost { get; } = Metadata("PowerShellHost");

    private static string Metadata(string key) =>
        typeof(Places).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
