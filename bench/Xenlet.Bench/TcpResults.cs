namespace Xenlet.Bench;

/// <summary>
/// What was measured of TCP: by the name of the work, a dot and the figure's name, the figure for one megabyte, request or connection.
/// </summary>
internal sealed class TcpResults
{
    public WorkResults Xenlet { get; } = new();

    public WorkResults Linux { get; } = new();

    /// <summary>Connections that were idle when memory was read first, and then.</summary>
    public (int Few, int Many) Idle { get; set; }

    /// <summary>Nanoseconds of the host's processors for a megabyte through one loopback, without any guest.</summary>
    public Series StackLoopback { get; } = new();

    /// <summary>The same between two stacks, in segments of an Ethernet whose checksums the stacks make and verify.</summary>
    public Series StackSegments { get; } = new();

    /// <summary>The same through Linux's loopback.</summary>
    public Series LinuxLoopback { get; } = new();
}
