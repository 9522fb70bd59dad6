using Xenlet.Tests;

namespace Xenlet.Guest.Tests;

/// <summary>The guest programs under test, each published once in a test run, when it is first asked for.</summary>
internal static class Images
{
    private const string Invariant = "System.Globalization.Invariant";

    private static readonly Lazy<Task<string>> LazyCases = new(
        () => PublishedImages.PublishAsync("tests/GuestImage", "Xenlet.GuestImage.elf"));
    private static readonly Lazy<Task<string>> LazyHello = new(() => PublishedImages.PublishAsync("samples/Hello", "Hello.elf"));
    private static readonly Lazy<Task<string>> LazyEcho = new(() => PublishedImages.PublishAsync("samples/Echo", "Echo.elf"));
    private static readonly Lazy<Task<string>> LazyStoreTool = new(
        () => PublishedImages.PublishAsync("samples/XenStoreTool", "XenStoreTool.elf"));
    private static readonly Lazy<Task<string>> LazyLinuxStoreTool = new(
        () => PublishedImages.PublishAsync("samples/XenStoreTool.Linux", "XenStoreTool.Linux"));
    private static readonly Lazy<Task<string>> LazyNetworkPeer = new(
        () => PublishedImages.PublishAsync("tests/NetworkPeer", "Xenlet.NetworkPeer"));
    private static readonly Lazy<Task<string>> LazyPing = new(() => PublishedImages.PublishAsync("samples/Ping", "Ping.elf"));
    private static readonly Lazy<Task<string>> LazyWeb = new(() => PublishedImages.PublishAsync("samples/Web", "Web.elf"));
    private static readonly Lazy<Task<string>> LazyWork = new(
        () => PublishedImages.PublishAsync("tests/GuestWork", "Xenlet.GuestWork.elf"));
    private static readonly Lazy<Task<string>> LazyTls = new(() => PublishedImages.PublishAsync("tests/GuestTls", "Xenlet.GuestTls.elf"));

    /// <summary>Path of tests/GuestImage as an image: the cases.</summary>
    public static Task<string> Cases => LazyCases.Value;

    /// <summary>Path of samples/Hello as an image.</summary>
    public static Task<string> Hello => LazyHello.Value;

    /// <summary>Path of samples/Echo as an image.</summary>
    public static Task<string> Echo => LazyEcho.Value;

    /// <summary>Path of samples/XenStoreTool as an image.</summary>
    public static Task<string> StoreTool => LazyStoreTool.Value;

    /// <summary>Path of samples/XenStoreTool.Linux, a static program for Linux.</summary>
    public static Task<string> LinuxStoreTool => LazyLinuxStoreTool.Value;

    /// <summary>Path of tests/NetworkPeer, a static program for Linux, which has tests/HostilePeer in it.</summary>
    public static Task<string> NetworkPeer => LazyNetworkPeer.Value;

    /// <summary>Path of samples/Ping as an image.</summary>
    public static Task<string> Ping => LazyPing.Value;

    /// <summary>Path of samples/Web as an image.</summary>
    public static Task<string> Web => LazyWeb.Value;

    /// <summary>Path of tests/GuestWork as an image; the same program for Linux lies two directories above.</summary>
    public static Task<string> Work => LazyWork.Value;

    /// <summary>Path of tests/GuestTls as an image.</summary>
    public static Task<string> Tls => LazyTls.Value;

    /// <summary>
    /// The command that runs an image's program on Linux. The publication left its assembly in front of the native image; the runtime is
    /// the one that runs these tests.
    /// </summary>
    /// <param name="image">The image.</param>
    /// <param name="isInvariant">Whether the program has the invariant culture alone, as these tests have.</param>
    public static string[] OnLinux(string image, bool isInvariant = true)
    {
        string directory = Path.GetDirectoryName(Path.GetDirectoryName(image)!)!;
        string assembly = Path.Combine(directory, $"{Path.GetFileNameWithoutExtension(image)}.dll");
        string runtime = Path.Combine(AppContext.BaseDirectory, "Xenlet.Guest.Tests.runtimeconfig.json");
        if (!isInvariant)
        {
            string settings = File.ReadAllText(runtime);
            string others = settings.Replace($"\"{Invariant}\": true", $"\"{Invariant}\": false", StringComparison.Ordinal);
            runtime = Path.Combine(AppContext.BaseDirectory, "cultures.runtimeconfig.json");
            File.WriteAllText(runtime, others);
        }

        return ["dotnet", "exec", "--runtimeconfig", runtime, assembly];
    }

    /// <summary>Where the image of dom0 is kept, the same as for <c>build.sh run</c>.</summary>
    public static string Dom0Directory => Path.Combine(PublishedImages.RepositoryRoot, "artifacts", "dom0");
}
