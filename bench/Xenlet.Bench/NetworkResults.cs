namespace Xenlet.Bench;

/// <summary>
/// What was measured of network interfaces: by the name of the work, a dot and the figure's name, the figure for one frame or ping.
/// </summary>
internal sealed class NetworkResults
{
    public WorkResults Xenlet { get; } = new();

    public WorkResults Linux { get; } = new();
}
