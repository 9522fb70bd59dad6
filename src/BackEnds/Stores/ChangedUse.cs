namespace Xenlet.BackEnds.Stores;

/// <summary>A read or write of a copy-on-write store that is under way.</summary>
/// <param name="Runs">Where its bytes are, in their order.</param>
/// <param name="Pieces">The numbers of the pieces whose slots it uses.</param>
internal sealed record ChangedUse(List<ChangedRun> Runs, List<long> Pieces);
