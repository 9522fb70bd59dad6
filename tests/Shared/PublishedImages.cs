using System.Diagnostics;
using System.Reflection;

namespace Xenlet.Tests;

/// <summary>
/// The programs that tests boot or examine. A whole test run publishes all of them beforehand (<c>tests/Images.proj</c>) and says so by a
/// variable; else each is published when it is first asked for.
/// </summary>
internal static class PublishedImages
{
    private const string ArePublished = "XENLET_IMAGES_ARE_PUBLISHED";

    private static readonly SemaphoreSlim OneAtATime = new(1);

    /// <summary>The top directory of the sources.</summary>
    public static string RepositoryRoot { get; } = typeof(PublishedImages).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>Publishes a project of this repository, unless that has been done.</summary>
    /// <param name="project">Its directory below the repository's root.</param>
    /// <param name="name">Name of the program's file: a guest's ends in <c>.elf</c>.</param>
    /// <returns>The program's path; its other files are beside it.</returns>
    public static async Task<string> PublishAsync(string project, string name)
    {
        string directory = Path.Combine(RepositoryRoot, project);
        if (Environment.GetEnvironmentVariable(ArePublished) is null)
        {
            await OneAtATime.WaitAsync();
            try
            {
                await RunAsync(
                    "dotnet", ["publish", directory, "-c", "Release", "-v", "quiet", "--nologo", "--tl:off", "-nodeReuse:false", "-m:1"]);
            }
            finally
            {
                OneAtATime.Release();
            }
        }

        string image = Path.Combine(directory, "bin", "Release", "net10.0", "linux-x64", "publish", name);
        Assert.True(File.Exists(image), $"there is no {image}: publishing {project} left none, or tests/Images.proj does not name it");
        return image;
    }

    /// <summary>Runs a command to its end and gives its standard output; fails the test when it fails.</summary>
    public static async Task<string> RunAsync(
        string command, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        using Process process = Process.Start(CommandStart.Create(command, arguments, environment))!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(
            process.ExitCode == 0,
            $"{command} {string.Join(' ', arguments)} ended with status {process.ExitCode}:\n{await output}\n{await errors}");
        return await output;
    }
}
