namespace Xenlet.Kernel;

/// <summary>One page of memory at a fixed address, which two domains see. The collector never moves it.</summary>
/// <remarks>
/// The other domain may change it at any time, between any two instructions: copy first, then check the copy, then use it; order accesses
/// with <see cref="Volatile"/>.
/// </remarks>
public interface IPage
{
    /// <summary>The page's bytes.</summary>
    /// <exception cref="ObjectDisposedException">The page was disposed.</exception>
    Span<byte> Span { get; }

    /// <summary>The page's bytes. Pinning costs nothing.</summary>
    /// <exception cref="ObjectDisposedException">The page was disposed.</exception>
    Memory<byte> Memory { get; }
}
