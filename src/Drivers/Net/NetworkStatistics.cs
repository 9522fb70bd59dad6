using Xenlet.Drivers.Reports;

namespace Xenlet.Drivers;

/// <summary>
/// Counts of an interface's work since it was plugged; a resume does not reset them. They are not read at one instant.
/// </summary>
public sealed record NetworkStatistics
{
    /// <summary>Frames that the program has received, or that wait for it.</summary>
    public long ReceivedFrames { get; init; }

    /// <summary>Bytes of received frames, including Ethernet headers.</summary>
    public long ReceivedBytes { get; init; }

    /// <summary>Frames dropped because the program did not take the earlier ones in time.</summary>
    public long ReceiveQueueDrops { get; init; }

    /// <summary>Frames that the back end could not deliver completely.</summary>
    public long ReceiveErrors { get; init; }

    /// <summary>Frames shorter than an Ethernet header.</summary>
    public long ReceiveRunts { get; init; }

    /// <summary>Frames longer than 65535 bytes, which are dropped: no packet is so long, so a reader need not expect them.</summary>
    public long ReceiveGiants { get; init; }

    /// <summary>Frames dropped for lack of memory.</summary>
    public long ReceiveMemoryDrops { get; init; }

    /// <summary>Events of the receive ring.</summary>
    public long ReceiveEvents { get; init; }

    /// <summary>Notifications of the back end about pages for frames, sent only if it had run out of them.</summary>
    public long ReceiveNotifications { get; init; }

    /// <summary>Frames passed to the back end.</summary>
    public long SentFrames { get; init; }

    /// <summary>Bytes of sent frames, including Ethernet headers.</summary>
    public long SentBytes { get; init; }

    /// <summary>Frames dropped by <see cref="NetworkInterface.TrySend"/> because the ring was full.</summary>
    public long SendRingDrops { get; init; }

    /// <summary>Frames dropped because there was no connection.</summary>
    public long SendLinkDrops { get; init; }

    /// <summary>Frames dropped because the back end does not support them: too long, or to be cut into segments.</summary>
    public long SendUnsupportedDrops { get; init; }

    /// <summary>Requests (parts of frames) that the back end refused.</summary>
    public long SendErrors { get; init; }

    /// <summary>Times <see cref="NetworkInterface.SendAsync(FrameBuffer, CancellationToken)"/> had to wait.</summary>
    public long SendWaits { get; init; }

    /// <summary>Blank checksums that were completed here because the back end cannot do it.</summary>
    public long ChecksumsFilled { get; init; }

    /// <summary>Events of the transmit ring, if it has its own channel.</summary>
    public long SendEvents { get; init; }

    /// <summary>Notifications of the back end about frames.</summary>
    public long SendNotifications { get; init; }

    /// <summary>Connections made, including the first.</summary>
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
