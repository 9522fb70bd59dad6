namespace Xenlet.Drivers.Tests;

/// <summary>The features of a disk's back end that supports everything.</summary>
internal static class TestFeatures
{
    /// <summary>A disk of so many bytes, in sectors of <paramref name="sectorSize"/>.</summary>
    public static BlockFeatures OfDisk(long length = 1 << 20, int sectorSize = 512, int indirectSegments = 32) => new()
    {
        Length = length,
        SectorSize = sectorSize,
        PhysicalSectorSize = sectorSize,
        Info = 0,
        Flush = BlockRequestKind.FlushDiskCache,
        CanDiscard = true,
        DiscardGranularity = sectorSize,
        IndirectSegments = indirectSegments,
    };
}
