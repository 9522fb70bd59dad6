namespace Xenlet.Drivers.Net;

/// <summary>
/// The numbers behind <see cref="NetworkStatistics"/>. Those of receiving have one writer; those of sending are written with the sender's
/// lock held, or interlocked.
/// </summary>
internal sealed class NetworkCounters
{
    public long ReceivedFrames;
    public long ReceivedBytes;
    public long ReceiveQueueDrops;
    public long ReceiveErrors;
    public long ReceiveRunts;
    public long ReceiveGiants;
    public long ReceiveMemoryDrops;
    public long ReceiveEvents;
    public long ReceiveNotifications;
    public long SentFrames;
    public long SentBytes;
    public long SendRingDrops;
    public long SendLinkDrops;
    public long SendUnsupportedDrops;
    public long SendErrors;
    public long SendWaits;
    public long ChecksumsFilled;
    public long SendEvents;
    public long SendNotifications;
    public long Connections;

    public NetworkStatistics Read() => new()
    {
        ReceivedFrames = Volatile.Read(ref ReceivedFrames),
        ReceivedBytes = Volatile.Read(ref ReceivedBytes),
        ReceiveQueueDrops = Volatile.Read(ref ReceiveQueueDrops),
        ReceiveErrors = Volatile.Read(ref ReceiveErrors),
        ReceiveRunts = Volatile.Read(ref ReceiveRunts),
        ReceiveGiants = Volatile.Read(ref ReceiveGiants),
        ReceiveMemoryDrops = Volatile.Read(ref ReceiveMemoryDrops),
        ReceiveEvents = Volatile.Read(ref ReceiveEvents),
        ReceiveNotifications = Volatile.Read(ref ReceiveNotifications),
        SentFrames = Volatile.Read(ref SentFrames),
        SentBytes = Volatile.Read(ref SentBytes),
        SendRingDrops = Volatile.Read(ref SendRingDrops),
        SendLinkDrops = Volatile.Read(ref SendLinkDrops),
        SendUnsupportedDrops = Volatile.Read(ref SendUnsupportedDrops),
        SendErrors = Volatile.Read(ref SendErrors),
        SendWaits = Volatile.Read(ref SendWaits),
        ChecksumsFilled = Volatile.Read(ref ChecksumsFilled),
        SendEvents = Volatile.Read(ref SendEvents),
        SendNotifications = Volatile.Read(ref SendNotifications),
        Connections = Volatile.Read(ref Connections),
    };
}
