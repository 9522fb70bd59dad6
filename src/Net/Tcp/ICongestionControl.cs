namespace Xenlet.Net.Tcp;

/// <summary>How much of the network a connection takes. Windows are in bytes, times in nanoseconds.</summary>
internal interface ICongestionControl
{
    /// <summary>No window is larger, and a threshold begins with it, in bytes.</summary>
    const int LargestWindow = 1 << 30;

    /// <summary>How many bytes may be in the network.</summary>
    int Window { get; set; }

    /// <summary>Below this the window grows by slow start.</summary>
    int Threshold { get; }

    /// <summary>Data was acknowledged while the window was what held the sender back.</summary>
    void OnAcknowledged(int bytes, long now, long roundTrip, int segmentSize);

    /// <summary>Something was lost: sets <see cref="Threshold"/>; the window is the recovery's.</summary>
    void OnLoss(int segmentSize);

    /// <summary>The loss was none: the window and the threshold are again those before it.</summary>
    void Undo();

    /// <summary>Nothing was sent for longer than a time-out: the window may be out of date (RFC 5681, section 4.1).</summary>
    void OnIdle(int initialWindow);
}
