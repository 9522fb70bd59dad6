namespace Xenlet.Kernel;

/// <summary>The domain's link to xenstore: a page with two rings, and an event channel.</summary>
/// <remarks>
/// The page's layout is struct xenstore_domain_interface of Xen's <c>io/xs_wire.h</c>. Disposing changes neither the page's contents nor
/// the port.
/// </remarks>
public interface IXenStoreLink : IDisposable
{
    /// <summary>The page. It belongs to the tool stack and cannot be granted.</summary>
    ISharedPage Page { get; }

    /// <summary>The event channel that signals in both directions.</summary>
    IEventChannel Events { get; }

    /// <summary>
    /// Locates page and event channel again and disposes the earlier ones. If a domain's xenstore is set up late, they may change until the
    /// page says that it is connected; a resumed domain has new ones.
    /// </summary>
    /// <exception cref="XenException">The domain no longer has a xenstore (ENOENT).</exception>
    void FindAgain();
}
