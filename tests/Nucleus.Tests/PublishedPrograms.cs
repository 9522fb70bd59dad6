using System.Diagnostics;
using System.Reflection;

namespace Xenlet.Nucleus.Tests;

/// <summary>Compiles programs with ILC, as their users do.</summary>
internal static class PublishedPrograms
{
    /// <summary>The top directory of the sources.</summary>
    public static string RepositoryRoot { get; } = typeof(PublishedPrograms).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>Publishes a project of this repository.</summary>
    /// <param name="project">Its path below the repository's root.</param>
    /// <param name="name">A name for the output directory.</param>
    /// <returns>The directory of the published files.</returns>
    public static string Publish(string project, string name)
    {
        string output = Path.Combine(AppContext.BaseDirectory, "published", name);
        ProcessStartInfo start = new(
            "dotnet",
            ["publish", Path.Combine(RepositoryRoot, project), "-c", "Release", "-o", output, "--nologo", "--tl:off", "-nodeReuse:false"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // The build that started the tests left its own variables; they are not this build's.
        foreach (string variable in start.Environment.Keys.Where(IsOfBuild).ToList())
        {
            start.Environment.Remove(variable);
        }

        using Process publish = Process.Start(start)!;
        Task<string> errors = publish.StandardError.ReadToEndAsync();
        string text = publish.StandardOutput.ReadToEnd();
        publish.WaitForExit();
        Assert.True(publish.ExitCode == 0, $"dotnet publish of {project} failed:\n{text}\n{errors.Result}");
        return output;
    }

    private static bool IsOfBuild(string variable) => variable.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase);
}
