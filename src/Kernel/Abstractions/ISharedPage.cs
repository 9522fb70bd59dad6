namespace Xenlet.Kernel;

/// <summary>One page of memory at a fixed address, which other domains can be allowed to map. The collector never moves it.</summary>
/// <remarks>
/// <para>A domain that has the page mapped may change it at any time, between any two instructions: copy first, then check the copy, then
/// use it; order accesses with <see cref="Volatile"/>.</para>
/// <para>Disposing ends all grants of the page and frees its memory. A page that another domain still has mapped is not reused: it is held
/// until that domain unmaps it (<see cref="ISharedPages.HeldPages"/> counts them). A span or memory of the page must not be used after
/// disposal: an access ends the program.</para>
/// </remarks>
public interface ISharedPage : IDisposable
{
    /// <summary>The size of a page in bytes.</summary>
    const int Size = 4096;

    /// <summary>The guest frame number: the page's guest physical address divided by <see cref="Size"/>.</summary>
    ulong Frame { get; }

    /// <summary>The page's bytes. A new page is zeroed.</summary>
    /// <exception cref="ObjectDisposedException">The page was disposed.</exception>
    Span<byte> Span { get; }

    /// <summary>The page's bytes. Pinning costs nothing.</summary>
    /// <exception cref="ObjectDisposedException">The page was disposed.</exception>
    Memory<byte> Memory { get; }

    /// <summary>Allows another domain to map the page.</summary>
    /// <param name="domain">The id of that domain.</param>
    /// <param name="isReadOnly">Whether the domain may only read.</param>
    /// <returns>The grant, with the reference that the other domain needs. Disposing it or the page ends it.</returns>
    /// <exception cref="XenException">
    /// The id is reserved (EINVAL), the grant table is full (ENOSPC), the page has 127 grants already (EMLINK), or it does not belong to
    /// this domain (EPERM).
    /// </exception>
    /// <exception cref="ObjectDisposedException">The page was disposed.</exception>
    IGrant Grant(ushort domain, bool isReadOnly = false);
}
