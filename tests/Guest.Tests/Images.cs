using System.Diagnostics;
using System.Reflection;

namespace Xenlet.Guest.Tests;

/// <summary>The guest programs under test, each published once in a test run, when it is first asked for.</summary>
internal static class Images
{
    private static readonly SemaphoreSlim OneAtATime = new(1);
    private static readonly Lazy<Task<string>> LazyCases = new(() => PublishAsync("tests/GuestImage", "Xenlet.GuestImage"));
    private static readonly Lazy<Task<string>> LazyHello = new(() => PublishAsync("samples/Hello", "Hello"));
    private static readonly Lazy<Task<string>> LazyStoreTool = new(() => PublishAsync("samples/XenStoreTool", "XenStoreTool"));
    private static readonly Lazy<Task<string>> LazyLinuxStoreTool = new(() => PublishAsync("samples/XenStoreTool.Linux", "XenStoreTool.Linux"));
    private static readonly Lazy<Task<string>> LazyNetworkPeer = new(() => PublishAsync("tests/NetworkPeer", "Xenlet.NetworkPeer"));
    private static readonly Lazy<Task<string>> LazyPing = new(() => PublishAsync("samples/Ping", "Ping"));
    private static readonly Lazy<Task<string>> LazyWork = new(() => PublishAsync("tests/GuestWork", "Xenlet.GuestWork"));

    /// <summary>Path of tests/GuestImage as an image: the cases.</summary>
    public static Task<string> Cases => LazyCases.Value;

    /// <summary>Path of samples/Hello as an image.</summary>
    public static Task<string> Hello => LazyHello.Value;

    /// <summary>Path of samples/XenStoreTool as an image.</summary>
    public static Task<string> StoreTool => LazyStoreTool.Value;

    /// <summary>Path of samples/XenStoreTool.Linux, a static program for Linux.</summary>
    public static Task<string> LinuxStoreTool => LazyLinuxStoreTool.Value;

    /// <summary>Path of tests/NetworkPeer, a static program for Linux.</summary>
    public static Task<string> NetworkPeer => LazyNetworkPeer.Value;

    /// <summary>Path of samples/Ping as an image.</summary>
    public static Task<string> Ping => LazyPing.Value;

    /// <summary>Path of tests/GuestWork as an image; the same program for Linux lies two directories above.</summary>
    public static Task<string> Work => LazyWork.Value;

    /// <summary>The top directory of the sources.</summary>
    public static string RepositoryRoot { get; } = typeof(Images).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>Where the image of dom0 is kept, the same as for <c>build.sh run</c>.</summary>
    public static string Dom0Directory => Path.Combine(RepositoryRoot, "artifacts", "dom0");

    /// <summary>Runs a command to its end and gives its standard output; fails the test when it fails.</summary>
    public static async Task<string> RunAsync(string command, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };

        // The build that started the tests left its own variables; they are not this command's.
        foreach (string variable in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(variable);
        }

        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{command} {string.Join(' ', arguments)} ended with status {process.ExitCode}:\n{await output}\n{await errors}");
        return await output;
    }

    private static async Task<string> PublishAsync(string project, string name)
    {
        await OneAtATime.WaitAsync();
        try
        {
            string directory = Path.Combine(RepositoryRoot, project);
            await RunAsync("dotnet", ["publish", directory, "-c", "Release", "-v", "quiet", "--nologo", "--tl:off", "-nodeReuse:false"]);
            string image = Path.Combine(directory, "bin", "Release", "net10.0", "linux-x64", "publish", name);
            Assert.True(File.Exists(image), $"publishing {project} left no {image}");
            return image;
        }
        finally
        {
            OneAtATime.Release();
        }
    }
}
