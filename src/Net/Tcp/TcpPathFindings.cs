using Xenlet.Net.Wire;

namespace Xenlet.Net.Tcp;

/// <summary>What a connection has found out about its path that is so of few paths.</summary>
internal sealed class TcpPathFindings
{
    /// <summary>The hosts that the peer's segments have come through; null when they have named none.</summary>
    public SourceRoute? WayBack { get; set; }

    /// <summary>Above this size segments seem not to arrive, in bytes with options; 0 for no limit.</summary>
    public int SizeLimit { get; set; }

    /// <summary>How often there was a limit.</summary>
    public int SizeHolds { get; set; }

    /// <summary>When larger segments are tried again, in nanoseconds.</summary>
    public long SizeLimitUntil { get; set; }
}
