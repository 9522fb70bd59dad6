using System.Diagnostics;
using System.Reflection;
using Xenlet.Nucleus.Tests.Analysis;

namespace Xenlet.Nucleus.Tests;

/// <summary>The program of <c>Planted/</c>, compiled by ILC once for all tests.</summary>
public sealed class PlantedProgram
{
    public PlantedProgram()
    {
        string root = typeof(PlantedProgram).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(attribute => attribute.Key == "RepositoryRoot").Value!;
        string output = Path.Combine(AppContext.BaseDirectory, "planted");
        Publish(Path.Combine(root, "tests/Nucleus.Tests/Planted/Planted.csproj"), output);
        Image = ElfCode.Load(Path.Combine(output, "publish", "Planted"));
    }

    internal CodeImage Image { get; }

    // In a directory of its own, so that nothing is written beside the sources and no node of another build is used.
    private static void Publish(string project, string output)
    {
        ProcessStartInfo start = new(
            "dotnet",
            [
                "publish", project, "--artifacts-path", Path.Combine(output, "build"), "--output", Path.Combine(output, "publish"),
                "--nologo", "--disable-build-servers", "-nodeReuse:false",
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // The test host's own build variables are not this build's.
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(name);
        }

        using Process publish = Process.Start(start)!;
        Task<string> errors = publish.StandardError.ReadToEndAsync();
        string text = publish.StandardOutput.ReadToEnd();
        publish.WaitForExit();
        Assert.True(publish.ExitCode == 0, $"dotnet publish of {project} failed:\n{text}\n{errors.Result}");
    }
}
