namespace Xenlet.XenBus.Enumeration;

/// <summary>What an enumeration found at a node, and what the bus does about it.</summary>
/// <param name="Node">The device's node.</param>
internal abstract record Finding(string Node)
{
    /// <summary>A new device: it goes on the list.</summary>
    public sealed record Arrived(string Node, OtherEnd OtherEnd) : Finding(Node);

    /// <summary>A known device is one no more: its driver detaches.</summary>
    /// <param name="Node">The device's node.</param>
    /// <param name="Reason">Why, as words for a message that begins with the device's name.</param>
    public sealed record Departed(string Node, string Reason) : Finding(Node);

    /// <summary>Something changed at a known device's own end: its driver is notified of each change.</summary>
    /// <param name="Node">The device's node.</param>
    /// <param name="Changes">The rests of the paths that changed, in order; an empty one stands for any. There may be none.</param>
    public sealed record Changed(string Node, IReadOnlyList<string> Changes) : Finding(Node);

    /// <summary>A node is no device of ours: it is skipped.</summary>
    /// <param name="Node">The device's node.</param>
    /// <param name="Reason">Why, as words for a message that begins with the device's name.</param>
    public sealed record Skipped(string Node, string Reason) : Finding(Node);

    /// <summary>There is nothing, or nothing can be said: all stays as it is.</summary>
    public sealed record Nothing(string Node) : Finding(Node);
}
