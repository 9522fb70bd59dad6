namespace Xenlet.Architecture.Tests;

/// <summary>A project whose folders are floors: a type knows types of its own floor and of lower ones.</summary>
/// <param name="Assembly">The assembly, which is also the namespace of what the room shows to others.</param>
/// <param name="Directory">Where its sources are, from the repository's root.</param>
/// <param name="Floors">The folders, from the lowest up. What lies deeper in one belongs to its floor, unless that is a floor of its
/// own.</param>
public sealed record Room(string Assembly, string Directory, params string[] Floors)
{
    /// <summary>The namespace above those of its folders.</summary>
    public string Namespace { get; init; } = Assembly;

    /// <summary>The floor of a folder, counted from the lowest, which is 0; -1 for a folder that is none.</summary>
    public int FloorOf(string folder) => Array.IndexOf(
        Floors,
        Floors.Where(floor => folder == floor || folder.StartsWith(floor + "/", StringComparison.Ordinal)).MaxBy(floor => floor.Length));

    public override string ToString() => Assembly;
}
