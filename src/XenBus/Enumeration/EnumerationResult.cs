namespace Xenlet.XenBus.Enumeration;

/// <summary>What an enumeration found, and what it could not examine.</summary>
/// <param name="Scopes">The scopes that were asked for.</param>
/// <param name="Findings">What was found, in the order of the nodes.</param>
/// <param name="Unlisted">Paths whose names xenstored did not give.</param>
/// <param name="Unexamined">Nodes that xenstored did not let us read, each with the changes below it.</param>
internal sealed record EnumerationResult(
    IReadOnlyDictionary<string, bool> Scopes,
    IReadOnlyList<Finding> Findings,
    IReadOnlyCollection<string> Unlisted,
    IReadOnlyDictionary<string, HashSet<string>> Unexamined)
{
    /// <summary>Whether everything that was asked for has been examined.</summary>
    public bool IsWhole => Unlisted.Count == 0 && Unexamined.Count == 0;
}
