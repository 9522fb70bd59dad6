namespace Xenlet.Kernel;

/// <summary>One page of this domain's memory, zeroed at first, which other domains can be allowed to map.</summary>
/// <remarks>
/// Disposing ends all grants of the page and frees its memory. A page that another domain still has mapped is not reused: it is held
/// until that domain unmaps it (<see cref="ISharedPages.HeldPages"/> counts them). A span or memory of the page must not be used after
/// disposal: an access ends the program.
/// </remarks>
public interface ISharedPage : IPage, IDisposable
{
    /// <summary>The size of a page in bytes.</summary>
    const int Size = 4096;

    /// <summary>The guest frame number: the page's guest physical address divided by <see cref="Size"/>.</summary>
    ulong Frame { get; }

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
