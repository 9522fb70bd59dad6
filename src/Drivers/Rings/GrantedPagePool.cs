using System.Diagnostics.CodeAnalysis;
using Xenlet.Drivers.Rings;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>
/// Pages that stay granted to one domain, rented or not (the protocols call them persistent grants), so that a request costs neither end a
/// grant. Data is copied through them; memory of the collector is never granted.
/// </summary>
/// <remarks>
/// A page is zeros when it is first granted, and is never granted to another domain: a pool is for one connection to one back end. It grows
/// on demand, up to its maximum, and does not shrink. Renting allocates nothing once the pool has grown. Used by one thread at a time.
/// </remarks>
public sealed class GrantedPagePool : IDisposable
{
    private readonly ISharedPages _pages;
    private readonly List<GrantedPage> _all = [];
    private readonly Stack<GrantedPage> _free = [];
    private bool _isDisposed;

    /// <summary>Creates an empty pool.</summary>
    /// <param name="pages">Provides its pages.</param>
    /// <param name="domain">The domain that may read and write them.</param>
    /// <param name="maximum">The largest number of pages.</param>
    public GrantedPagePool(ISharedPages pages, ushort domain, int maximum)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maximum);
        _pages = pages;
        Domain = domain;
        Maximum = maximum;
    }

    /// <summary>The domain that may read and write the pages.</summary>
    public ushort Domain { get; }

    /// <summary>The largest number of pages. It is reduced when memory or grants run out.</summary>
    public int Maximum { get; private set; }

    /// <summary>The number of its pages, rented or not.</summary>
    public int Count => _all.Count;

    /// <summary>The number of pages that can be rented now, including those that would be allocated.</summary>
    public int Available => _isDisposed ? 0 : Maximum - (_all.Count - _free.Count);

    /// <summary>Rents a page.</summary>
    /// <returns>
    /// False if all are rented: the caller waits until one is returned. If the guest has no memory or no grant left, the pool keeps to the
    /// pages that it has.
    /// </returns>
    /// <exception cref="OutOfMemoryException">There is no memory for the first page.</exception>
    /// <exception cref="XenException">There is no grant for the first page, or Xen does not know the domain.</exception>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    public bool TryRent([NotNullWhen(true)] out GrantedPage? page)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!_free.TryPop(out page) && (page = _all.Count < Maximum ? Make() : null) is null)
        {
            return false;
        }

        page.IsRented = true;
        return true;
    }

    /// <summary>Returns a page that the other end no longer uses. Does nothing after the pool was disposed of.</summary>
    /// <exception cref="InvalidOperationException">The page is not rented.</exception>
    public void Return(GrantedPage page)
    {
        if (_isDisposed)
        {
            return;
        }

        if (!page.IsRented)
        {
            throw new InvalidOperationException("the page is not rented");
        }

        page.IsRented = false;
        _free.Push(page);
    }

    /// <summary>
    /// Ends all grants and frees all pages, including rented ones. The kernel keeps a page that the other domain still has mapped, until it
    /// is unmapped.
    /// </summary>
    public void Dispose() => Dispose("", null);

    /// <summary>The same, and records the grants of a device that cannot end because the other domain has the pages mapped.</summary>
    internal void Dispose(string device, HeldGrants? held)
    {
        _isDisposed = true;
        foreach (GrantedPage page in _all)
        {
            page.Dispose(device, held);
        }

        _all.Clear();
        _free.Clear();
    }

    private GrantedPage? Make()
    {
        ISharedPage? page = null;
        try
        {
            page = _pages.Allocate();
            GrantedPage made = new(page, page.Grant(Domain));
            _all.Add(made);
            return made;
        }
        catch (Exception error) when (error is OutOfMemoryException or XenException)
        {
            page?.Dispose();
            if (_all.Count == 0)
            {
                throw;
            }

            Maximum = _all.Count;
            return null;
        }
    }
}
