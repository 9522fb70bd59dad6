using Xenlet.Net.Base;
using Xenlet.Net.Wire;

namespace Xenlet.Net.Tcp;

/// <summary>What a connection keeps of what befalls few: most have no such object.</summary>
internal sealed class TcpIncidents
{
    private ReceivedRanges _early;

    /// <summary>What arrived before its turn.</summary>
    public ref ReceivedRanges Early => ref _early;

    /// <summary>What arrived twice, of which the peer has not been told.</summary>
    public SackBlock? Duplicate { get; set; }

    /// <summary>The congestion control, once the window has held the sender back, or something was lost.</summary>
    public ICongestionControl? Control { get; set; }

    /// <summary>How often something was sent again.</summary>
    public uint Retransmissions { get; set; }

    /// <summary>How many answers there may be to what should not have come; null before the first.</summary>
    public TokenBucket? Challenges { get; set; }

    /// <summary>The hosts that the peer's segments have come through; null when they have named none.</summary>
    public SourceRoute? WayBack { get; set; }

    /// <summary>Above this size segments seem not to arrive, in bytes with options; 0 for no limit.</summary>
    public int SizeLimit { get; set; }

    /// <summary>How often there was a limit.</summary>
    public int SizeHolds { get; set; }

    /// <summary>When larger segments are tried again, in nanoseconds.</summary>
    public long SizeLimitUntil { get; set; }
}
