using Xenlet.Drivers.Reports;

namespace Xenlet.Drivers;

/// <summary>What a disk has done since it came. Operations are counted when they end.</summary>
public readonly record struct BlockStatistics
{
    /// <summary>Reads that have succeeded.</summary>
    public long Reads { get; init; }

    /// <summary>Bytes of them.</summary>
    public long ReadBytes { get; init; }

    /// <summary>Writes that have succeeded.</summary>
    public long Writes { get; init; }

    /// <summary>Bytes of them.</summary>
    public long WrittenBytes { get; init; }

    /// <summary>Flushes that have succeeded.</summary>
    public long Flushes { get; init; }

    /// <summary>Discards that have succeeded.</summary>
    public long Discards { get; init; }

    /// <summary>Operations that the back end has refused, or that ended with the disk.</summary>
    public long Failures { get; init; }

    /// <summary>Operations that their callers have cancelled.</summary>
    public long Cancellations { get; init; }

    /// <summary>Connections made, the first included: a resume makes another.</summary>
    public long Connections { get; init; }

    /// <summary>Requests in the ring now.</summary>
    public int RequestsUnderWay { get; init; }

    /// <summary>Operations, or parts of them, that wait now for room in the ring or for a connection.</summary>
    public int Waiting { get; init; }

    /// <summary>All numbers that are not zero, each with its name.</summary>
    public override string ToString() => NamedNumbers.Format(
        ("reads", Reads), ("read bytes",
            ReadBytes), ("writes", Writes), ("written bytes", WrittenBytes), ("flushes", Flushes), ("discards", Discards),
        ("failures", Failures), ("cancellations",
            Cancellations), ("requests under way", RequestsUnderWay), ("waiting", Waiting), ("connections", Connections));
}
