namespace Xenlet.Kernel;

/// <summary>The permission of one other domain to map one of our pages.</summary>
/// <remarks>
/// Xen does not let a permission end while the other domain has the page mapped. <see cref="TryEnd"/> tells; disposing tries, and leaves
/// the rest to the kernel, which keeps the page and tries again.
/// </remarks>
public interface IGrant : IDisposable
{
    /// <summary>The grant reference, which the other domain needs to map the page.</summary>
    /// <exception cref="ObjectDisposedException">
    /// The permission has ended, by <see cref="TryEnd"/>, with its page or because the domain was resumed, or it was disposed: the number
    /// may be another grant's.
    /// </exception>
    uint Reference { get; }

    /// <summary>The id of the other domain.</summary>
    ushort Domain { get; }

    /// <summary>Whether it may only read.</summary>
    bool IsReadOnly { get; }

    /// <summary>Ends the permission.</summary>
    /// <returns>True when it has ended, now or earlier (a resume of the domain ends all permissions of before); false while the other
    /// domain has the page mapped.</returns>
    bool TryEnd();
}
