using Xenlet.Drivers.Reports;

namespace Xenlet.Drivers;

/// <summary>Counts of a disk's work since it was plugged. An operation is counted when it ends.</summary>
public readonly record struct BlockStatistics
{
    /// <summary>Successful reads.</summary>
    public long Reads { get; init; }

    /// <summary>Bytes of successful reads.</summary>
    public long ReadBytes { get; init; }

    /// <summary>Successful writes.</summary>
    public long Writes { get; init; }

    /// <summary>Bytes of successful writes.</summary>
    public long WrittenBytes { get; init; }

    /// <summary>Successful flushes.</summary>
    public long Flushes { get; init; }

    /// <summary>Successful discards.</summary>
    public long Discards { get; init; }

    /// <summary>Operations that the back end refused, or that ended with the disk.</summary>
    public long Failures { get; init; }

    /// <summary>Operations that their callers cancelled.</summary>
    public long Cancellations { get; init; }

    /// <summary>Connections made, including the first: each resume makes another.</summary>
    public long Connections { get; init; }

    /// <summary>Requests in the ring now.</summary>
    public int RequestsUnderWay { get; init; }

    /// <summary>Operations, or parts of them, that now wait for room in the ring or for a connection.</summary>
    public int Waiting { get; init; }

    /// <summary>All numbers that are not zero, each with its name.</summary>
    public override string ToString() => NamedNumbers.Format(
        ("reads", Reads), ("read bytes",
            ReadBytes), ("writes", Writes), ("written bytes", WrittenBytes), ("flushes", Flushes), ("discards", Discards),
        ("failures", Failures), ("cancellations",
            Cancellations), ("requests under way", RequestsUnderWay), ("waiting", Waiting), ("connections", Connections));
}
