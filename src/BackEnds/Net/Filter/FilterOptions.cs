namespace Xenlet.BackEnds;

/// <summary>Options of a <see cref="PacketFilter"/>.</summary>
public sealed record FilterOptions
{
    /// <summary>The most connections that one front end may have opened, some 200 bytes each.</summary>
    public int ConnectionsPerFrontEnd { get; init; } = 1024;

    /// <summary>The most connections that may have been opened from outside, together.</summary>
    public int ConnectionsFromOutside { get; init; } = 4096;

    /// <summary>How many rejected packets of a port are answered in a second, and at once. Others are dropped.</summary>
    public int AnswersPerSecond { get; init; } = 100;
}
