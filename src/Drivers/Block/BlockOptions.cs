using Xenlet.Drivers.Block;

namespace Xenlet.Drivers;

/// <summary>How much of the guest's memory a disk may use, and what its back end should provide.</summary>
public sealed record BlockOptions
{
    /// <summary>
    /// Pages of the ring, 1 to 4; fewer if the back end supports fewer. One holds 32 requests, two 64, four 128. The default of two keeps
    /// as many 4 KiB requests in flight as the storage behind a back end can use. More helps only with a larger pool.
    /// </summary>
    public int RingPages { get; init; } = 2;

    /// <summary>
    /// Pages of data in one request, at most. More than 11 need a back end with indirect segments. Beyond the default of 64 (256 KiB) large
    /// transfers become no faster, and the default pool has room for four such requests.
    /// </summary>
    public int MaxSegments { get; init; } = 64;

    /// <summary>
    /// Pages through which a disk's data is copied, at most: the data in flight at one time. They are allocated on demand, and kept until
    /// the disk ends. The default is 272, a little more than 1 MiB: four requests of 256 KiB with their lists of segments.
    /// </summary>
    public int MaxPoolPages { get; init; } = 272;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(RingPages, 1, nameof(RingPages));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(RingPages, 4, nameof(RingPages));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxSegments, 1, nameof(MaxSegments));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxSegments, BlockProtocol.IndirectSegmentsAPage, nameof(MaxSegments));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPoolPages, 1, nameof(MaxPoolPages));
    }
}
