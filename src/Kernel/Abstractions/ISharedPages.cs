namespace Xenlet.Kernel;

/// <summary>Allocates pages that other domains can be allowed to map.</summary>
/// <remarks>Every member throws <see cref="PlatformNotSupportedException"/> in a guest that runs without Xen.</remarks>
public interface ISharedPages
{
    /// <summary>Allocates a zeroed page outside the collected heap. The caller disposes it.</summary>
    /// <exception cref="InsufficientMemoryException">No page is left. The exception is an <see cref="OutOfMemoryException"/>.</exception>
    ISharedPage Allocate();

    /// <summary>
    /// Pages that were disposed, or have a disposed grant, and that another domain still has mapped. None of them is reused.
    /// </summary>
    int HeldPages { get; }
}
