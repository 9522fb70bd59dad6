namespace Xenlet.Kernel;

/// <summary>The two things that join a domain to xenstore: a page with two rings, and an event channel.</summary>
/// <remarks>
/// The layout of the page is Xen's <c>io/xs_wire.h</c>, struct xenstore_domain_interface. Disposing leaves both as they are.
/// </remarks>
public interface IXenStoreLink : IDisposable
{
    /// <summary>The page, which belongs to the tool stack: it cannot be granted.</summary>
    ISharedPage Page { get; }

    /// <summary>Signals xenstore, and is signalled by it.</summary>
    IEventChannel Events { get; }

    /// <summary>
    /// Finds page and event channel anew, which disposes of those before: whoever sets a domain's xenstore up late may change them, until
    /// the page says that it is connected; and a resumed domain has others.
    /// </summary>
    /// <exception cref="XenException">The domain has no xenstore (ENOENT) any more.</exception>
    void FindAgain();
}
