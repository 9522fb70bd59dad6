namespace Xenlet.Kernel;

/// <summary>Allocates pages that other domains can be allowed to map.</summary>
/// <remarks>Every member throws <see cref="PlatformNotSupportedException"/> in a guest that runs without Xen.</remarks>
public interface ISharedPages
{
    /// <summary>A new page of zeros, outside the collected heap. The caller disposes it.</summary>
    /// <exception cref="InsufficientMemoryException">No page is left. It is an <see cref="OutOfMemoryException"/>.</exception>
    ISharedPage Allocate();

    /// <summary>
    /// Pages with a grant that was disposed, or that were disposed themselves, while another domain had them mapped and still has. None of
    /// them is used for anything else.
    /// </summary>
    int HeldPages { get; }
}
