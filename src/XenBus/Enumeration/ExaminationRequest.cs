namespace Xenlet.XenBus.Enumeration;

/// <summary>What is to be examined.</summary>
internal sealed class ExaminationRequest
{
    /// <summary>
    /// Paths below each of which everything is examined, and whether the drivers found there are told that anything may have changed.
    /// </summary>
    public Dictionary<string, bool> Scopes { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// Device nodes, each with the changes below it: the rest of the path, where an empty one stands for any change.
    /// </summary>
    public Dictionary<string, HashSet<string>> Nodes { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether there is nothing to examine.</summary>
    public bool IsEmpty => Scopes.Count == 0 && Nodes.Count == 0;
}
