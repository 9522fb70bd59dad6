namespace Xenlet.XenStoreRing;

/// <summary>The event channel beside a ring page: tells the other side to look at the ring, and hears the same from it.</summary>
public interface IRingDoorbell
{
    /// <summary>Wakes the other side. Never blocks.</summary>
    void Notify();

    /// <summary>
    /// Completes when the other side has notified since the last wait completed; a notification that came before the call counts.
    /// Notifications are only hints: there may be fewer than were sent, and some without a cause. One wait at a time.
    /// </summary>
    ValueTask WaitAsync(CancellationToken cancellationToken);
}
