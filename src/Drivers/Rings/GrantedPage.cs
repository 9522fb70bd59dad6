using Xenlet.Drivers.Rings;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>
/// A page of a <see cref="GrantedPagePool"/>, which the pool's domain may read and write at any time, whether it is rented or not.
/// </summary>
public sealed class GrantedPage
{
    private readonly ISharedPage _page;
    private readonly IGrant _grant;

    internal GrantedPage(ISharedPage page, IGrant grant)
    {
        _page = page;
        _grant = grant;
        Reference = grant.Reference;
    }

    /// <summary>The grant reference. It stays the same as long as the pool lives.</summary>
    public uint Reference { get; }

    /// <summary>The page's bytes. A rented page holds what was there last.</summary>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    public Span<byte> Span => _page.Span;

    /// <summary>Whether somebody has it.</summary>
    internal bool IsRented { get; set; }

    internal void Dispose(string device, HeldGrants? held)
    {
        held?.End(device, _grant);
        _grant.Dispose();
        _page.Dispose();
    }
}
