using Xenlet.Drivers.Rings;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>
/// A page of a <see cref="GrantedPagePool"/>. The pool's domain may read and write it at any time, whether or not it is rented.
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

    /// <summary>The grant reference. It does not change as long as the pool exists.</summary>
    public uint Reference { get; }

    /// <summary>The page's bytes. Renting a page does not clear it.</summary>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    public Span<byte> Span => _page.Span;

    /// <summary>The page's bytes. Pinning them costs nothing.</summary>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    public Memory<byte> Memory => _page.Memory;

    /// <summary>The number of its frame: pages side by side in the guest have one after the other.</summary>
    internal ulong Frame => _page.Frame;

    /// <summary>Whether it is rented.</summary>
    internal bool IsRented { get; set; }

    internal void Dispose(string device, HeldGrants? held)
    {
        held?.End(device, _grant);
        _grant.Dispose();
        _page.Dispose();
    }
}
