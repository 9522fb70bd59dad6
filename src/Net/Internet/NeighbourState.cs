namespace Xenlet.Net;

/// <summary>What is known of a neighbour's hardware address (RFC 4861, section 7.3.2); ARP has the same states here.</summary>
public enum NeighbourState
{
    /// <summary>It is being asked for; packets wait.</summary>
    Incomplete,

    /// <summary>It was confirmed a short while ago.</summary>
    Reachable,

    /// <summary>It is used, and whether it still holds is found out with the next packet.</summary>
    Stale,

    /// <summary>It is used, and whoever sends has a few seconds to confirm it.</summary>
    Delay,

    /// <summary>It is used, and the neighbour is asked directly.</summary>
    Probe,

    /// <summary>The neighbour does not answer.</summary>
    Failed,
}
