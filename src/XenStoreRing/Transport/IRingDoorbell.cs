namespace Xenlet.XenStoreRing;

/// <summary>The event channel of a ring page: it tells the other side to check the ring, and receives the same from it.</summary>
public interface IRingDoorbell
{
    /// <summary>Notifies the other side. Never blocks.</summary>
    void Notify();

    /// <summary>
    /// Completes when the other side has notified since the last wait completed; a notification before the call counts. Notifications are
    /// only hints: there may be fewer than were sent, and some without a cause. One wait at a time.
    /// </summary>
    ValueTask WaitAsync(CancellationToken cancellationToken);
}
