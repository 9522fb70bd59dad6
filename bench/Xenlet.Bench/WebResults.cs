namespace Xenlet.Bench;

/// <summary>
/// What was measured of the web service: by the name of the work, a dot and the figure's name, the figure for one request or handshake.
/// </summary>
internal sealed class WebResults
{
    public WorkResults Xenlet { get; } = new();

    /// <summary>With the same options as the Xenlet.</summary>
    public WorkResults Linux { get; } = new();

    /// <summary>With the options that .NET has where nobody says anything.</summary>
    public WorkResults LinuxWithDefaults { get; } = new();

    /// <summary>Bytes of the Xenlet's image.</summary>
    public long XenletSize { get; set; }

    /// <summary>Bytes of the same program for Linux, without kernel and busybox.</summary>
    public long LinuxSize { get; set; }
}
