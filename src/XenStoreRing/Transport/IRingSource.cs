namespace Xenlet.XenStoreRing;

/// <summary>Locates a domain's ring, and locates it again if it may have moved.</summary>
public interface IRingSource
{
    /// <summary>The page as last located.</summary>
    IRingPage Page { get; }

    /// <summary>The event channel as last located.</summary>
    IRingDoorbell Doorbell { get; }

    /// <summary>
    /// Locates both again. The transport calls it when a ring that nobody served at first is being served: if a domain's xenstore was set
    /// up late, its event channel and page may have been replaced. The earlier ones are not touched any more.
    /// </summary>
    /// <exception cref="XenStoreException">No ring can be found.</exception>
    void FindAgain();
}
