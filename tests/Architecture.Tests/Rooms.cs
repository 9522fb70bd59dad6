namespace Xenlet.Architecture.Tests;

/// <summary>The floors of every room that has them.</summary>
internal static class Rooms
{
    internal static readonly Room[] All =
    [
        new("Xenlet.XenStoreRing", "src/XenStoreRing", "Wire", "Transport", "Client"),
    ];
}
