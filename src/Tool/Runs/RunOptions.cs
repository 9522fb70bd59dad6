using Xenlet.QemuXen;

namespace Xenlet.Tool.Runs;

/// <summary>Where a guest is booted.</summary>
internal enum World
{
    /// <summary>In QEMU itself: no Xen, no devices, a second.</summary>
    Qemu,

    /// <summary>Under real Xen in an emulator.</summary>
    Xen,
}

/// <summary>What the command line of <c>xenlet run</c> says.</summary>
/// <param name="Image">The image, or a configuration for xl.</param>
internal sealed record RunOptions(string Image)
{
    /// <summary>Where, if it was said.</summary>
    public World? World { get; init; }

    /// <summary>The file of a ramdisk, if it was said.</summary>
    public string? Ramdisk { get; init; }

    /// <summary>Memory in MiB, if it was said.</summary>
    public int? Memory { get; init; }

    /// <summary>Virtual processors, if they were said.</summary>
    public int? VirtualCpus { get; init; }

    /// <summary>Environment variables, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>Arguments of Main, as they are.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Sizes in MiB of empty disks, beside those of the configuration.</summary>
    public IReadOnlyList<int> Disks { get; init; } = [];

    /// <summary>Whether it gets a network interface beside those of the configuration.</summary>
    public bool Network { get; init; }

    /// <summary>Ports of the guest that this machine is to reach.</summary>
    public IReadOnlyList<ForwardedPort> Forwards { get; init; } = [];

    /// <summary>The file of a shell script that dom0 runs while the guest does; the guest is shut down when it has ended.</summary>
    public string? Dom0Script { get; init; }

    /// <summary>Whether standard input is the console's though it is no terminal.</summary>
    public bool Interactive { get; init; }

    /// <summary>Where the dom0 image is kept.</summary>
    public string Dom0Directory { get; init; } = DefaultDom0Directory;

    /// <summary>
    /// The project, or the file of a program without one, that the image is published from, if that is to be looked after.
    /// </summary>
    public string? Publish { get; init; }

    /// <summary>The configuration to publish with, such as Release.</summary>
    public string Configuration { get; init; } = "Release";

    /// <summary>A file that names, a line each, the sources that the image was made from.</summary>
    public string? Sources { get; init; }

    /// <summary>Where caches of users are (the XDG Base Directory Specification).</summary>
    private static string DefaultDom0Directory => Path.Combine(
        System.Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
            ? cache
            : Path.Combine(System.Environment.GetFolderPath(System.Environment.SpecialFolder.UserProfile), ".cache"),
        "xenlet",
        "dom0");
}
