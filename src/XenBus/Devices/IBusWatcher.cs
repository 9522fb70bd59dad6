using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Devices;

/// <summary>Who hears of a <see cref="BusWatch"/>.</summary>
internal interface IBusWatcher
{
    /// <summary>The watch is registered, and what it announces from here on is complete.</summary>
    /// <param name="mayHaveMissed">Whether there was a watch before, whose events may have been lost.</param>
    void OnWatched(bool mayHaveMissed);

    /// <summary>Something at or below the bus's directory may have changed.</summary>
    void OnChanged(XenStoreWatchEvent change);

    /// <summary>The watch ended with the store's connection, and is not registered again.</summary>
    void OnStoreClosed(XenStoreException error);

    /// <summary>It is time to try the registration again: <see cref="BusWatch.RegisterAgainAsync"/>.</summary>
    void OnRetryDue();

    /// <summary>Says something for an administrator.</summary>
    void Report(string text);
}
