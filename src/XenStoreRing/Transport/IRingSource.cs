namespace Xenlet.XenStoreRing;

/// <summary>Where a domain's ring is, and where it is found anew when it may have moved.</summary>
public interface IRingSource
{
    /// <summary>The page, as it was found last.</summary>
    IRingPage Page { get; }

    /// <summary>The event channel, as it was found last.</summary>
    IRingDoorbell Doorbell { get; }

    /// <summary>
    /// Finds both anew. The transport calls it when a ring that nobody served at first has come to be served: whoever sets a domain's
    /// xenstore up late may have given it another event channel, and another page. Those of before are not touched any more.
    /// </summary>
    /// <exception cref="XenStoreException">There is no ring to be found.</exception>
    void FindAgain();
}
