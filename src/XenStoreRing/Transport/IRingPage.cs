namespace Xenlet.XenStoreRing;

/// <summary>
/// A page shared with xenstored: <c>struct xenstore_domain_interface</c> of <c>io/xs_wire.h</c>. It belongs to the caller and must stay
/// mapped until the transport that uses it has been disposed.
/// </summary>
public interface IRingPage
{
    /// <summary>Address of 4096 readable and writable bytes, at least 4-byte aligned.</summary>
    nint Address { get; }
}
