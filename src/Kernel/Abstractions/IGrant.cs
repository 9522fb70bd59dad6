namespace Xenlet.Kernel;

/// <summary>A grant: one other domain may map one of this domain's pages.</summary>
/// <remarks>
/// Xen does not end a grant while the other domain has the page mapped. <see cref="TryEnd"/> reports that. Disposing tries once and leaves
/// the rest to the kernel, which keeps the page and tries again.
/// </remarks>
public interface IGrant : IDisposable
{
    /// <summary>The grant reference, which the other domain needs to map the page.</summary>
    /// <exception cref="ObjectDisposedException">
    /// The grant has ended, by <see cref="TryEnd"/>, with its page or by a resume of the domain, or it was disposed. The number may already
    /// be another grant's.
    /// </exception>
    uint Reference { get; }

    /// <summary>The id of the other domain.</summary>
    ushort Domain { get; }

    /// <summary>Whether the domain may only read.</summary>
    bool IsReadOnly { get; }

    /// <summary>Ends the grant.</summary>
    /// <returns>
    /// True if it has ended, now or earlier (a resume of the domain ends all earlier grants); false while the other domain has the page
    /// mapped.
    /// </returns>
    bool TryEnd();
}
