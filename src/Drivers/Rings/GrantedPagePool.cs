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
    private const int FirstCapacity = 16;

    private readonly ISharedPages _pages;
    private readonly List<GrantedPage> _all = [];

    // A ring, as long as a power of two: the page that was returned first is rented first, so that pages side by side stay so, and what
    // takes several is copied at once.
    private GrantedPage[] _free = new GrantedPage[FirstCapacity];
    private int _firstFree;
    private int _freeCount;
    private bool _isInOrder;
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
    public int Available => _isDisposed ? 0 : Maximum - (_all.Count - _freeCount);

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
        page = _freeCount > 0 ? TakeFirst() : _all.Count < Maximum ? Make() : null;
        if (page is null)
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
        _free[(_firstFree + _freeCount++) & (_free.Length - 1)] = page;
        if (_freeCount == _all.Count && !_isInOrder)
        {
            PutInOrder();
        }
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
        _free = [];
        _freeCount = 0;
    }

    private GrantedPage TakeFirst()
    {
        GrantedPage first = _free[_firstFree];
        _firstFree = (_firstFree + 1) & (_free.Length - 1);
        _freeCount--;
        return first;
    }

    /// <summary>All pages are free, and some are new: pages come from anywhere, and together are often side by side.</summary>
    private void PutInOrder()
    {
        _isInOrder = true;
        _all.Sort(static (one, other) => one.Frame.CompareTo(other.Frame));
        _all.CopyTo(_free);
        _firstFree = 0;
    }

    private GrantedPage? Make()
    {
        ISharedPage? page = null;
        try
        {
            page = _pages.Allocate();
            GrantedPage made = new(page, page.Grant(Domain));
            _all.Add(made);
            _isInOrder = false;
            if (_all.Count > _free.Length)
            {
                // None is free now.
                _free = new GrantedPage[2 * _free.Length];
            }

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
