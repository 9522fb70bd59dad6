using System.Reflection;

namespace Xenlet.Build.Tests;

/// <summary>Where the things under test are, as the build of this project knew.</summary>
internal static class Places
{
    public static string RepositoryRoot { get; } = Metadata("RepositoryRoot").TrimEnd('/');

    public static string PowerShellHost { get; } = Metadata("PowerShellHost");

    private static string Metadata(string key) =>
        typeof(Places).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
