namespace Xenlet.Net.Internet;

/// <summary>What became of a packet that was handed to the internet layer.</summary>
internal enum InternetSendResult
{
    /// <summary>It is on its way, or waits for its neighbour's hardware address.</summary>
    Sent,

    /// <summary>
    /// The link has no room now, or the source address waits to be confirmed: the sender tries again when the stack says so.
    /// </summary>
    NoRoom,

    /// <summary>There is no route, or no address of ours (ENETUNREACH).</summary>
    NoRoute,

    /// <summary>The neighbour did not answer (EHOSTUNREACH).</summary>
    NoNeighbour,

    /// <summary>The packet is larger than the path carries and must not be cut (EMSGSIZE).</summary>
    TooLarge,
}
