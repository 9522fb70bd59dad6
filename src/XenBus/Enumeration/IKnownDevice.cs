namespace Xenlet.XenBus.Enumeration;

/// <summary>A device on the bus's list, as the enumeration sees it.</summary>
internal interface IKnownDevice
{
    /// <summary>Its directory, relative to our domain's.</summary>
    string Node { get; }

    /// <summary>The other end that it was made with, or that the last resume found.</summary>
    OtherEnd OtherEnd { get; }

    /// <summary>Reads this end's state, remembers it, and says how it compares with the state that was known.</summary>
    /// <exception cref="Xenlet.XenStoreRing.XenStoreException">The state cannot be read.</exception>
    ValueTask<NodeCheck> CheckNodeAsync();
}
