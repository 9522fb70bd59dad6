using Xenlet.Drivers.Block;

namespace Xenlet.Drivers;

/// <summary>How much of the guest's memory a disk may use, and what is asked of its back end.</summary>
public sealed record BlockOptions
{
    /// <summary>
    /// Pages of the ring, 1 to 4; fewer where the back end says so. One holds 32 requests, two 64, four 128. The default of two keeps as
    /// many 4 KiB requests under way as the storage behind a back end can make use of; more pays only where the pool is larger as well.
    /// </summary>
    public int RingPages { get; init; } = 2;

    /// <summary>
    /// Pages of data in one request, at most. Beyond 11 the back end must know indirect segments. The default of 64 (256 KiB) is where
    /// longer requests stop making large transfers faster, and leaves room for four of them in the default pool.
    /// </summary>
    public int MaxSegments { get; init; } = 64;

    /// <summary>
    /// Pages through which a disk's data is copied, at most: the data under way at one time. They are allocated as they are needed, and
    /// kept until the disk goes. The default is 272, a little more than 1 MiB: four requests of 256 KiB with their lists of segments.
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
