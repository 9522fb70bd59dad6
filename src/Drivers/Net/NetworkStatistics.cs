using Xenlet.Drivers.Reports;

namespace Xenlet.Drivers;

/// <summary>
/// What an interface has done since it was plugged; a resume does not begin anew. Numbers of one moment are not all of the same instant.
/// </summary>
public sealed record NetworkStatistics
{
    /// <summary>Frames that the program got, or that wait for it.</summary>
    public long ReceivedFrames { get; init; }

    /// <summary>Bytes of them, Ethernet headers included.</summary>
    public long ReceivedBytes { get; init; }

    /// <summary>Frames that the program did not take in time.</summary>
    public long ReceiveQueueDrops { get; init; }

    /// <summary>Frames that the back end could not deliver whole.</summary>
    public long ReceiveErrors { get; init; }

    /// <summary>Frames shorter than an Ethernet header.</summary>
    public long ReceiveRunts { get; init; }

    /// <summary>Frames longer than 65535 bytes: no packet is as long, and a reader need not reckon with them.</summary>
    public long ReceiveGiants { get; init; }

    /// <summary>Frames for which there was no memory.</summary>
    public long ReceiveMemoryDrops { get; init; }

    /// <summary>Events of the receiving ring.</summary>
    public long ReceiveEvents { get; init; }

    /// <summary>Times the back end was told of pages for frames: only when it ran out of them.</summary>
    public long ReceiveNotifications { get; init; }

    /// <summary>Frames given to the back end.</summary>
    public long SentFrames { get; init; }

    /// <summary>Bytes of them, Ethernet headers included.</summary>
    public long SentBytes { get; init; }

    /// <summary>Frames dropped by <see cref="NetworkInterface.TrySend"/> since the ring was full.</summary>
    public long SendRingDrops { get; init; }

    /// <summary>Frames dropped since there is no connection.</summary>
    public long SendLinkDrops { get; init; }

    /// <summary>Frames dropped since the back end takes no such frame: too long, or to be cut into segments.</summary>
    public long SendUnsupportedDrops { get; init; }

    /// <summary>Pieces of frames that the back end has refused.</summary>
    public long SendErrors { get; init; }

    /// <summary>Times <see cref="NetworkInterface.SendAsync(FrameBuffer, CancellationToken)"/> had to wait.</summary>
    public long SendWaits { get; init; }

    /// <summary>Checksums that were left blank and done here, as the back end does none.</summary>
    public long ChecksumsFilled { get; init; }

    /// <summary>Events of the sending ring, where it has a channel of its own.</summary>
    public long SendEvents { get; init; }

    /// <summary>Times the back end was told of frames.</summary>
    public long SendNotifications { get; init; }

    /// <summary>Connections made, the first included.</summary>
    public long Connections { get; init; }

    /// <summary>All numbers that are not zero, each with its name.</summary>
    public override string ToString() => NamedNumbers.Format(
        ("received frames", ReceivedFrames), ("received bytes",
            ReceivedBytes), ("receive queue drops", ReceiveQueueDrops), ("receive errors", ReceiveErrors),
        ("receive runts", ReceiveRunts), ("receive giants", ReceiveGiants),
        ("receive memory drops", ReceiveMemoryDrops), ("receive events", ReceiveEvents),
        ("receive notifications",
            ReceiveNotifications), ("sent frames", SentFrames), ("sent bytes", SentBytes), ("send ring drops", SendRingDrops),
        ("send link drops",
            SendLinkDrops), ("send unsupported drops", SendUnsupportedDrops), ("send errors", SendErrors), ("send waits", SendWaits),
        ("checksums filled",
            ChecksumsFilled), ("send events", SendEvents), ("send notifications", SendNotifications), ("connections", Connections));
}
