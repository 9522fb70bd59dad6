namespace Xenlet.Kernel;

/// <summary>One page of memory at a fixed place, which other domains can be allowed to map. The collector never moves it.</summary>
/// <remarks>
/// <para>
/// Another domain that has the page mapped may change it at any time, between any two instructions: copy first, then check the copy, then
/// use it; order accesses with <see cref="Volatile"/>.
/// </para>
/// <para>
/// Disposing ends all grants of the page and gives its memory back. A page that another domain still has mapped is never used for anything
/// else: it is kept aside until that domain lets go of it (<see cref="ISharedPages.HeldPages"/> says how many are). A span or memory of the
/// page must not be used afterwards: an access ends the program.
/// </para>
/// </remarks>
public interface ISharedPage : IDisposable
{
    /// <summary>Bytes of a page.</summary>
    const int Size = 4096;

    /// <summary>The guest frame number: the page's guest physical address divided by <see cref="Size"/>.</summary>
    ulong Frame { get; }

    /// <summary>The page's bytes. Zeros in a new page.</summary>
    /// <exception cref="ObjectDisposedException">The page was disposed.</exception>
    Span<byte> Span { get; }

    /// <summary>The page's bytes; pinning is free.</summary>
    /// <exception cref="ObjectDisposedException">The page was disposed.</exception>
    Memory<byte> Memory { get; }

    /// <summary>Allows another domain to map the page.</summary>
    /// <param name="domain">The id of that domain.</param>
    /// <param name="isReadOnly">Whether it may only read.</param>
    /// <returns>The permission, with the reference that the other domain needs. Ended by disposing it or the page.</returns>
    /// <exception cref="XenException">
    /// The id is reserved (EINVAL), the grant table is full (ENOSPC), the page is granted 127 times (EMLINK), or it is not ours to grant
    /// (EPERM).
    /// </exception>
    /// <exception cref="ObjectDisposedException">The page was disposed.</exception>
    IGrant Grant(ushort domain, bool isReadOnly = false);
}
